#!/usr/bin/env bash
# Holds /metrics/hosts to a real Prometheus and a real node_exporter: both tell of this machine, Prometheus scrapes
# both for some minutes, and what it has of the two is compared: names, labels, gauges, counters (each sample between the
# neighbours that the other has, rates within 2 %).
#
#   prometheus-test.sh [MINUTES]     10 where nothing is said; at least 2
#
# A probe and a server run on loopback, on free ports, in a temporary folder. Prometheus, promtool and
# node_exporter are those of Debian sid: scripts/get-debian.sh fetches them into target/prometheus, once; nothing
# is installed. promtool looks at both forms of the text and at packaging/prometheus, too.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
minutes=${1:-10}
if ! [[ $minutes =~ ^[0-9]+$ ]] || ((minutes < 2)); then
    sed -n '6,7p' "$0" >&2
    exit 2
fi

. scripts/packages.sh
. scripts/loopback.sh
need python3 python3
need curl curl
install_packages "${missing[@]}"
scripts/get-debian.sh "$target/prometheus" prometheus promtool prometheus-node-exporter >/dev/null
programs=$target/prometheus/root/usr/bin
build_programs
compare=$PWD/scripts/prometheus-test/compare.py
rules=$PWD/packaging/prometheus/roundsman.rules.yml

own_folder
read -r probe_port http_port node_port prometheus_port dead_port < <(free_ports 5)

# Everything that there is, on both sides: what is left out by default differs.
cat >inventory.toml <<END
[defaults]
interval = "1s"
timeout = "900ms"
tcp_ext = true
families = ["cpu", "load", "memory", "softirq", "network", "disk", "filesystem", "system", "pressure", "vmstat", "sockets", "processes"]
exclude.disk = []
exclude.filesystem = []
exclude.network = []
[[host]]
name = "machine"
group = "here"
addresses = ["127.0.0.1:$probe_port"]
[[host]]
name = "gone"
group = "here"
addresses = ["127.0.0.1:$dead_port"]
END
cat >prometheus.yml <<END
global:
  scrape_interval: 2s
  scrape_timeout: 2s
rule_files: ["$rules"]
scrape_configs:
  - job_name: node_exporter
    static_configs:
      - targets: ["127.0.0.1:$node_port"]
        labels: {instance: machine}
  - job_name: node
    honor_labels: true
    metrics_path: /metrics/hosts
    params: {names: [node]}
    static_configs:
      - targets: ["127.0.0.1:$http_port"]
  - job_name: exact
    honor_labels: true
    track_timestamps_staleness: true
    metrics_path: /metrics/hosts
    params: {names: [node], timestamps: ["true"]}
    static_configs:
      - targets: ["127.0.0.1:$http_port"]
  - job_name: own
    metrics_path: /metrics/hosts
    static_configs:
      - targets: ["127.0.0.1:$http_port"]
  - job_name: each
    metrics_path: /metrics/hosts
    params: {names: [node]}
    http_sd_configs:
      - url: http://127.0.0.1:$http_port/api/v1/sd/prometheus
        refresh_interval: 5s
    relabel_configs:
      - source_labels: [__meta_roundsman_host]
        target_label: __param_host
      - source_labels: [__meta_roundsman_host]
        target_label: instance
      - source_labels: [__meta_roundsman_group]
        target_label: group
      - target_label: __address__
        replacement: 127.0.0.1:$http_port
  - job_name: roundsman-server
    static_configs:
      - targets: ["127.0.0.1:$http_port"]
END
"$programs/promtool" check config prometheus.yml
"$programs/promtool" check rules "$rules"
"$programs/promtool" test rules "${rules%.yml}.test.yml"

start probe "$ROUNDSMAN_BIN/roundsman-probe" serve --listen "127.0.0.1:$probe_port"
start server env "ROUNDSMAN_HTTP__LISTEN=127.0.0.1:$http_port" \
    "$ROUNDSMAN_BIN/roundsman" serve --grpc 127.0.0.1:0 --inventory inventory.toml --data "$work/data"
start node_exporter "$programs/prometheus-node-exporter" --web.listen-address="127.0.0.1:$node_port" \
    --collector.processes --collector.softirqs \
    --collector.diskstats.device-exclude='^$' --collector.netdev.device-exclude='^$' \
    --collector.filesystem.mount-points-exclude='^$'
await "http://127.0.0.1:$http_port/metrics/hosts?host=machine"
await "http://127.0.0.1:$node_port/metrics"
start prometheus "$programs/prometheus" --config.file=prometheus.yml --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$prometheus_port" --log.level=warn
await "http://127.0.0.1:$prometheus_port/-/ready"

# promtool remarks on what is unusual (3) and fails on what it cannot read (1). node_exporter's own names are as
# unusual as they are; of Roundsman's these three hold what looks like a unit and is none: /proc/meminfo's "S" and
# bits of entropy, which are not a size.
known='^roundsman_host_(entropy_bits|mem_s_reclaimable_bytes|mem_s_unreclaim_bytes) '
for names in roundsman node; do
    said=0
    curl -s "http://127.0.0.1:$http_port/metrics/hosts?names=$names" >"$names.txt"
    "$programs/promtool" check metrics <"$names.txt" >"$names.lint" 2>&1 || said=$?
    echo "promtool check metrics, names=$names: $(grep -vc '^#' "$names.txt") samples, ends with $said," \
        "$(wc -l <"$names.lint") remarks"
    if [[ $said != 0 && $said != 3 ]] || { [[ $names == roundsman ]] && grep -vE "$known" "$names.lint"; }; then
        cat "$names.lint" >&2
        exit 1
    fi
done

echo "Prometheus scrapes for $minutes minutes"
sleep "$((minutes * 60))"
python3 "$compare" "http://127.0.0.1:$prometheus_port" "$minutes"
