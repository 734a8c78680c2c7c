#!/usr/bin/env bash
# A shell, or one command, inside a container that has neither: in its network, with this machine's
# programs (ip, ss, ping, curl, dig). Its files are under /proc/$TASK/root. Needs root.
#
#   docker/into.sh probe                       # the probe's container on this machine
#   docker/into.sh server ss -tnp              # one command
#   docker/into.sh db                          # the database's prompt
#   docker/into.sh CONTAINER [COMMAND...]      # any container, by name or number
#
# The programs themselves are run without this: docker exec CONTAINER roundsman-probe doctor.
set -euo pipefail

if (($# == 0)); then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
fi
wanted=$1
shift

# container_of ROLE: the one started by ROLE_run.sh, or the stack's task.
container_of() {
    local id
    id=$(docker ps -q --filter "name=^roundsman-$1\$")
    [[ -n $id ]] || id=$(docker ps -q --filter "label=com.docker.swarm.service.name=${ROUNDSMAN_DOCKER_STACK:-roundsman}_$1" | head -n 1)
    [[ -n $id ]] || id=$(docker ps -q --filter "label=com.docker.compose.project=roundsman" \
        --filter "label=com.docker.compose.service=$1" | head -n 1)
    if [[ -z $id ]]; then
        echo "no container of the $1 runs on this machine; docker ps lists those that run" >&2
        exit 1
    fi
    echo "$id"
}

case $wanted in
    probe | server | db) container=$(container_of "$wanted") ;;
    *) container=$wanted ;;
esac

# The database's image has a shell and its own client.
if [[ $wanted == db ]]; then
    terminal=()
    [[ ! -t 0 ]] || terminal=(-it)
    if (($# == 0)); then
        # shellcheck disable=SC2016 # it is expanded in the container
        set -- sh -c 'MYSQL_PWD=$(cat /run/secrets/roundsman-db) exec mariadb -u roundsman roundsman'
    fi
    exec docker exec "${terminal[@]}" -i "$container" "$@"
fi

TASK=$(docker container inspect -f '{{.State.Pid}}' "$container")
export TASK
if [[ $TASK == 0 ]]; then
    echo "$wanted does not run" >&2
    exit 1
fi
(($#)) || set -- "${SHELL:-/bin/sh}"
as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo --preserve-env=TASK)
exec "${as_root[@]}" nsenter --target "$TASK" --net --uts --ipc -- "$@"
