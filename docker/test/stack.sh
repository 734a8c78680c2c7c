# shellcheck shell=bash
# Sourced: what the tests ask of a stack that runs. Hosts, tasks and rows, by the means that an
# operator has: docker, the server's own commands, SQL.

. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"

# begin NAME...: an engine for each, and a copy of docker/ that may be edited. Ends the test, saying
# so, when there can be none.
begin() {
    local name lacks
    # Short: the path of a socket may have 107 bytes.
    work=$(mktemp -d -t roundsman-XXXXXX)
    # Nobody's own token is used or made.
    export ROUNDSMAN_DOCKER_SECRETS=$work/secrets
    trap 'finish $?' EXIT
    trap 'exit 130' INT TERM
    lacks=$(engine_lacks | paste -sd ';')
    [[ -z $lacks ]] || not_run "for lack of $lacks"
    for name in "$@"; do
        start_engine "$name" || not_run "no engine starts here: $(tail -n 3 "$work/$name/log")"
    done
    cp -r docker "$work/docker"
    # Before Docker 25 the first check comes after the interval, since then after 5 s. So it is here.
    # A task that was replaced is watched for a shorter time than otherwise.
    sed -i 's/^    image: .*roundsman.*/&\n    healthcheck: { interval: 5s }/; s/monitor: [0-9]*s/monitor: 4s/' \
        "$work/docker/stack.yml"
}

# Told by the exit code, so that a caller can say it at the end.
not_run() {
    printf 'NOT RUN: %s\n' "$1" >&2
    exit 77
}

passed=
finished() { passed=yes; }

finish() {
    local status=$1 name
    trap - EXIT
    if [[ -z $passed && $status != 77 ]]; then
        for name in "${engines[@]}"; do
            echo "--- $name" >&2
            engine "$name" ps -a >&2 || true
            engine "$name" service ps --no-trunc roundsman_server roundsman_probe roundsman_db >&2 2>&1 || true
            engine "$name" service logs --tail 30 roundsman_server >&2 2>&1 || true
            why "$name" "$name" >&2 || true
            tail -n 10 "$work/$name/log" | cut -c1-300 >&2
        done
        status=1
    fi
    say "removal"
    if stop_engines; then
        echo "ok: nothing is left: no process, no cgroup, no mount, no file"
    else
        echo "FAILED: something was left behind" >&2
        status=1
    fi
    exit "$status"
}

redeploy() {
    local before
    before=$(engine "$1" ps -q | sort)
    DOCKER_HOST=unix://$work/$1/docker.sock "$work/docker/deploy.sh" --resolve-image never || return 1
    test "$before" = "$(engine "$1" ps -q | sort)"
}

# task NODE SERVICE: the container of its newest task there.
task() {
    engine "$1" ps -q --filter "label=com.docker.swarm.service.name=roundsman_$2" | head -n 1
}

# container_is NODE CONTAINER HEALTH
container_is() {
    test "$(engine "$1" inspect -f '{{.State.Health.Status}}' "$2")" = "$3"
}

# healthy NODE SERVICE...: each has one task there, and `docker ps` shows it healthy.
healthy() {
    local node=$1 service
    shift
    for service in "$@"; do
        test "$(engine "$node" ps --filter "label=com.docker.swarm.service.name=roundsman_$service" \
            --format '{{.Status}}' | grep -c '(healthy)')" = 1 || return 1
        test "$(engine "$node" ps -q --filter "label=com.docker.swarm.service.name=roundsman_$service" | wc -l)" = 1 || return 1
    done
}

# replaced NODE SERVICE OLD: another container than OLD is the only one, and healthy.
replaced() {
    healthy "$1" "$2" && test "$(task "$1" "$2")" != "$3"
}

# roundsman NODE ARGUMENTS...: in the server's container.
roundsman() {
    local node=$1
    shift
    engine "$node" exec "$(task "$node" server)" roundsman "$@"
}

why() { roundsman "$1" why "$2"; }

why_says() { why "$1" "$2" | grep -q -- "$3"; }

# host_is NODE HOST STATE...: the server on NODE has it in one of the states.
host_is() {
    local node=$1 host=$2 state
    state=$(roundsman "$node" hosts --json | jq -r --arg host "$host" '.hosts[] | select(.name == $host) | .state')
    shift 2
    [[ " $* " == *" $state "* ]] || { echo "$host is '$state'" >&2; return 1; }
}

