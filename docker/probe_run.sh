#!/usr/bin/env bash
# Sees that this machine's probe runs in a container, without a stack: on the attachable overlay of
# a swarm, or on a bridge. Safe to run again; touches no container but its own.
#
#   docker/probe_run.sh          # run it
#   docker/probe_run.sh stop     # stop and remove it
#
# Variables: ROUNDSMAN_DOCKER_NETWORK (roundsman), ROUNDSMAN_DOCKER_PROBE_IMAGE (roundsman-probe:latest),
# ROUNDSMAN_DOCKER_TLS, off (default) or mtls: over TLS, to the server of the same authority. It is made where
# this or server_run.sh first runs as root; on other nodes its folder ~/.config/roundsman/probe has to be there.
set -euo pipefail
cd "$(dirname "$0")"
. ./network.sh
. ./container.sh
. ./password.sh
. ./tls.sh

name=roundsman-probe
case ${1:-run} in
    stop) stop_container "$name"; exit ;;
    run) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

make_network
# Whoever is on this network may ask it, in plain text: nobody else is on it.
answers=(--env ROUNDSMAN_PROBE_OPEN=true)
if [[ ${ROUNDSMAN_DOCKER_TLS:-off} == mtls ]]; then
    give probe
    answers=(--volume "$password_dir/probe:/run/tls:ro"
        --env ROUNDSMAN_PROBE_TLS_CERT=/run/tls/probe.pem --env ROUNDSMAN_PROBE_TLS_KEY=/run/tls/probe.pem
        --env ROUNDSMAN_PROBE_CLIENT_CA=/run/tls/trust.pem --env ROUNDSMAN_PROBE_CLIENT_CRL=/run/tls/trust.pem)
fi
# Docker makes the mount of / rslave by itself, where it can. Under the alias all such containers of the network are found, as the tasks of a service would be.
run_container "$name" \
    --network "$network" --network-alias tasks.probe --hostname "$(hostname)" \
    --volume /proc:/host/proc:ro --volume /:/host:ro \
    "${answers[@]}" \
    --read-only --cap-drop ALL --security-opt no-new-privileges --memory 16m \
    --restart unless-stopped \
    "${ROUNDSMAN_DOCKER_PROBE_IMAGE:-roundsman-probe:latest}"
