#!/usr/bin/env bash
# What the same number of hosts costs in Roundsman (SQLite; MariaDB, where there is one), Prometheus and
# VictoriaMetrics, one after the other on this machine, each as it comes.
#
#   peers-bench.sh [HOSTS] [INTERVAL] [LENGTH]      300 hosts, every 5 s, for 45 s each: five minutes in all
#
# All on loopback, on free ports, in a temporary folder. Prometheus, VictoriaMetrics and node_exporter are those of
# Debian sid: scripts/get-debian.sh fetches them into target/peers, once; nothing is installed. ROUNDSMAN_BIN is the
# folder of a release build of all three programs; without it, target/release.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
hosts=${1:-300} interval=${2:-5} length=${3:-45}
for number in "$hosts" "$interval" "$length"; do
    if ! [[ $number =~ ^[1-9][0-9]{0,3}$ ]]; then
        sed -n '5s/^# *//p' "$0" >&2
        echo "each a whole number from 1 to 9999, times in seconds" >&2
        exit 2
    fi
done
if ((length < 2 * interval)); then
    echo "LENGTH is $length s: at least two intervals are needed, $((2 * interval)) s" >&2
    exit 2
fi

. scripts/packages.sh
. scripts/loopback.sh
need python3 python3
need curl curl
install_packages "${missing[@]}"
bin=${ROUNDSMAN_BIN:-$target/release}
for program in roundsman roundsman-fleet roundsman-probe; do
    [[ -x $bin/$program ]] && continue
    echo "$bin/$program is missing: cargo build --release, or set ROUNDSMAN_BIN" >&2
    exit 1
done
scripts/get-debian.sh "$target/peers" prometheus prometheus-node-exporter victoria-metrics >/dev/null
peers=$target/peers/root/usr/bin
answers=$PWD/scripts/peers-bench/answers.py
measure=$PWD/scripts/peers-bench/measure.py
PATH=$PATH:/usr/sbin
# A connection for each host, on both sides.
ulimit -n "$(ulimit -Hn)"

own_folder
results=$work/results
loopback=http://127.0.0.1
# Until all hosts have been asked twice: Prometheus asks the first one five seconds after its start.
warm=$((2 * interval + 5))

# bytes FOLDER...: what they take on the disk.
bytes() {
    { find "$@" -type f -printf '%b\n' 2>/dev/null || true; } | awk '{ sum += $1 * 512 } END { print sum + 0 }'
}

# roundsman_stage LABEL STORE_URL FILES...: over the simulator; FILES are those that the rows are in. With `database`,
# the process whose time is told apart.
roundsman_stage() {
    local label=$1 url=$2 fleet_port http_port before host polls serve
    shift 2
    read -r fleet_port http_port < <(free_ports 2)
    start fleet "$bin/roundsman-fleet" --hosts "$hosts" --port "$fleet_port"
    serve=(env "ROUNDSMAN_STORE__URL=$url" "ROUNDSMAN_HTTP__LISTEN=127.0.0.1:$http_port"
        "$bin/roundsman" serve --grpc 127.0.0.1:0 --inventory "$work/inventory.toml" --data "$work/data")
    # What an empty store takes is no cost of a value.
    : >inventory.toml
    start empty "${serve[@]}"
    await "$loopback:$http_port/healthz"
    kill "$started"
    wait "$started" || true
    before=$(bytes "$@")
    "$bin/roundsman-fleet" --hosts "$hosts" --port "$fleet_port" --interval "${interval}s" --print-inventory >inventory.toml
    start roundsman "${serve[@]}"
    await "$loopback:$http_port/healthz"
    sleep "$warm"
    host=$(curl -s "$loopback:$http_port/api/v1/hosts?fields=name" | python3 -c 'import json, sys; print(json.load(sys.stdin)["hosts"][0]["name"])')
    python3 "$measure" run "$results" "$label" "$started" "${database:--}" "$loopback:$http_port/metrics" "$length" \
        "$loopback:$http_port/api/v1/hosts/$host/series?columns=cpu_busy_pct&from=-1h" \
        "$loopback:$http_port/api/v1/top?column=cpu_busy_pct&from=-1h&n=10"
    polls=$(curl -s "$loopback:$http_port/metrics" | awk '/^roundsman_polls_total{outcome="(ok|partial)"}/ { sum += $2 } END { print sum }')
    kill "$started"
    wait "$started" || true
    python3 "$measure" kept "$results" "$polls" "$(($(bytes "$@") - before))"
    end_programs
    rm -rf "$work/data"
}

# exporters: as many node_exporters as there are hosts, and where Prometheus finds them.
exporters() {
    local node_port
    read -r node_port answers_port control_port < <(free_ports 3)
    start node_exporter "$peers/prometheus-node-exporter" --web.listen-address="127.0.0.1:$node_port"
    await "$loopback:$node_port/metrics"
    start answers python3 "$answers" "$loopback:$node_port/metrics" "$hosts" "$answers_port" "$control_port"
    await "$loopback:$control_port/"
    {
        printf 'global:\n  scrape_interval: %ss\n  scrape_timeout: %ss\n' "$interval" "$interval"
        printf 'scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets:\n'
        python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import answers
for number in range(1, int(sys.argv[2]) + 1): print(f"          - {answers.address(number)}:{sys.argv[3]}")' \
            "${answers%/*}" "$hosts" "$answers_port"
    } >scrape.yml
}

