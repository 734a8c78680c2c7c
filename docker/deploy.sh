#!/usr/bin/env bash
# Deploys docker/stack.yml to the swarm whose manager this is, or brings it up to date. What is
# there already is kept: the network, the secrets, the data. Safe to run again.
#
#   docker/deploy.sh [FLAG...]        # the stack "roundsman"; flags of `docker stack deploy`
#   docker/deploy.sh NAME [FLAG...]   # another name
#
# Server and probes of a new stack encrypt what they say and show each other certificates (mutual TLS), by an
# authority that is made here. A stack that is there in plain text stays so until ROUNDSMAN_DOCKER_TLS=mtls
# moves it: then, too, no poll fails.
#
# ROUNDSMAN_DOCKER_GRAFANA=on adds Grafana to the stack, which then keeps it (docs/grafana.md).
#
# Variables: those at the head of stack.yml; ROUNDSMAN_DOCKER_NODE, the node that shall run server and
# database when none is labelled yet (default: this one); ROUNDSMAN_DOCKER_TLS, mtls or off;
# ROUNDSMAN_DOCKER_SECRETS (~/.config/roundsman), the folder of the token and of the authority, ca/.
set -euo pipefail
cd "$(dirname "$0")"
stack=roundsman
if (($#)) && [[ $1 != -* ]]; then
    stack=$1
    shift
fi
flags=("$@")

if [[ $(docker info -f '{{.Swarm.ControlAvailable}}') != true ]]; then
    echo "this engine is no manager of a swarm: docker swarm init --advertise-addr ADDRESS" >&2
    exit 1
fi

. ./network.sh
. ./password.sh
. ./tls.sh

# How the probes that run answer: none (none run), off, both (in plain text, too), mtls.
encryption() {
    local variables
    variables=$(docker service inspect -f '{{json .Spec.TaskTemplate.ContainerSpec.Env}}' "${stack}_probe" 2>/dev/null) \
        || { echo none; return; }
    case $variables in
        *ROUNDSMAN_PROBE_OPEN=true*ROUNDSMAN_PROBE_TLS_CERT=* | *ROUNDSMAN_PROBE_TLS_CERT=*ROUNDSMAN_PROBE_OPEN=true*) echo both ;;
        *ROUNDSMAN_PROBE_TLS_CERT=*) echo mtls ;;
        *) echo off ;;
    esac
}

# secret NAME: one with what comes in, and its name. A secret cannot be changed: what is new has a new name.
secret() {
    local text name
    text=$(cat && echo .)
    text=${text%.}
    name=$stack-$1-$(printf %s "$text" | sha256sum | cut -c1-12)
    docker secret inspect "$name" >/dev/null 2>&1 \
        || printf %s "$text" | docker secret create --label "org.roundsman.tls=$stack" "$name" - >/dev/null
    echo "$name"
}

make_secrets() {
    local folder trust
    make_certificates
    trust=$(trusted | secret trust)
    folder=$(identity probe)
    ROUNDSMAN_DOCKER_SECRET_PROBE=$(cat "$folder/probe.pem" "$folder/probe.key" | secret probe)
    folder=$(identity server)
    ROUNDSMAN_DOCKER_SECRET_SERVER=$(cat "$folder/server.pem" "$folder/server.key" | secret server)
    ROUNDSMAN_DOCKER_SECRET_PROBE_TRUST=$trust ROUNDSMAN_DOCKER_SECRET_SERVER_TRUST=$trust
    export ROUNDSMAN_DOCKER_SECRET_PROBE ROUNDSMAN_DOCKER_SECRET_SERVER
    export ROUNDSMAN_DOCKER_SECRET_PROBE_TRUST ROUNDSMAN_DOCKER_SECRET_SERVER_TRUST
}

# secret_of SERVICE FILE: the name of the secret that it has in that file now.
secret_of() {
    docker service inspect -f \
        '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.File.Name}} {{.SecretName}}{{"\n"}}{{end}}' "${stack}_$1" \
        | awk -v file="$2" '$1 == file { print $2 }'
}

# deploy_stack FILE...: those files, with an inventory that a config of the swarm is made of.
deploy_stack() {
    local file tries files=()
    for file in "$@" "${grafana[@]}"; do
        files+=(--compose-file "$file")
    done
    ROUNDSMAN_DOCKER_INVENTORY=$(sha256sum "$ROUNDSMAN_DOCKER_INVENTORY_FILE" | cut -c1-12)
    export ROUNDSMAN_DOCKER_INVENTORY
    # A swarm that notes something of a service at this very moment refuses the change: "update out of sequence".
    for tries in 1 2 3; do
        ! docker stack deploy "${files[@]}" "${flags[@]}" "$stack" || return 0
        sleep "$tries"
    done
    return 1
}

