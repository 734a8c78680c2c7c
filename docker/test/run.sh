#!/usr/bin/env bash
# Builds static binaries and runs the tests that need a Docker Engine, each with engines of its own.
# Needs root, what engine_lacks asks of the kernel, and of Debian curl, docker.io, iptables,
# iproute2, jq, mariadb-server (scripts/test.sh installs them with TEST_DOCKER=1). Where no
# engine can be started it says NOT RUN and why, and fails only with TEST_DOCKER_REQUIRED=1.
#
#   docker/test/run.sh                # builds first, hardly optimised
#   docker/test/run.sh BINARIES       # with the two static binaries in that folder
set -euo pipefail
cd "$(dirname "$0")/../.."

. docker/test/engine.sh
mapfile -t lacks < <(engine_lacks)
if ((${#lacks[@]})); then
    for lack in "${lacks[@]}"; do
        echo "NOT RUN: the tests on a Docker Engine, for lack of $lack" >&2
    done
    exit "${TEST_DOCKER_REQUIRED:-0}"
fi

# Seconds that a test may take before it is ended; alone on two cores each takes less than six minutes.
most=900

binaries=${1:-}
if [[ -z $binaries ]]; then
    docker/build.sh --fast --only-binaries
    echo "---- the binaries took $SECONDS s"
    binaries=$(echo target/image/*/dist)
fi

# At the same time: they wait more than they work, and have nothing in common.
tests=(single one_node two_nodes)
logs=$(mktemp -d)
declare -A running=()
for test in "${tests[@]}"; do
    # It tells the whole group, so that a command that hangs does not keep the test from cleaning up.
    timeout --kill-after=90 "$most" "docker/test/$test.sh" "$binaries" >"$logs/$test" 2>&1 &
    running[$test]=$!
done
# Each removes what it has started; so it is told, and waited for.
# What fails in here would be taken for how the tests ended.
trap '((!${#running[@]})) || kill -TERM "${running[@]}" 2>/dev/null || true; wait || true; rm -rf "$logs"' EXIT

worst=0
for test in "${tests[@]}"; do
    status=0
    wait "${running[$test]}" || status=$?
    unset "running[$test]"
    printf -- '---- %s\n' "$test"
    cat "$logs/$test"
    case $status in
        0) echo "---- $test passed" ;;
        124 | 137) echo "---- $test FAILED: not within $most s" ;;
        77)
            echo "---- $test was NOT RUN: see above"
            status=${TEST_DOCKER_REQUIRED:-0}
            ;;
        *) echo "---- $test FAILED" ;;
    esac
    ((status == 0)) || worst=$status
done
echo "---- all took $SECONDS s"
exit "$worst"
