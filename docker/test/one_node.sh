#!/usr/bin/env bash
# The stack of docker/ on a swarm of one node, with an engine of the test's own: what it shows is
# the machine's and not the container's, and it lives through what happens to it.
#
#   docker/test/one_node.sh BINARIES     # the folder of the two static binaries
set -euo pipefail
binaries=$(realpath "${1:?the folder of the static binaries}")
cd "$(dirname "$0")/../.."
. docker/test/stack.sh

begin roundsman-node-a
node=roundsman-node-a

in_mounts() { nsenter --target "$(<"$work/$node/engine.pid")" --mount -- "$@"; }

say "images"
DOCKER_HOST=unix://$work/$node/docker.sock docker/build.sh --fast --binaries "$binaries"
DOCKER_HOST=unix://$work/$node/docker.sock docker/test/mariadb_image.sh
DOCKER_HOST=unix://$work/$node/docker.sock docker/test/grafana_image.sh
# deploy.sh takes Grafana's files from there.
mkdir "$work/packaging"
cp -r packaging/grafana "$work/packaging/"

say "the stack"
engine $node swarm init --advertise-addr 127.0.0.1 >/dev/null
# Two more, with mounts that are not the host's, in plain text.
cat >>"$work/docker/inventory.toml" <<'TOML'
[[host]]
name      = "own-proc"
addresses = ["own-proc:50051"]
tls       = "off"
[[host]]
name      = "no-rootfs"
addresses = ["no-rootfs:50051"]
tls       = "off"
TOML
DOCKER_HOST=unix://$work/$node/docker.sock ROUNDSMAN_DOCKER_GRAFANA=on "$work/docker/deploy.sh" roundsman --resolve-image never
within 180 "all three containers are healthy" healthy $node server probe db
within 120 "the host is up" state_is $node up
for_grafana() { engine $node service logs --raw roundsman_grafana 2>&1 | grep -qx 'reads 5 boards and the database, and changes nothing'; }
within 60 "Grafana has its boards, and a user that only reads" for_grafana
expect "a second deployment changes nothing, and keeps Grafana" redeploy $node
expect "who asks the probe in plain text is refused" plain_refused $node "$(address_of $node probe)"
expect "the authority's key is a file that its owner alone may read" \
    test "$(stat -c %a "$ROUNDSMAN_DOCKER_SECRETS/ca/ca.key")" = 600
within 60 "its health is on the overlay" serving $node "$(address_of $node server):50052" "host/$node"
expect "as is the server's" serving $node "$(address_of $node server):50052" ""
of_its_own() { test "$(engine $node run --rm --network roundsman roundsman health store --address server:50052)" = SERVING; }
expect "and the store's, by name, for a container that joins" of_its_own

say "the host's, not the container's"
same_interfaces() { diff <(machine_interfaces) <(sql $node "SELECT DISTINCT interface FROM net_info WHERE host = '$node' AND time = (SELECT MAX(time) FROM net_info WHERE host = '$node')" | sort); }
within 60 "its interfaces are the machine's" same_interfaces
expect "the container has others" container_has_other_interfaces
expect "its counters are the machine's" machine_counters
same_mounts() { diff <(machine_mounts) <(sql $node "SELECT DISTINCT mount_point FROM filesystem WHERE host = '$node' AND status = 'ok' AND time = (SELECT MAX(time) FROM filesystem WHERE host = '$node')" | sort); }
within 60 "its mounts are the machine's" same_mounts
size=$(stat -fc '%b * %S' / | { read -r blocks _ bytes; echo $((blocks * bytes)); })
kept=$(sql $node "SELECT size_bytes FROM filesystem WHERE host = '$node' AND mount_point = '/' ORDER BY time DESC LIMIT 1")
expect "the size of / is the machine's" test "${kept%.*}" = "$size"
same_identity() { test "$(sql $node "SELECT machine_id FROM host WHERE name = '$node'")" = "$(<"$work/$node/machine-id")"; }
expect "its machine-id is the machine's" same_identity
followed() { ! engine $node exec "$(task $node probe)" roundsman-probe doctor | grep -q rootfs; }
expect "it follows the host's mounts" followed
in_mounts mkdir "$work/late"
in_mounts mount -t tmpfs late "$work/late"
expect "one made later is in the container" grep -q " /host$work/late " "/proc/$(engine $node inspect -f '{{.State.Pid}}' "$(task $node probe)")/mountinfo"
in_mounts umount "$work/late"
expect "doctor finds nothing missing" engine $node exec "$(task $node probe)" roundsman-probe doctor
more_rows() { (($(sql $node "SELECT COUNT(*) FROM poll p JOIN host h ON h.id = p.host_id WHERE h.name = '$node'") > rows)); }
rows=$(polls $node "$node")
within 60 "rows go on arriving in MariaDB" more_rows

