# shellcheck shell=bash
# Sourced: Docker engines of a test's own. Each has its own folder, socket, network namespace, mount
# namespace and cgroup, so that nothing of the machine is used or changed, its own engine included.
# What an engine starts is ended with it, by number.

here=$(dirname "${BASH_SOURCE[0]}")

# Engines that run: NAME and, in the files of $work/NAME, the rest.
engines=()
# Where all of it is; removed at the end.
work=
# The parent of every container's cgroup: what is in it is ours.
cgroup=/roundsman-test-$$

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# What is missing here for an engine; nothing when it can be tried.
engine_lacks() {
    local program
    [[ $(id -u) == 0 ]] || echo "root"
    for program in dockerd containerd runc docker iptables ip nsenter unshare jq; do
        command -v "$program" >/dev/null || echo "$program"
    done
}

# How / is mounted for the engines: rshared, as systemd does it, or rprivate.
propagation=rshared

# start_engine NAME: as the node NAME. Its containers believe that the machine has that name and a
# machine-id of its own.
start_engine() {
    local name=$1 dir=$work/$1 tries
    mkdir -p "$dir"
    echo "$name" >"$dir/hostname"
    printf 'roundsman test %s %s' "$$" "$name" | md5sum | cut -c1-32 >"$dir/machine-id"
    unshare --mount --net --uts bash "$here/engine_inside.sh" "$name" "$dir" "$cgroup" \
        "$propagation" \
        >"$dir/log" 2>&1 &
    echo $! >"$dir/engine.pid"
    engines+=("$name")
    for ((tries = 0; tries < 120; tries++)); do
        if engine "$name" version >/dev/null 2>&1; then
            return 0
        fi
        if ! kill -0 "$(<"$dir/engine.pid")" 2>/dev/null; then
            break
        fi
        sleep 0.5
    done
    return 1
}

# engine NAME ARGUMENTS...: `docker ARGUMENTS` with that engine.
engine() {
    local name=$1
    shift
    DOCKER_HOST=unix://$work/$name/docker.sock docker "$@"
}

# in_network NAME COMMAND...: in the engine's network namespace.
in_network() {
    local pid
    pid=$(<"$work/$1/engine.pid")
    shift
    nsenter --target "$pid" --net -- "$@"
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds.
within() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            "$@" || true
            fail "not within $seconds s: $what"
        fi
        sleep 0.5
    done
    echo "ok: $what"
}

# expect WHAT COMMAND...: the command succeeds now.
expect() {
    local what=$1
    shift
    "$@" >/dev/null || fail "$what: $*"
    echo "ok: $what"
}

# fails COMMAND...: it does not succeed.
fails() { ! "$@" 2>/dev/null; }

# Processes that our engines have started, whoever is their parent by now: those that name the
# folder, and those in the containers' cgroups.
strays() {
    local pid
    for pid in /proc/[0-9]*; do
        pid=${pid#/proc/}
        [[ $pid != "$$" && $pid != "$BASHPID" ]] || continue
        # One that ends while it is looked at is none.
        {
            if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$work/" \
                || grep -qF -- "$cgroup/" "/proc/$pid/cgroup"; then
                echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-120)"
            fi
        } 2>/dev/null
    done
}

# Ends the engines and removes all of it. Succeeds when nothing is left.
stop_engines() {
    local name pid tries left leaving=()
    for name in "${engines[@]}"; do
        engine "$name" swarm leave --force >/dev/null 2>&1 || true
        # An engine leaves its containers' processes alone unless it has stopped them.
        mapfile -t leaving < <(engine "$name" ps -q 2>/dev/null)
        if ((${#leaving[@]})); then
            engine "$name" rm -f "${leaving[@]}" >/dev/null 2>&1 || true
        fi
        kill -TERM "$(<"$work/$name/engine.pid")" 2>/dev/null || true
    done
    for name in "${engines[@]}"; do
        pid=$(<"$work/$name/engine.pid")
        for ((tries = 0; tries < 60; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    engines=()
    left=$(strays)
    if [[ -n $left ]]; then
        printf 'left behind:\n%s\n' "$left" >&2
        while read -r pid _; do
            kill -KILL "$pid" 2>/dev/null || true
        done <<<"$left"
    fi
    find /sys/fs/cgroup -depth -type d -path "*$cgroup*" -exec rmdir {} + 2>/dev/null || true
    rm -rf --one-file-system "$work"
    [[ -z $left && ! -e $work ]] && ! grep -qF "$work/" /proc/self/mountinfo
}
