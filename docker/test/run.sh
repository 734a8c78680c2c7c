#!/usr/bin/env bash
# Builds static binaries and runs the tests that need a Docker Engine, each with engines of its own.
# Needs root and Debian's docker.io, iptables, iproute2, jq, mariadb-server. Says NOT RUN, and
# fails only with ROUNDSMAN_DOCKER_REQUIRED=1, where no engine can be started.
#
#   docker/test/run.sh                # builds first, without link-time optimisation
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

for test in single one_node two_nodes; do
    echo "---- $test"
    status=0
    "docker/test/$test.sh" "$binaries" || status=$?
    case $status in
        0) echo "---- $test passed" ;;
        77) echo "---- $test was NOT RUN: see above"; status=${ROUNDSMAN_DOCKER_REQUIRED:-0} ;;
        *) echo "---- $test FAILED" ;;
    esac
    ((status == 0)) || exit "$status"
done
