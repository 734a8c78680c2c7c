#!/usr/bin/env bash
# Sees that the database runs in a container, without a stack. Its data is in the volume
# roundsman-db and outlives it. Safe to run again; touches no container but its own.
#
#   docker/mysql_run.sh          # run it; the first time with a new password
#   docker/mysql_run.sh stop     # stop and remove it; the data stays
#
# Variables: ROUNDSMAN_DOCKER_NETWORK (roundsman), ROUNDSMAN_DOCKER_DB_IMAGE (mariadb:10.11),
# ROUNDSMAN_DOCKER_SECRETS (~/.config/roundsman), the folder of the password.
set -euo pipefail
cd "$(dirname "$0")"
. ./network.sh
. ./container.sh
. ./password.sh

name=roundsman-db
case ${1:-run} in
    stop) stop_container "$name"; exit ;;
    run) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

make_network
make_secret "$password_file"
run_container "$name" \
    --network "$network" --network-alias db \
    --volume roundsman-db:/var/lib/mysql --volume "$password_file:/run/secrets/roundsman-db:ro" \
    --env MARIADB_DATABASE=roundsman --env MARIADB_USER=roundsman \
    --env MARIADB_PASSWORD_FILE=/run/secrets/roundsman-db --env MARIADB_RANDOM_ROOT_PASSWORD=1 \
    --health-cmd "healthcheck.sh --connect --innodb_initialized" --health-interval 10s \
    --health-start-period 60s --stop-timeout 60 --memory 1g --restart unless-stopped \
    "${ROUNDSMAN_DOCKER_DB_IMAGE:-mariadb:10.11}"