# state_is NODE STATE: of the host of that node, by the server on it.
state_is() { host_is "$1" "$1" "$2"; }

# sql NODE STATEMENT: in the database's container.
sql() {
    # shellcheck disable=SC2016 # it is expanded in the container
    engine "$1" exec "$(task "$1" db)" sh -c \
        'MYSQL_PWD=$(cat /run/secrets/roundsman-db) exec mariadb -N -B -u roundsman roundsman -e "$1"' sh "$2"
}

now() { sql "$1" "SELECT UTC_TIMESTAMP(3)"; }

# polls NODE HOST: how many are kept.
polls() {
    sql "$1" "SELECT COUNT(*) FROM poll p JOIN host h ON h.id = p.host_id WHERE h.name = '$2'"
}

# polled_since NODE HOST ROWS MORE
polled_since() { (($(polls "$1" "$2") >= $3 + $4)); }

# went NODE HOST SINCE STATES: it entered one of them.
went() {
    (($(sql "$1" "SELECT COUNT(*) FROM event WHERE host_name = '$2' AND ts >= '$3' AND to_state IN ($4)") > 0))
}

# newest NODE HOST: the slot of its newest poll, in milliseconds, as the server has it in memory.
newest() {
    local pid
    pid=$(engine "$1" inspect -f '{{.State.Pid}}' "$(task "$1" server)")
    nsenter --target "$pid" --net -- \
        curl -sf -u "x:$(cat "$ROUNDSMAN_DOCKER_SECRETS/http-token")" http://127.0.0.1:8080/api/v1/hosts \
        | jq --arg host "$2" '.hosts[] | select(.name == $host) | .last.slot_ms'
}

# kept NODE HOST SLOT: that poll is in the database.
kept() { test "$(sql "$1" "SELECT COUNT(*) FROM ledger WHERE host = '$2' AND time_ms = $3")" = 1; }

# serving NODE ADDRESS SERVICE: who is on the overlay learns, in plain text, that it is well; asked from where
# the probe's container on NODE is, by the program in the test's folder of binaries.
serving() {
    local pid
    pid=$(engine "$1" inspect -f '{{.State.Pid}}' "$(task "$1" probe)")
    # shellcheck disable=SC2154 # each test has it
    test "$(nsenter --target "$pid" --net -- "$binaries/roundsman-probe" health --address "$2" --service "$3")" = SERVING
}

# stopped NODE SERVICE: `docker stop` by the engine itself (Swarm starts another) ends it by itself, with
# code 0, within 5 s. The engine then takes its time to take it off the networks; that is told, too.
stopped() {
    local container began took ended code
    container=$(task "$1" "$2")
    began=$(date +%s%3N)
    engine "$1" stop --time 30 "$container" >/dev/null
    took=$(($(date +%s%3N) - began))
    ended=$(($(date -d "$(engine "$1" inspect -f '{{.State.FinishedAt}}' "$container")" +%s%3N) - began))
    code=$(engine "$1" inspect -f '{{.State.ExitCode}}' "$container")
    echo "the $2 ended after $ended ms, docker stop after $took ms, exit code $code; its last words:" >&2
    engine "$1" logs --timestamps --tail 2 "$container" 2>&1 | cut -c1-200 >&2
    ((ended < 5000 && code == 0))
}

# stopped_after_a_poll NODE: stops the server the moment it has polled NODE, before the row's batch is
# full, and says which slot that was.
stopped_after_a_poll() {
    local before slot tries
    before=$(newest "$1" "$1")
    for ((tries = 0; tries < 600; tries++)); do
        slot=$(newest "$1" "$1")
        [[ $slot == "$before" ]] || break
    done
    stopped "$1" server || return 1
    echo "$slot"
}

# address_of NODE SERVICE: of its task in the overlay.
address_of() {
    engine "$1" inspect -f '{{.NetworkSettings.Networks.roundsman.IPAddress}}' "$(task "$1" "$2")"
}

# Less the ones that the server leaves out unless told otherwise.
machine_interfaces() {
    sed -n '3,$s/^ *\([^:]*\):.*/\1/p' /proc/1/net/dev \
        | grep -vE '^(veth|cali|lxc[0-9a-f]{12})|^br-[0-9a-f]{12}$|^vx-[0-9a-f]+-' | sort
}

