#!/usr/bin/env bash
# Holds a running server to its own OpenAPI document with schemathesis: some thousand requests, good
# and bad ones, the same every time but for those that follow what was answered. Takes about a minute.
#
# The server is `roundsman demo` on loopback, with a token. schemathesis comes from PyPI, in the
# versions of scripts/api-test.txt, into target/api-test; without PyPI this fails. python3-venv is
# installed by apt where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "python3 with venv is needed, and there is no apt-get here" >&2
        exit 1
    fi
    sudo=()
    [[ $(id -u) == 0 ]] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends python3 python3-venv
fi
venv=$target/api-test
if ! cmp -s scripts/api-test.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/api-test.txt
    cp scripts/api-test.txt "$venv/installed.txt"
fi

# The program that the tests run too: it is there after them, and made here without them.
cargo test --workspace --locked --no-run --quiet
config=$PWD/scripts/api-test.toml
work=$(mktemp -d)
cd "$work"
# Nobody else's settings, and a token that nobody else knows.
head -c 24 /dev/urandom | base64 >token
# Read from the first moment on.
: >errors
env -i PATH="$PATH" HOME="$work" ROUNDSMAN_HTTP__TOKEN_FILE="$work/token" \
    "$target/debug/roundsman" demo --data "$work" >said 2>>errors &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

address=
for _ in {1..300}; do
    address=$(sed -n 's,^Page: \(http://[^/]*\)/.*,\1,p' errors)
    [[ -z $address ]] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
done
if [[ -z $address ]]; then
    echo "the server did not start:" >&2
    cat said errors >&2
    exit 1
fi

# Left out is what never ends, the stream; a test of the server's own reads it. One seed and no limit
# of time: what is asked does not depend on how fast the machine is, but where one answer leads to the
# next (the phase "stateful").
if ! timeout 600 "$venv/bin/schemathesis" --config-file "$config" run "$address/api/v1/openapi.json" \
    --header "Authorization: Bearer $(cat token)" --exclude-path /api/v1/stream \
    --checks all --phases examples,coverage,fuzzing,stateful --max-examples 25 --seed 20261123 \
    --continue-on-failure --suppress-health-check all --warnings off; then
    echo "the server said:" >&2
    tail -n 20 errors >&2
    exit 1
fi
