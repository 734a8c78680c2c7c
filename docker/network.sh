# shellcheck shell=bash
# Sourced: the network that probes, server and database share.

network=${ROUNDSMAN_DOCKER_NETWORK:-roundsman}

# Makes it unless it is there: an attachable overlay on a manager, a bridge where there is no swarm.
# A worker can neither make nor list it, and gets it as soon as it runs something on it.
make_network() {
    local swarm manager
    swarm=$(docker info -f '{{.Swarm.LocalNodeState}}')
    manager=$(docker info -f '{{.Swarm.ControlAvailable}}')
    if docker network inspect "$network" >/dev/null 2>&1; then
        return
    fi
    case $swarm/$manager in
        active/true) docker network create --driver overlay --attachable "$network" >/dev/null ;;
        active/*) return ;;
        *) docker network create "$network" >/dev/null ;;
    esac
    echo "made the network $network"
}
