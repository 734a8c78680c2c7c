#!/usr/bin/env bash
# Sends a simulated fleet by remote_write (1.0 and 2.0) and OTLP to a real Prometheus and a real VictoriaMetrics, one
# after the other. Each is killed for a while, meanwhile the server is started anew, and then comes back. In the end
# what it has is compared with the store: each value of some columns at the moment of each poll, none missing and
# none more. Then the fleet dies, and its series have to end.
#
#   export-test.sh [PROTOCOL...]      about three minutes; of one protocol a third
#
# All on loopback, on free ports, in a temporary folder. The receivers are those of Debian sid: scripts/get-debian.sh
# fetches them into target/peers, once; nothing is installed. ROUNDSMAN_BIN is the folder of a build of the
# programs; without it they are built.
set -euo pipefail
(($#)) || set -- remote_write remote_write_2 otlp
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

. scripts/packages.sh
. scripts/loopback.sh
need python3 python3
need curl curl
install_packages "${missing[@]}"
scripts/get-debian.sh "$target/peers" prometheus prometheus-node-exporter victoria-metrics >/dev/null
peers=$target/peers/root/usr/bin
[[ -n ${ROUNDSMAN_BIN:-} ]] || build_programs
compare=$PWD/scripts/export-test/compare.py
hosts=20
loopback=http://127.0.0.1

own_folder

# metric NAME: what the server says of itself; 0 while it does not answer.
metric() {
    { curl -sf "$loopback:$http_port/metrics" || true; } | awk -v name="roundsman_$1" '$1 == name { sum += $2 } END { print sum + 0 }'
}

# wait_for WHAT COMMAND...: until it succeeds, half a minute at most.
wait_for() {
    local what=$1
    shift
    for _ in {1..150}; do
        "$@" && return
        sleep 0.2
    done
    echo "not within half a minute: $what" >&2
    tail -n 20 ./*.log >&2
    return 1
}

# doctor_says WORDS: of the receiver.
doctor_says() {
    env -u ROUNDSMAN_BIN "ROUNDSMAN_EXPORT__URL=$write" "ROUNDSMAN_EXPORT__PROTOCOL=$protocol" \
        "$ROUNDSMAN_BIN/roundsman" doctor --inventory inventory.toml --data "$work/data" >doctor.log 2>&1 || true
    grep -q "export .*$1" doctor.log
}

at_least() { (($(metric "$1") >= $2)); }
is_sent() { (($(metric export_waiting_bytes) == 0)); }
ends() { ! kill -0 "$1" 2>/dev/null; }

serve() {
    start "roundsman$((++serves))" env "ROUNDSMAN_HTTP__LISTEN=127.0.0.1:$http_port" \
        "ROUNDSMAN_EXPORT__URL=$write" "ROUNDSMAN_EXPORT__PROTOCOL=$protocol" \
        "$ROUNDSMAN_BIN/roundsman" serve --grpc 127.0.0.1:0 --inventory inventory.toml --data "$work/data"
    roundsman=$started
    await "$loopback:$http_port/healthz"
}

stop() {
    kill "$1"
    wait_for "the end of process $1" ends "$1"
}

receive() {
    case $receiver in
        prometheus)
            : >none.yml
            start prometheus "$peers/prometheus" --config.file=none.yml --storage.tsdb.path="$work/received" \
                --web.listen-address="127.0.0.1:$receiver_port" --web.enable-remote-write-receiver \
                "${otlp[@]}" --log.level=warn
            received=$started away=KILL
            await "$loopback:$receiver_port/-/ready"
            ;;
        victoria)
            start victoria "$peers/victoria-metrics" -storageDataPath="$work/received" \
                -httpListenAddr="127.0.0.1:$receiver_port" -search.latencyOffset=0s \
                -opentelemetry.usePrometheusNaming
            # What it took in the last seconds before a KILL it would have lost itself.
            received=$started away=TERM
            await "$loopback:$receiver_port/health"
            ;;
    esac
}

# stage RECEIVER PROTOCOL
stage() {
    receiver=$1 protocol=$2 serves=0
    echo "$receiver, $protocol"
    read -r fleet_port http_port receiver_port < <(free_ports 3)
    case $receiver-$protocol in
        prometheus-otlp) write=api/v1/otlp/v1/metrics ;;
        victoria-otlp) write=opentelemetry/v1/metrics ;;
        *) write=api/v1/write ;;
    esac
    write=$loopback:$receiver_port/$write
    "$ROUNDSMAN_BIN/roundsman-fleet" --hosts $hosts --port "$fleet_port" --interval 1s --print-inventory >inventory.toml
    start fleet "$ROUNDSMAN_BIN/roundsman-fleet" --hosts $hosts --port "$fleet_port"
    fleet=$started
    receive
    serve
    wait_for "the first readings" at_least export_samples_sent_total 60000

    kill "-$away" "$received"
    { wait "$received" || true; } 2>/dev/null
    wait_for "a receiver that is away is noticed" at_least export_retries_total 2
    wait_for "readings wait" at_least export_waiting_bytes 200000
    wait_for "doctor misses the receiver" doctor_says "cannot connect"
    stop "$roundsman"
    serve
    wait_for "more readings wait" at_least export_waiting_bytes 500000
    receive
    wait_for "what waited is sent" is_sent
    wait_for "readings are sent again" at_least export_samples_sent_total 20000
    wait_for "doctor finds the receiver" doctor_says "takes requests"
    for lost in export_samples_dropped_total export_polls_missed_total; do
        (($(metric $lost) == 0)) || { echo "$lost is $(metric $lost)" >&2; curl -s "$loopback:$http_port/metrics" | grep export >&2; cat roundsman*.log >&2; return 1; }
    done
    if grep -h "1.0 alone" roundsman*.log; then echo "  $receiver does not take 2.0"; fi

    kill "$fleet"
    wait_for "series end once their host is gone" python3 "$compare" ended "$loopback:$receiver_port" "$protocol" $hosts
    # What is asked for last is what was sent last.
    stop "$roundsman"
    env -u ROUNDSMAN_BIN "$ROUNDSMAN_BIN/roundsman" sql --inventory inventory.toml --data "$work/data" --format jsonl \
        "SELECT h.name AS host, p.started_ms AS at, c.load_1 AS load, m.mem_available_bytes AS available,
            m.mem_used_pct / 100 AS used
        FROM poll p JOIN host h ON h.id = p.host_id
            JOIN cpu_load c ON c.host = h.name AND c.time_ms = p.slot_ms
            JOIN mem_info m ON m.host = h.name AND m.time_ms = p.slot_ms
        WHERE p.outcome IN ('ok', 'partial')" >stored.jsonl
    python3 "$compare" same "$loopback:$receiver_port" "$protocol" "$receiver" stored.jsonl
    end_programs
    rm -rf "$work"/data "$work"/received "$work"/*.log
}

# Debian's own has been built without.
otlp=(--web.enable-otlp-receiver)
"$peers/prometheus" --help 2>&1 | grep -q "web.enable-otlp-receiver" || otlp=()
for receiver in prometheus victoria; do
    for protocol in "$@"; do
        case $receiver-$protocol-${#otlp[@]} in
            prometheus-otlp-0) echo "prometheus, otlp: left out, for this one takes none" ;;
            *) stage "$receiver" "$protocol" ;;
        esac
    done
done
