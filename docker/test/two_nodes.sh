#!/usr/bin/env bash
# The stack on a swarm of two nodes: two engines, each in its own network namespace, joined by a
# wire. The probes are asked through the overlay (VXLAN); then the wire is cut and mended.
#
# Both engines are on one kernel, so /proc is the same for both; the files of / that name a machine
# (machine-id, hostname) are each node's own.
#
#   docker/test/two_nodes.sh BINARIES    # the folder of the two static binaries
set -euo pipefail
binaries=$(realpath "${1:?the folder of the static binaries}")
cd "$(dirname "$0")/../.."
. docker/test/stack.sh

a=roundsman-node-a
b=roundsman-node-b
begin $a $b

say "two networks and a wire"
in_network $a ip link add wire type veth peer name wire netns "$(<"$work/$b/engine.pid")"
in_network $a ip address add 10.213.7.1/24 dev wire
in_network $b ip address add 10.213.7.2/24 dev wire
in_network $a ip link set wire up
in_network $b ip link set wire up

say "images"
export DOCKER_HOST=unix://$work/$a/docker.sock
docker/build.sh --fast --binaries "$binaries"
docker/test/mariadb_image.sh
docker save roundsman-probe:latest | engine $b load

say "a swarm of two"
docker swarm init --advertise-addr 10.213.7.1 >/dev/null
engine $b swarm join --advertise-addr 10.213.7.2 \
    --token "$(docker swarm join-token -q worker)" 10.213.7.1:2377
"$work/docker/deploy.sh" roundsman --resolve-image never
within 180 "server, database and probe are healthy on the first" healthy $a server probe db
within 60 "the probe is healthy on the second" healthy $b probe
within 120 "the first is up" host_is $a $a up
within 120 "the second is up, through the overlay" host_is $a $b up
each_itself() {
    local node
    for node in $a $b; do
        test "$(sql $a "SELECT machine_id FROM host WHERE name = '$node'")" = "$(<"$work/$node/machine-id")" || return 1
    done
}
within 30 "each is the machine that it says" each_itself
server=$(address_of $a server):50052
expect "the server's health is across the overlay" serving $b "$server" "host/$b"
expect "there are two hosts" test "$(sql $a "SELECT COUNT(*) FROM host WHERE retired_at IS NULL")" = 2
number=$(sql $a "SELECT id FROM host WHERE name = '$b'")

say "the second is cut off"
since=$(now $a)
in_network $b ip link set wire down
within 120 "it goes down" host_is $a $b down
kept=$(polls $a $a)
within 60 "the first is polled on" polled_since $a $a "$kept" 2
alone() { ! went $a $a "$since" "'suspect', 'down', 'degraded'"; }
expect "and did not move" alone

say "the wire is mended"
in_network $b ip link set wire up
within 240 "the second is up again" host_is $a $b up
within 30 "and hears so from the server" serving $b "$server" "host/$b"
expect "as the same host" test "$number" = "$(sql $a "SELECT id FROM host WHERE name = '$b'")"
expect "the first has not moved" alone

finished