# has_them SERVICE SECRET...: all of its tasks run, and have these secrets, and its update is over.
has_them() {
    local service=$1 tasks task said secret
    shift
    [[ $(docker service inspect -f '{{with .UpdateStatus}}{{.State}}{{end}}' "${stack}_$service") != updating ]] || return 1
    mapfile -t tasks < <(docker service ps -q --filter desired-state=running "${stack}_$service")
    ((${#tasks[@]})) || return 1
    for task in "${tasks[@]}"; do
        said=$(docker inspect \
            -f '{{.Status.State}} {{range .Spec.ContainerSpec.Secrets}}{{.SecretName}} {{end}}' "$task" 2>/dev/null) || return 1
        for secret in "$@"; do
            [[ $said == "running "* && $said == *" $secret "* ]] || return 1
        done
    done
}

# wait_for SERVICE SECRET...: until that is so.
wait_for() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        ! has_them "$@" || return 0
        sleep 1
    done
    echo "not all tasks of ${stack}_$1 run with their new certificates after ten minutes (docker service ps" \
        "${stack}_$1): what was before is kept, and this can be run again" >&2
    return 1
}

make_network

if ! docker secret inspect roundsman-db >/dev/null 2>&1; then
    # Known to nobody: whoever needs it reads it in the database's container.
    head -c 24 /dev/urandom | base64 | tr -d '\n' | docker secret create roundsman-db - >/dev/null
    echo "made the secret roundsman-db"
fi

if ! docker secret inspect roundsman-http >/dev/null 2>&1; then
    # An engine does not give a secret back, and people need this one: a file keeps it for them.
    make_secret "$token_file"
    docker secret create roundsman-http "$token_file" >/dev/null
    echo "made the secret roundsman-http: page and API, sign in with the token in $token_file"
fi

grafana=()
has_service() { docker service inspect "${stack}_$1" >/dev/null 2>&1; }
if [[ ${ROUNDSMAN_DOCKER_GRAFANA:-off} == on ]] || has_service grafana; then
    if ! docker secret inspect roundsman-grafana >/dev/null 2>&1; then
        make_secret "$grafana_file"
        docker secret create roundsman-grafana "$grafana_file" >/dev/null
        echo "made the secret roundsman-grafana: in Grafana, sign in as admin with the password in $grafana_file"
    fi
    if has_service db && ! has_service grafana; then
        echo "the database is older than Grafana's user in it: make that one by hand, see docs/grafana.md"
    fi
    ROUNDSMAN_DOCKER_GRAFANA_FILES=$(cat grafana_user.sh ../packaging/grafana/{provisioning/*,mysql}/* | sha256sum | cut -c1-12)
    export ROUNDSMAN_DOCKER_GRAFANA_FILES
    grafana=(stack.grafana.yml)
fi

if [[ -z $(docker node ls -q --filter node.label=roundsman=server) ]]; then
    node=${ROUNDSMAN_DOCKER_NODE:-$(docker info -f '{{.Swarm.NodeID}}')}
    docker node update --label-add roundsman=server "$node" >/dev/null
    echo "labelled the node $node: server and database run there"
fi

now=$(encryption)
case ${ROUNDSMAN_DOCKER_TLS:-$now} in
    none | both | mtls) wanted=mtls ;;
    off) wanted=off ;;
    *) echo "ROUNDSMAN_DOCKER_TLS is mtls or off, not $ROUNDSMAN_DOCKER_TLS" >&2; exit 2 ;;
esac
if [[ $now == off && -z ${ROUNDSMAN_DOCKER_TLS:-} ]]; then
    echo "the stack stays in plain text. New: ROUNDSMAN_DOCKER_TLS=mtls docker/deploy.sh encrypts it; see docker/README.md"
fi

export ROUNDSMAN_DOCKER_INVENTORY_FILE=$PWD/inventory.toml
if [[ $wanted == off ]]; then
    deploy_stack stack.yml
else
    if [[ $now != none && $now != off && ! -e $authority/ca.key ]]; then
        echo "the authority of this stack is not in $authority: run this on the machine where it was made," \
            "or name its folder by ROUNDSMAN_DOCKER_AUTHORITY" >&2
        exit 1
    fi
    encrypted=$(mktemp)
    trap 'rm -f "$encrypted"' EXIT
    with_tls inventory.toml >"$encrypted"
    make_secrets
    probe=("$ROUNDSMAN_DOCKER_SECRET_PROBE" "$ROUNDSMAN_DOCKER_SECRET_PROBE_TRUST")
    server=("$ROUNDSMAN_DOCKER_SECRET_SERVER" "$ROUNDSMAN_DOCKER_SECRET_SERVER_TRUST")
    if [[ $now == off ]]; then
        echo "first the probes answer both in plain text and over TLS"
        ROUNDSMAN_DOCKER_OPEN=true deploy_stack stack.yml stack.tls-probe.yml
        wait_for probe "${probe[@]}"
        now=both
    fi
    ROUNDSMAN_DOCKER_INVENTORY_FILE=$encrypted
    if [[ $now == both ]]; then
        echo "then the server asks over TLS"
        ROUNDSMAN_DOCKER_OPEN=true deploy_stack stack.yml stack.tls-probe.yml stack.tls.yml
        wait_for probe "${probe[@]}"
        wait_for server "${server[@]}"
        echo "then the probes answer over TLS alone"
    elif [[ $now == mtls && "$(secret_of probe probe.pem) $(secret_of probe trust.pem)" != "${probe[*]}" ]]; then
        echo "first the probes have other certificates"
        ROUNDSMAN_DOCKER_SECRET_SERVER=$(secret_of server server.pem) \
            ROUNDSMAN_DOCKER_SECRET_SERVER_TRUST=$(secret_of server trust.pem) \
            deploy_stack stack.yml stack.tls-probe.yml stack.tls.yml
        wait_for probe "${probe[@]}"
        echo "then the server has"
    fi
    deploy_stack stack.yml stack.tls-probe.yml stack.tls.yml
    mapfile -t made < <(docker secret ls --filter "label=org.roundsman.tls=$stack" --format '{{.Name}}')
    if ((${#made[@]} > 3)); then
        # Until then a task of before may come back, with what it had.
        wait_for server "${server[@]}"
        for old in "${made[@]}"; do
            [[ " ${probe[*]} ${server[*]} " == *" $old "* ]] || docker secret rm "$old" >/dev/null
        done
    fi
fi

# The inventories of before, which nothing uses any more. One that is in use is refused.
docker config ls -q --filter "label=com.docker.stack.namespace=$stack" | while read -r config; do
    docker config rm "$config" >/dev/null 2>&1 || true
done
