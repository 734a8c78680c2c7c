#!/usr/bin/env bash
# Builds static binaries and runs the tests that need a Docker Engine, each with engines of its own.
# Needs root and Debian's docker.io, iptables, iproute2, jq, mariadb-server. Says NOT RUN, and
# fails only with ROUNDSMAN_DOCKER_REQUIRED=1, where no engine can be started.
#
#   docker/test/run.sh                # builds first, hardly optimised
#   docker/test/run.sh BINARIES       # with the two static binaries in that folder
set -euo pipefail
cd "$(dirname "$0")/../.."

. docker/test/engine.sh
lacks=$(engine_lacks | paste -sd ' ')
if [[ -n $lacks ]]; then
    echo "NOT RUN: the tests on a Docker Engine need $lacks" >&2
    exit "${ROUNDSMAN_DOCKER_REQUIRED:-0}"
fi

binaries=${1:-}
if [[ -z $binaries ]]; then
    docker/build.sh --fast --only-binaries
    binaries=$(echo target/image/*/release)
fi

# At the same time: they wait more than they work, and have nothing in common.
tests=(single one_node two_nodes)
logs=$(mktemp -d)
declare -A running=()
for test in "${tests[@]}"; do
    "docker/test/$test.sh" "$binaries" >"$logs/$test" 2>&1 &
    running[$test]=$!
done
# Each removes what it has started; so it is told, and waited for.
trap 'kill -TERM "${running[@]}" 2>/dev/null; wait; rm -rf "$logs"' EXIT

worst=0
for test in "${tests[@]}"; do
    status=0
    wait "${running[$test]}" || status=$?
    unset "running[$test]"
    printf -- '---- %s\n' "$test"
    cat "$logs/$test"
    case $status in
        0) echo "---- $test passed" ;;
        77)
            echo "---- $test was NOT RUN: see above"
            status=${ROUNDSMAN_DOCKER_REQUIRED:-0}
            ;;
        *) echo "---- $test FAILED" ;;
    esac
    ((status == 0)) || worst=$status
done
exit "$worst"
