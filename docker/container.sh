# shellcheck shell=bash
# Sourced: one container that a script may start, replace and stop, and no other.

# Marks it as ours; the value is a hash of how it was started.
mark=org.roundsman.started

# run_container NAME ARGUMENTS... IMAGE: sees that NAME runs as `docker run ARGUMENTS` starts it now. One
# that does is left alone, another of ours is replaced, one of somebody else's is not touched.
run_container() {
    local name=$1 wanted image
    shift
    # The image's number, too: a new build under the same tag is another container.
    image=$(docker image inspect -f '{{.Id}}' "${@: -1}" 2>/dev/null || true)
    wanted=$(printf '%s\n' "$image" "$@" | sha256sum | cut -c1-12)
    if docker container inspect "$name" >/dev/null 2>&1; then
        only_ours "$name"
        if [[ $(docker container inspect -f "{{index .Config.Labels \"$mark\"}} {{.State.Running}}" \
            "$name") == "$wanted true" ]]; then
            echo "$name runs already"
            return
        fi
        docker stop "$name" >/dev/null
        docker rm "$name" >/dev/null
    fi
    docker run -d --name "$name" --label "$mark=$wanted" "$@" >/dev/null
    echo "started $name"
}

# stop_container NAME: stops and removes it; its volumes stay.
stop_container() {
    if ! docker container inspect "$1" >/dev/null 2>&1; then
        echo "$1 does not run"
        return
    fi
    only_ours "$1"
    docker stop "$1" >/dev/null
    docker rm "$1" >/dev/null
    echo "stopped $1"
}

only_ours() {
    if [[ -z $(docker container inspect -f "{{index .Config.Labels \"$mark\"}}" "$1") ]]; then
        echo "the container $1 was not started by this script: it is left alone" >&2
        exit 1
    fi
}
