#!/usr/bin/env bash
# Deploys docker/stack.yml to the swarm whose manager this is, or brings it up to date. What is
# there already is kept: the network, the secrets, the data. Safe to run again.
#
#   docker/deploy.sh [FLAG...]        # the stack "roundsman"; flags of `docker stack deploy`
#   docker/deploy.sh NAME [FLAG...]   # another name
#
# Variables: those at the head of stack.yml; ROUNDSMAN_DOCKER_NODE, the node that shall run server and
# database when none is labelled yet (default: this one).
set -euo pipefail
cd "$(dirname "$0")"
stack=roundsman
if (($#)) && [[ $1 != -* ]]; then
    stack=$1
    shift
fi

if [[ $(docker info -f '{{.Swarm.ControlAvailable}}') != true ]]; then
    echo "this engine is no manager of a swarm: docker swarm init --advertise-addr ADDRESS" >&2
    exit 1
fi

. ./network.sh
make_network

if ! docker secret inspect roundsman-db >/dev/null 2>&1; then
    # Known to nobody: whoever needs it reads it in the database's container.
    head -c 24 /dev/urandom | base64 | tr -d '\n' | docker secret create roundsman-db - >/dev/null
    echo "made the secret roundsman-db"
fi

if ! docker secret inspect roundsman-http >/dev/null 2>&1; then
    # An engine does not give a secret back, and people need this one: a file keeps it for them.
    . ./password.sh
    make_secret "$token_file"
    docker secret create roundsman-http "$token_file" >/dev/null
    echo "made the secret roundsman-http: page and API, sign in with the token in $token_file"
fi

if [[ -z $(docker node ls -q --filter node.label=roundsman=server) ]]; then
    node=${ROUNDSMAN_DOCKER_NODE:-$(docker info -f '{{.Swarm.NodeID}}')}
    docker node update --label-add roundsman=server "$node" >/dev/null
    echo "labelled the node $node: server and database run there"
fi

ROUNDSMAN_DOCKER_INVENTORY=$(sha256sum inventory.toml | cut -c1-12)
export ROUNDSMAN_DOCKER_INVENTORY
docker stack deploy --compose-file stack.yml "$@" "$stack"

# The inventories of before, which nothing uses any more. One that is in use is refused.
docker config ls -q --filter "label=com.docker.stack.namespace=$stack" | while read -r config; do
    docker config rm "$config" >/dev/null 2>&1 || true
done