# Those with a size, less the ones that the server leaves out.
machine_mounts() {
    local kinds='autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|mqueue|nsfs|proc|pstore|rpc_pipefs|securityfs|sysfs|tracefs|fuse\..*'
    awk '{ for (i = 7; $i != "-"; i++); print $5, $(i + 1) }' /proc/1/mountinfo \
        | grep -vE " ($kinds)\$" | cut -d' ' -f1 \
        | grep -vE '^/(dev|proc|sys)($|/)|^/run/(credentials|docker|containerd|netns|user)($|/)|^/var/lib/(docker|containers/storage|containerd|kubelet)/.+|^/(var/lib/)?snap(d/snap)?/' \
        | sort -u
}

container_has_other_interfaces() {
    local pid
    pid=$(engine "$node" inspect -f '{{.State.Pid}}' "$(task "$node" probe)")
    ! diff <(machine_interfaces) <(sed -n '3,$s/^ *\([^:]*\):.*/\1/p' "/proc/$pid/net/dev" | sort)
}

# Bytes received on all interfaces: what the probe says lies between what the machine says before
# and after, which is another number than the container's.
machine_counters() {
    local before said after
    before=$(machine_received)
    said=$(engine "$node" exec "$(task "$node" probe)" roundsman-probe show --json \
        | jq '.values.network.rx_bytes | add')
    after=$(machine_received)
    echo "received: machine $before, probe $said, machine $after"
    ((before <= said && said <= after))
}

machine_received() { sed 's/:/ /' /proc/1/net/dev | awk 'NR > 2 { sum += $2 } END { printf "%d", sum }'; }

# doctor_misses CONTAINER SUBJECT: it fails and names it.
doctor_misses() {
    local said
    ! said=$(engine "$node" exec "$1" roundsman-probe doctor) || return 1
    grep -q "^MISSING *$2" <<<"$said"
}

# peak NODE CONTAINER: most bytes of memory that it has had, its page cache included.
peak() {
    local id file
    id=$(engine "$1" inspect -f '{{.Id}}' "$2")
    for file in "/sys/fs/cgroup/memory$cgroup/$id/memory.max_usage_in_bytes" "/sys/fs/cgroup$cgroup/$id/memory.peak"; do
        [[ ! -r $file ]] || { cat "$file"; return; }
    done
    echo unknown
}

# ledger_says NODE HOST SINCE INTERVAL_MS: of its polls since then, how many there are, how many failed, and how
# many slots between them have none.
ledger_says() {
    sql "$1" "SELECT COUNT(*), COALESCE(SUM(outcome NOT IN ('ok', 'partial')), 0), COALESCE(ROUND(SUM(gap / $4 - 1)), 0)
        FROM (SELECT outcome, time_ms - LAG(time_ms) OVER (ORDER BY time_ms) AS gap
            FROM ledger WHERE host = '$2' AND time >= '$3') polls"
}

# never_moved NODE HOST SINCE: it was up all the time.
never_moved() { ! went "$1" "$2" "$3" "'suspect', 'down', 'degraded'"; }

# plain_refused NODE ADDRESS: who asks a probe in plain text is not answered.
plain_refused() {
    local said
    ! said=$(engine "$1" run --rm --network roundsman roundsman-probe health --address "$2:50051" 2>&1) || return 1
    echo "$said" >&2
}

# shown_by NODE: a hash of the certificate that the probe there shows.
shown_by() {
    sha256sum <"/proc/$(engine "$1" inspect -f '{{.State.Pid}}' "$(task "$1" probe)")/root/run/secrets/probe.pem"
}

# storm NODE CONTAINER PROBE: twelve at a time, some hundred in all, ask for the dearest family: with
# Docker's own check within the sixteen places that one address has of the probe's sixty-four.
storm() {
    local pid round asking
    pid=$(engine "$1" inspect -f '{{.State.Pid}}' "$2")
    for round in {1..20}; do
        asking=()
        for _ in {1..12}; do
            nsenter --target "$pid" --net -- "$3" health --timeout 60s --service roundsman.v1.Probe/processes \
                --tls-cert "$ROUNDSMAN_DOCKER_SECRETS/ca/hosts/tasks.probe/probe.pem" >/dev/null &
            asking+=($!)
        done
        for asked in "${asking[@]}"; do
            wait "$asked" || { echo "round $round: one was not answered" >&2; return 1; }
        done
    done
}

# memory_held NODE CONTAINER BYTES: with that limit it was not killed.
memory_held() {
    test "$(engine "$1" inspect -f '{{.State.OOMKilled}} {{.State.Running}} {{.HostConfig.Memory}}' "$2")" = "false true $3"
}