# peer_measured LABEL PORT: of the peer that was started last, which answers PromQL there.
peer_measured() {
    local label=$1 url=$loopback:$2/api/v1 one top
    sleep "$warm"
    one="100 * (1 - avg(rate(node_cpu_seconds_total{mode=\"idle\",instance=\"127.2.0.2:$answers_port\"}[$((4 * interval))s])))"
    top='topk(10, 100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1h]))))'
    python3 "$measure" run "$results" "$label" "$started" - "$loopback:$control_port/" "$length" \
        "$url/query_range?$(query "$one")&start=$(($(date +%s) - 3600 + length))&end=$(($(date +%s) + length))&step=15" \
        "$url/query?$(query "$top")"
}

query() {
    python3 -c 'import sys, urllib.parse; print(urllib.parse.urlencode({"query": sys.argv[1]}))' "$1"
}

# peer_kept FOLDER [BLOCK]: the peer ends, and what it leaves is what it has kept.
peer_kept() {
    local polls
    kill "$started"
    wait "$started" || true
    polls=$(curl -s "$loopback:$control_port/" | python3 -c 'import json, sys; print(json.load(sys.stdin)["polls"])')
    python3 "$measure" kept "$results" "$polls" "$(bytes "$1")" "${@:2}"
    end_programs
    rm -rf "$1"
}

# What answers on a host, as each comes, a hundred times back to back over one connection.
read -r probe_port node_port < <(free_ports 2)
start node_exporter "$peers/prometheus-node-exporter" --web.listen-address="127.0.0.1:$node_port"
await "$loopback:$node_port/metrics"
python3 "$measure" agent "$results" "node_exporter" "$started" 100 curl -sf --compressed "$loopback:$node_port/metrics?[1-100]"
start probe "$bin/roundsman-probe" serve --listen "127.0.0.1:$probe_port"
for _ in {1..150}; do
    (: <"/dev/tcp/127.0.0.1/$probe_port") 2>/dev/null && break
    sleep 0.2
done
python3 "$measure" agent "$results" "roundsman-probe" "$started" 100 "$bin/roundsman" poll "127.0.0.1:$probe_port" --times 100
end_programs

database=
roundsman_stage "Roundsman, SQLite" "" "$work/data"

if command -v mariadbd >/dev/null; then
    start_mariadb --innodb-buffer-pool-size=128M
    database=$started
    roundsman_stage "Roundsman, MariaDB" "mysql://root@127.0.0.1:$database_port/roundsman" "$work/mariadb/roundsman"
else
    echo "NOT RUN: mariadbd is not here"
fi

exporters
read -r prometheus_port < <(free_ports 1)
start prometheus "$peers/prometheus" --config.file=scrape.yml --storage.tsdb.path="$work/prometheus" \
    --web.listen-address="127.0.0.1:$prometheus_port" --web.enable-admin-api --log.level=warn
await "$loopback:$prometheus_port/-/ready"
peer_measured "Prometheus" "$prometheus_port"
# The block that the samples in memory would become, beside the log of them that it keeps until then.
curl -sf -o /dev/null -X POST "$loopback:$prometheus_port/api/v1/admin/tsdb/snapshot"
block=$(bytes "$work/prometheus/snapshots")
rm -rf "$work/prometheus/snapshots"
peer_kept "$work/prometheus" "$block"

exporters
read -r victoria_port < <(free_ports 1)
# By itself it answers without the newest half minute, which is most of what there is here.
start victoria "$peers/victoria-metrics" -promscrape.config="$work/scrape.yml" -storageDataPath="$work/victoria" \
    -httpListenAddr="127.0.0.1:$victoria_port" -search.latencyOffset=0s
await "$loopback:$victoria_port/health"
peer_measured "VictoriaMetrics" "$victoria_port"
# Its parts as they would be merged in time.
curl -sf -o /dev/null "$loopback:$victoria_port/internal/force_flush"
curl -sf -o /dev/null "$loopback:$victoria_port/internal/force_merge"
for _ in {1..150}; do
    sleep 0.2
    curl -s "$loopback:$victoria_port/metrics" | grep -c "^vm_active_force_merges 0" >/dev/null && break
done
peer_kept "$work/victoria"

echo "$hosts hosts every $interval s, measured for $length s each after $warm s; $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)"
"$bin/roundsman" --version
for package in prometheus victoria-metrics prometheus-node-exporter; do
    zcat "$target/peers/root/usr/share/doc/$package/changelog.Debian.gz" | sed -n '1s/;.*//p;1q'
done
echo
python3 "$measure" table "$results"
cat <<'END'

polls         good polls, or scrapes, in the measured time
values        of one poll: Roundsman's by /metrics/hosts (hosts of 2 to 64 simulated cores), node_exporter's by its answer on
              this machine. Compare by value as well as by poll.
CPU           of the process by its clock; + that of the database. Not counted: what answers (simulator, node_exporter).
              Prometheus and VictoriaMetrics get the newest answer of one node_exporter, asked every second, from as many
              addresses; they judge no alert rules, Roundsman judges those that it ships.
resident      at the end; + the database
bytes/value   on the disk once the program has ended, less what an empty store takes, by all values since its start. Minutes of
              data are the worst case of all: Roundsman packs hours that are six hours old, Prometheus two hours into a block (in
              brackets: the block that it would be now), VictoriaMetrics was told to merge. MariaDB: the files of its tables.
one host, top the first answer / the median of ten more, over HTTP: CPU of a host over the last hour; the ten hosts with the
              highest mean of it. Only the time since the start has data.
an answer     CPU of what answers on a host, this machine's default values, by its threads' clocks
busy          the whole machine while it was measured, what answers and other work on it included
END
