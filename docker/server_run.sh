#!/usr/bin/env bash
# Sees that the server runs in a container, without a stack, on the network of probe_run.sh. Keeps
# history in MariaDB when mysql_run.sh has made its password, else in SQLite in the volume
# roundsman-data. Safe to run again; touches no container but its own.
#
#   docker/server_run.sh         # run it; page and API on http://127.0.0.1:8080, for who knows
#                                # the token: sign in with http-token of ROUNDSMAN_DOCKER_SECRETS
#   docker/server_run.sh stop    # stop and remove it; the data stays
#
# Variables: ROUNDSMAN_DOCKER_NETWORK (roundsman), ROUNDSMAN_DOCKER_IMAGE (roundsman:latest),
# ROUNDSMAN_DOCKER_ETC, the folder with inventory.toml (docker/), ROUNDSMAN_DOCKER_PUBLISH
# (127.0.0.1:8080), ROUNDSMAN_DOCKER_SECRETS (~/.config/roundsman), the folder of password and token;
# ROUNDSMAN_DOCKER_TLS=mtls: with certificates in /run/tls, which the inventory names (README.md).
set -euo pipefail
cd "$(dirname "$0")"
. ./network.sh
. ./container.sh
. ./password.sh
. ./tls.sh

name=roundsman-server
case ${1:-run} in
    stop) stop_container "$name"; exit ;;
    run) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

store=()
if [[ -s $password_file ]]; then
    store=(--env ROUNDSMAN_STORE__URL=mysql://roundsman@db:3306/roundsman
        --env ROUNDSMAN_STORE__PASSWORD_FILE=/run/secrets/roundsman-db
        # Nobody else is on this network.
        --env ROUNDSMAN_STORE__TLS=off
        --volume "$password_file:/run/secrets/roundsman-db:ro")
fi

encrypted=()
if [[ ${ROUNDSMAN_DOCKER_TLS:-off} == mtls ]]; then
    give server
    encrypted=(--volume "$password_dir/server:/run/tls:ro")
fi

make_secret "$token_file"
make_network
# The folder, not the file: an editor replaces the file, and a mounted file would stay the old one.
run_container "$name" \
    --network "$network" --network-alias server \
    --volume "$(realpath "${ROUNDSMAN_DOCKER_ETC:-.}"):/etc/roundsman:ro" \
    --volume roundsman-data:/var/lib/roundsman --tmpfs /tmp "${store[@]}" "${encrypted[@]}" \
    --env ROUNDSMAN_HTTP__TOKEN_FILE=/run/secrets/roundsman-http \
    --volume "$token_file:/run/secrets/roundsman-http:ro" \
    --publish "${ROUNDSMAN_DOCKER_PUBLISH:-127.0.0.1:8080}:8080" \
    --read-only --cap-drop ALL --security-opt no-new-privileges --memory 512m --stop-timeout 20 \
    --restart unless-stopped \
    "${ROUNDSMAN_DOCKER_IMAGE:-roundsman:latest}"
