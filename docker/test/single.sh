#!/usr/bin/env bash
# The scripts that run single containers: probe_run.sh, mysql_run.sh, server_run.sh, into.sh.
# Twice is as once, and no container but their own is touched. Then compose.yml, where there is a
# Compose to run it.
#
#   docker/test/single.sh BINARIES       # the folder of the two static binaries
set -euo pipefail
binaries=$(realpath "${1:?the folder of the static binaries}")
cd "$(dirname "$0")/../.."
. docker/test/stack.sh

node=roundsman-node-a
# Where Docker cannot follow the host's mounts, it must work without.
propagation=rprivate
begin $node
export DOCKER_HOST=unix://$work/$node/docker.sock

say "images"
docker/build.sh --fast --binaries "$binaries"
docker/test/mariadb_image.sh
docker run -d --name bystander --entrypoint sh mariadb:10.11 -c 'sleep 3600' >/dev/null

running() { docker ps --no-trunc --format '{{.ID}} {{.Names}}' | sort; }
health_is() { test "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = "$2"; }

say "run"
export ROUNDSMAN_DOCKER_TLS=mtls
# What README.md says that the inventory takes.
# shellcheck disable=SC2016 # fences
sed -n '/^```toml/,/^```/{/^```/!p}' "$work/docker/README.md" >"$work/tls.toml"
sed -i "/^\[defaults\]/r $work/tls.toml" "$work/docker/inventory.toml"
expect "the probe runs" "$work/docker/probe_run.sh"
expect "the database runs" "$work/docker/mysql_run.sh"
within 120 "the database is healthy" health_is roundsman-db healthy
expect "the server runs" "$work/docker/server_run.sh"
within 120 "the probe is healthy" health_is roundsman-probe healthy
within 120 "the server is healthy" health_is roundsman-server healthy
hosts() { docker exec roundsman-server roundsman hosts --json | jq -e --arg node $node '.hosts[] | select(.name == $node and .state == "up")'; }
within 60 "the server has found the host" hosts

in_plain_text() { docker run --rm --network roundsman roundsman-probe health --address tasks.probe:50051; }
expect "who asks the probe in plain text is refused" fails in_plain_text

unfollowed() { docker exec roundsman-probe roundsman-probe doctor | grep -q '^note  *rootfs .*does not follow the host'; }
expect "doctor says that later mounts stay unseen" unfollowed

say "twice is as once"
before=$(running)
for part in probe mysql server; do
    expect "$part again" "$work/docker/${part}_run.sh"
done
expect "nothing was started again" test "$before" = "$(running)"
docker tag roundsman-probe:latest roundsman-probe:other
ROUNDSMAN_DOCKER_PROBE_IMAGE=roundsman-probe:other "$work/docker/probe_run.sh"
others() { running | grep -v roundsman-probe; }
expect "what is to run otherwise is replaced" test "$before" != "$(running)"
expect "and nothing else" test "$(grep -v roundsman-probe <<<"$before")" = "$(others)"

say "into"
interfaces() { sed -n '3,$s/^ *\([^:]*\):.*/\1/p' | sort | paste -sd ' '; }
expect "into.sh is in the container's network" \
    test "$("$work/docker/into.sh" probe cat /proc/thread-self/net/dev | interfaces)" = "eth0 lo"
# shellcheck disable=SC2016 # TASK is for the command
expect "and shows its files" \
    test "$("$work/docker/into.sh" server bash -c 'ls /proc/$TASK/root/bin')" = roundsman
asked() { echo "SELECT name FROM host" | "$work/docker/into.sh" db | grep -qx $node; }
expect "into.sh db answers SQL" asked
elsewhere() { "$work/docker/into.sh" nowhere true; }
expect "a container that is not there is told" fails elsewhere

say "stop"
docker rm -f roundsman-server >/dev/null
docker run -d --name roundsman-server --entrypoint sh mariadb:10.11 -c 'sleep 3600' >/dev/null
expect "a container of that name that is not ours is not replaced" fails "$work/docker/server_run.sh"
expect "nor stopped" fails "$work/docker/server_run.sh" stop
before=$(running)
"$work/docker/probe_run.sh" stop
expect "the probe alone is stopped" test "$(grep -v roundsman-probe <<<"$before")" = "$(running)"
expect "stopping again is no error" "$work/docker/probe_run.sh" stop
"$work/docker/mysql_run.sh" stop
expect "the data is kept" docker volume inspect roundsman-db
expect "the bystander runs" test "$(docker inspect -f '{{.State.Running}}' bystander)" = true

say "compose.yml"
compose=()
if docker compose version >/dev/null 2>&1; then
    compose=(docker compose -f "$work/docker/compose.yml")
elif command -v docker-compose >/dev/null; then
    # 1.x takes a file that says no version, as it is now written, for its first, and has no names.
    { echo 'version: "2.4"'; grep -v '^name:' "$work/docker/compose.yml"; } >"$work/docker/compose-1.yml"
    compose=(docker-compose -p roundsman -f "$work/docker/compose-1.yml")
else
    echo "NOT RUN: compose.yml; there is neither docker compose nor docker-compose here"
fi
composed() {
    test "$(docker ps --filter "label=com.docker.compose.service=$1" --format '{{.Status}}' | grep -c '(healthy)')" = 1
}
# shown FILTER: of the host, on the page's port as this machine sees it.
shown() {
    in_network $node curl -sf http://127.0.0.1:8080/api/v1/hosts \
        | jq -e --arg node $node ".hosts[] | select(.name == \$node) | $1"
}
if ((${#compose[@]})); then
    docker rm -f roundsman-server >/dev/null
    # Its probe is in plain text.
    cp docker/inventory.toml "$work/docker/inventory.toml"
    expect "it comes up" "${compose[@]}" up -d
    within 60 "the probe is healthy" composed probe
    within 60 "the server is healthy" composed server
    within 60 "the host is up on the published port" shown '.state == "up"'
    sed 's/^interval = "10s"/interval = "7s"/' "$work/docker/inventory.toml" >"$work/docker/new.toml"
    mv "$work/docker/new.toml" "$work/docker/inventory.toml"
    within 30 "an inventory that an editor replaced comes into force" shown '.schedule == "every 7s"'
    expect "it goes down" "${compose[@]}" down --volumes
fi

finished
