#!/usr/bin/env bash
# How long a fleet is not polled when the server in charge is stopped, killed or stands still, and its standby
# takes over: two servers of the release, a simulated fleet, MariaDB, all on this machine.
#
#   scripts/takeover-bench.sh [HOSTS [INTERVAL]]     1000 hosts every 5 s
#
# The programs are those in target/release, or in the folder that ROUNDSMAN_BIN names.
set -euo pipefail
cd "$(dirname "$0")/.."

hosts=${1:-1000}
interval=${2:-5}
bin=$(realpath "${ROUNDSMAN_BIN:-${CARGO_TARGET_DIR:-target}/release}")
if ! [[ $hosts =~ ^[1-9][0-9]{0,4}$ && $interval =~ ^[1-9][0-9]?$ ]]; then
    echo "usage: scripts/takeover-bench.sh [HOSTS [INTERVAL]]: 1 to 99999 hosts, every 1 to 99 seconds" >&2
    exit 2
fi
for program in roundsman roundsman-fleet; do
    if [[ ! -x $bin/$program ]]; then
        echo "$bin/$program is not there: cargo build --release --workspace" >&2
        exit 1
    fi
done
. scripts/packages.sh
. scripts/loopback.sh
need mariadbd mariadb-server
need curl curl
need python3 python3
install_packages "${missing[@]}"
own_folder

sql() { mariadb --no-defaults --socket="$work/socket" --user=root --skip-column-names --execute="$1" roundsman; }

# serve NAME PORT: a server with a data folder of its own.
serve() {
    start "$1" env "ROUNDSMAN_STORE__URL=mysql://root@127.0.0.1:$database_port/roundsman" \
        "ROUNDSMAN_HTTP__LISTEN=127.0.0.1:$2" "$bin/roundsman" serve --grpc 127.0.0.1:0 \
        --inventory "$work/inventory.toml" --data "$work/$1"
}

# all_polled PORT: until the server there has polled each host.
all_polled() {
    for _ in {1..600}; do
        curl -s "http://127.0.0.1:$1/metrics" | awk -v hosts="$hosts" '
            /^roundsman_hosts\{state="up"\}/ { up = $2 }
            /^roundsman_polls_total\{outcome="ok"\}/ { polls = $2 }
            END { exit !(up == hosts && polls >= hosts) }' && return
        sleep 0.2
    done
    echo "not all hosts were polled" >&2
    tail -n 5 ./*.log >&2
    return 1
}

# written: until the store has what was polled by now.
written() {
    local now
    now=$(sql "SELECT UTC_TIMESTAMP(3)")
    for _ in {1..600}; do
        [[ $(sql "SELECT EXISTS (SELECT 1 FROM poll WHERE ts > '$now')") == 1 ]] && return
        sleep 0.2
    done
    return 1
}

now() { sql "SELECT UTC_TIMESTAMP(3)"; }

# measure WHAT AT: what the database says of the takeover that began then.
measure() {
    sql "SET @at = '$2', @interval = $interval;
         SELECT RPAD('$1', 12, ' '),
           LPAD(FORMAT(TIMESTAMPDIFF(MICROSECOND, @at, MIN(first)) / 1e6, 1), 7, ' '),
           LPAD(FORMAT(TIMESTAMPDIFF(MICROSECOND, @at, MAX(first)) / 1e6, 1), 7, ' '),
           LPAD(FORMAT(MAX(TIMESTAMPDIFF(MICROSECOND, last, first)) / 1e6, 1), 7, ' '),
           LPAD((SELECT MAX(polls) FROM (SELECT COUNT(*) polls FROM poll WHERE ts > @at GROUP BY FLOOR(UNIX_TIMESTAMP(ts))) s), 7, ' '),
           LPAD((SELECT MAX(polls) FROM (SELECT COUNT(*) polls FROM poll WHERE ts < @at AND ts > @at - INTERVAL 2 * @interval SECOND GROUP BY FLOOR(UNIX_TIMESTAMP(ts))) s), 7, ' '),
           LPAD((SELECT COUNT(*) FROM event WHERE from_state <> 'pending'), 7, ' ')
         FROM (SELECT host_id, MIN(ts) first FROM poll WHERE ts > @at AND outcome = 'ok' GROUP BY host_id) after
         JOIN (SELECT host_id, MAX(ts) last FROM poll WHERE ts <= @at AND ts > @at - INTERVAL 3 * @interval SECOND GROUP BY host_id) earlier USING (host_id)" | tr -d '\t'
}

start_mariadb --innodb-buffer-pool-size=1G
read -r fleet_port first_port second_port < <(free_ports 3)
"$bin/roundsman-fleet" --hosts "$hosts" --port "$fleet_port" --interval "${interval}s" --print-inventory >inventory.toml
start fleet "$bin/roundsman-fleet" --hosts "$hosts" --port "$fleet_port"

echo "$hosts hosts every $interval s; seconds after the event until the first and the last host is polled; the longest"
echo "time between two polls of a host; polls in the busiest second after and before; changes of state"
echo
echo "event          first   last   gap   after  before changes"
serve first "$first_port"
in_charge=$started
await "http://127.0.0.1:$first_port/readyz"
all_polled "$first_port"
ports=("$second_port" "$first_port" "$second_port")
for signal in TERM KILL STOP; do
    port=${ports[0]}
    ports=("${ports[@]:1}")
    serve "after-$signal" "$port"
    standby=$started
    for _ in {1..150}; do
        grep -qs "a standby" "after-$signal.log" && break
        sleep 0.2
    done
    at=$(now)
    kill -s "$signal" "$in_charge"
    # Waited for at once, or the shell says that it was killed.
    [[ $signal == STOP ]] || { wait "$in_charge" || true; } 2>/dev/null
    all_polled "$port"
    written
    measure "$signal" "$at"
    if [[ $signal == STOP ]]; then
        kill -s KILL "$in_charge"
        { wait "$in_charge" || true; } 2>/dev/null
    fi
    in_charge=$standby
done
