#!/usr/bin/env bash
# The stack on a swarm of two nodes: two engines, each in its own network namespace, joined by a
# wire. The probes are asked through the overlay (VXLAN), first in plain text, as an old stack is; then it moves to
# mutual TLS, and its certificates are renewed; then the wire is cut and mended.
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
interval_ms=3000
sed -i 's/^interval = "10s"/interval = "3s"/; s/^timeout  = "3s"/timeout  = "2s"/' "$work/docker/inventory.toml"
ROUNDSMAN_DOCKER_TLS=off "$work/docker/deploy.sh" roundsman --resolve-image never
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

say "the stack stays in plain text"
said=$("$work/docker/deploy.sh" roundsman --resolve-image never)
expect "it is told what is new" grep -q "New: ROUNDSMAN_DOCKER_TLS=mtls" <<<"$said"
expect "there is no authority" test ! -e "$ROUNDSMAN_DOCKER_SECRETS/ca"
expect "the second's probe answers in plain text" serving $a "$(address_of $b probe):50051" ""

# nothing_lost SINCE: of no host did a poll fail, nor its state change. Slots without a poll are those of the
# seconds in which one server's task took the place of the other.
nothing_lost() {
    local host polls failed none
    for host in $a $b; do
        read -r polls failed none < <(ledger_says $a "$host" "$1" $interval_ms)
        echo "$host: $polls polls, $failed failed, $none slots without one" >&2
        ((polls > 5 && failed == 0 && none <= 6)) || { failed_polls "$host" "$1"; return 1; }
        never_moved $a "$host" "$1" || { echo "$host was not up all the time" >&2; return 1; }
    done
}
failed_polls() {
    sql $a "SELECT time, outcome, address, error FROM ledger WHERE host = '$1' AND time >= '$2' AND outcome NOT IN ('ok', 'partial')" >&2
}
settled() {
    local rows
    healthy $a server probe && healthy $b probe || return 1
    rows=$(polls $a "$1")
    within 60 "$1 is polled" polled_since $a "$1" "$rows" 3
}

say "it moves to mutual TLS"
since=$(now $a)
ROUNDSMAN_DOCKER_TLS=mtls "$work/docker/deploy.sh" roundsman --resolve-image never
within 180 "the probes answer over TLS alone" plain_refused $b "$(address_of $b probe)"
within 120 "all is settled" settled $a
within 60 "on the second, too" settled $b
expect "no poll was lost on the way" nothing_lost "$since"
expect "nobody is asked in plain text" roundsman $a check --live
secrets() { docker secret ls --filter label=org.roundsman.tls=roundsman --format '{{.Name}}' | sort; }
before=$(secrets)
expect "there are three secrets" test "$(wc -l <<<"$before")" = 3

say "its certificates are renewed"
since=$(now $a)
shown=$(shown_by $b)
"$work/docker/rotate.sh" roundsman --resolve-image never
expect "nothing ends soon: nothing is renewed" test "$before" = "$(secrets)"
"$work/docker/rotate.sh" --all roundsman --resolve-image never
within 120 "all is settled" settled $a
within 60 "on the second, too" settled $b
expect "each probe shows another certificate" test "$(shown_by $b)" != "$shown"
expect "the secrets of before are gone" test "$(comm -12 <(echo "$before") <(secrets) | wc -l) $(secrets | wc -l)" = "1 3"
expect "no poll was lost on the way" nothing_lost "$since"

say "another authority takes its place"
since=$(now $a)
before=$(sha256sum <"$ROUNDSMAN_DOCKER_SECRETS/ca/ca.pem")
"$work/docker/rotate.sh" --authority roundsman --resolve-image never
within 120 "all is settled" settled $a
within 60 "on the second, too" settled $b
expect "it is another" test "$before" != "$(sha256sum <"$ROUNDSMAN_DOCKER_SECRETS/ca/ca.pem")"
expect "the one of before is gone" test ! -e "$ROUNDSMAN_DOCKER_SECRETS/ca.last"
expect "there are three secrets" test "$(secrets | wc -l)" = 3
expect "no poll was lost on the way" nothing_lost "$since"

say "the second is cut off"
# That of the task of now.
server=$(address_of $a server):50052
since=$(now $a)
in_network $b ip link set wire down
within 120 "it goes down" host_is $a $b down
kept=$(polls $a $a)
within 60 "the first is polled on" polled_since $a $a "$kept" 2
expect "and did not move" never_moved $a $a "$since"

say "the wire is mended"
in_network $b ip link set wire up
within 240 "the second is up again" host_is $a $b up
within 30 "and hears so from the server" serving $b "$server" "host/$b"
expect "as the same host" test "$number" = "$(sql $a "SELECT id FROM host WHERE name = '$b'")"
expect "the first has not moved" never_moved $a $a "$since"

finished
