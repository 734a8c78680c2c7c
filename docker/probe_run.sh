#!/usr/bin/env bash
# Sees that this machine's probe runs in a container, without a stack: on the attachable overlay of
# a swarm, or on a bridge. Safe to run again; touches no container but its own.
#
#   docker/probe_run.sh          # run it
#   docker/probe_run.sh stop     # stop and remove it
#
# Variables: ROUNDSMAN_DOCKER_NETWORK (roundsman), ROUNDSMAN_DOCKER_PROBE_IMAGE (roundsman-probe:latest).
set -euo pipefail
cd "$(dirname "$0")"
. ./network.sh
. ./container.sh

name=roundsman-probe
case ${1:-run} in
    stop) stop_container "$name"; exit ;;
    run) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

make_network
# Whoever is on this network may ask it, in plain text: nobody else is on it.
# Docker makes the mount of / rslave by itself, where it can. Under the alias all such containers of the network are found, as the tasks of a service would be.
run_container "$name" \
    --network "$network" --network-alias tasks.probe --hostname "$(hostname)" \
    --volume /proc:/host/proc:ro --volume /:/host:ro \
    --env ROUNDSMAN_PROBE_OPEN=true \
    --read-only --cap-drop ALL --security-opt no-new-privileges --memory 16m \
    --restart unless-stopped \
    "${ROUNDSMAN_DOCKER_PROBE_IMAGE:-roundsman-probe:latest}"