say "wrong mounts"
wrong() {
    local name=$1
    shift
    engine $node run -d --name "$name" --network roundsman --network-alias "$name" \
        --read-only --cap-drop ALL --memory 16m \
        --health-interval 2s --health-start-period 1s "$@" >/dev/null
}
no_proc() {
    local said
    ! said=$(engine $node run --rm roundsman-probe 2>&1) || return 1
    grep -q 'no directory; give the host' <<<"$said"
}
expect "without mounts it does not start, and says why" no_proc
wrong own-proc -e ROUNDSMAN_PROBE_OPEN=true -e ROUNDSMAN_PROBE_PROC=/proc -e ROUNDSMAN_PROBE_ROOTFS=/ roundsman-probe
wrong no-rootfs -e ROUNDSMAN_PROBE_OPEN=true -v /proc:/host/proc:ro --tmpfs /host/nothing -e ROUNDSMAN_PROBE_ROOTFS=/host/nothing roundsman-probe
expect "doctor tells a container's /proc" doctor_misses own-proc view
expect "doctor tells a foreign /" doctor_misses no-rootfs rootfs
# Another view of the machine's /proc, as `hidepid=2` makes it.
hidden=$work/hidden
in_mounts mkdir "$hidden"
in_mounts mount -t proc -o hidepid=2,gid=4242 proc "$hidden"
# examined USER:GROUP
examined() { engine $node run --rm --user "$1" -v "$hidden:/host/proc:ro" -v /:/host:ro roundsman-probe doctor; }
hides() {
    local said
    ! said=$(examined 65532:65532) || return 1
    grep -q 'mounted with hidepid' <<<"$said"
}
expect "doctor tells a hidden /proc" hides
expect "and its group helps" examined 65532:4242
in_mounts umount "$hidden"
wrong not-proc -v /etc:/host/proc:ro -v /:/host/root:ro -e ROUNDSMAN_PROBE_ROOTFS=/host/root roundsman-probe
within 90 "a /proc that is none is unhealthy" container_is $node not-proc unhealthy
within 30 "so is a container's" container_is $node own-proc unhealthy
within 30 "the host's is healthy" container_is $node no-rootfs healthy
within 120 "the server holds the container degraded" host_is $node own-proc degraded
within 30 "and says that it is the view" why_says $node own-proc container
within 120 "the foreign / is polled" host_is $node no-rootfs degraded up
no_guess() {
    test "$(sql $node "SELECT COUNT(*) FROM filesystem WHERE host = 'no-rootfs' AND size_bytes IS NOT NULL")" = 0 &&
        test "$(sql $node "SELECT COALESCE(machine_id, 'none') FROM host WHERE name = 'no-rootfs'")" = none
}
expect "no filesystem and no identity is guessed for it" no_guess
engine $node rm -f own-proc no-rootfs not-proc >/dev/null

say "the probe's task is killed"
number=$(sql $node "SELECT id FROM host WHERE name = '$node'")
before=$(polls $node "$node")
address=$(address_of $node probe)
since=$(now $node)
engine $node kill "$(task $node probe)" >/dev/null
within 90 "the host was suspect or down" went $node "$node" "$since" "'suspect', 'down'"
within 120 "and is up again" state_is $node up
expect "at another address" test "$address" != "$(address_of $node probe)"
expect "as the same host" test "$number" = "$(sql $node "SELECT id FROM host WHERE name = '$node'")"
expect "with its history" test "$(polls $node "$node")" -gt "$before"
expect "and no other" test "$(sql $node "SELECT COUNT(*) FROM host WHERE retired_at IS NULL AND name NOT IN ('own-proc', 'no-rootfs')")" = 1

say "a rolling update of the probes"
within 60 "all is healthy" healthy $node server probe db
old=$(task $node probe)
since=$(now $node)
engine $node service update --quiet --env-add ROUNDSMAN_PROBE_LOG=debug roundsman_probe >/dev/null
within 60 "another task runs" replaced $node probe "$old"
# Long enough to meet the old address again, if it were asked.
rows=$(polls $node "$node")
within 60 "polls went on" polled_since $node "$node" "$rows" 3
lost=$(sql $node "SELECT COUNT(*) FROM ledger WHERE host = '$node' AND time >= '$since' AND outcome NOT IN ('ok', 'partial')")
echo "polls lost in the update: $lost"
expect "no poll is lost" test "$lost" -eq 0

say "limits and stopping"
probe=$(task $node probe)
expect "hundreds of calls are answered" storm $node "$probe" "$binaries/roundsman-probe"
expect "the probe lives with 16 MB" memory_held $node "$probe" 16777216
echo "most memory of the probe, in bytes: $(peak $node "$probe"); of the server: $(peak $node "$(task $node server)")"
expect "the probe stops by itself within 5 s" stopped $node probe
slot=$(stopped_after_a_poll $node) || fail "the server does not stop by itself within 5 s"
echo "ok: the server stops by itself within 5 s"
expect "what it had not yet stored then is in MariaDB" kept $node $node "$slot"
within 180 "both are back" healthy $node server probe db
within 120 "the host is up" state_is $node up
engine $node pause "$(task $node db)" >/dev/null
# Well within its grace period of 20 s: it waits for the database to answer, for the last time.
slot=$(stopped_after_a_poll $node) || fail "the server does not stop while its database is silent"
echo "ok: so it does while its database is silent"
engine $node unpause "$(task $node db)" >/dev/null
within 180 "all is healthy again" healthy $node server probe db
within 60 "and what it held then is in MariaDB" kept $node $node "$slot"

finished
