#!/usr/bin/env bash
# Holds a running server to its own OpenAPI document: clients that generators make of it, in Python,
# TypeScript and Go, ask what they want to know; then schemathesis makes some thousand requests, good
# and bad ones, the same every time but for those that follow what was answered. Takes a minute or
# two.
#
# The server is `roundsman demo` on loopback, with a token. The tools come from PyPI, in the versions of
# scripts/api-test.txt, into target/api-test, and from npm, in those of
# scripts/api-test/package-lock.json, into target/api-test-npm; without either this fails.
# python3-venv, nodejs, npm and golang-go are installed by apt where they are missing; Java comes from
# PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

. scripts/packages.sh
need_venv
need_node
need go golang-go
install_packages "${missing[@]}"
venv=$target/api-test
python_tools "$venv" scripts/api-test.txt
npm=$target/api-test-npm
if ! cmp -s scripts/api-test/package-lock.json "$npm/installed.json"; then
    rm -rf "$npm"
    mkdir -p "$npm"
    cp scripts/api-test/package*.json "$npm"
    # Nothing of npm's is run: no package needs an install script.
    npm ci --prefix "$npm" --ignore-scripts --no-audit --no-fund
    cp scripts/api-test/package-lock.json "$npm/installed.json"
fi
cp scripts/api-test/client.ts scripts/api-test/tsconfig.json "$npm"

build_programs
config=$PWD/scripts/api-test.toml
clients=$PWD/scripts/api-test
work=$(mktemp -d)
cd "$work"
# Nobody else's settings, and a token that nobody else knows.
head -c 24 /dev/urandom | base64 >token
# Read from the first moment on.
: >errors
env -i PATH="$PATH" HOME="$work" ROUNDSMAN_HTTP__TOKEN_FILE="$work/token" \
    "$ROUNDSMAN_BIN/roundsman" demo --data "$work" >said 2>>errors &
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

TOKEN=$(cat token)
export TOKEN
"$venv/bin/python" - "$address/api/v1/openapi.json" >openapi.json <<'END'
import os, sys
from urllib.request import Request, urlopen

asked = Request(sys.argv[1], headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
sys.stdout.write(urlopen(asked).read().decode())
END
"$venv/bin/openapi-spec-validator" openapi.json

# Made anew each time. A part of the document that a generator leaves out is a warning, and no client.
if ! PATH="$venv/bin:$PATH" timeout 300 "$venv/bin/openapi-python-client" generate --path openapi.json \
    --output-path python/roundsman_client --meta none --fail-on-warning; then
    echo "no client in Python can be made of the document" >&2
    exit 1
fi
timeout 300 "$venv/bin/python" "$clients/client.py" python "$address"
"$npm/node_modules/.bin/openapi-typescript" openapi.json --output "$npm/roundsman.d.ts" 2>&1 | tee typescript
if grep -qi 'warn\|⚠' typescript; then
    echo "no whole client in TypeScript can be made of the document" >&2
    exit 1
fi
"$npm/node_modules/.bin/tsc" --project "$npm"
timeout 300 node "$npm/client.js" "$address"
# Without the prefix enums share names. The generator warns at each document of OpenAPI 3.1 that it is
# new to it.
timeout 300 "$venv/bin/openapi-generator-cli" generate --input-spec openapi.json --generator-name go \
    --output go/roundsman --additional-properties enumClassPrefix=true,packageName=roundsman,withGoMod=false \
    --global-property apiDocs=false,modelDocs=false,apiTests=false,modelTests=false >generator 2>&1 ||
    { cat generator >&2; exit 1; }
if grep 'WARN\|ERROR' generator | grep -v 'OpenAPI 3.1 support is still in beta' >&2; then
    echo "no whole client in Go can be made of the document" >&2
    exit 1
fi
cp "$clients/client.go" "$clients/go.mod" go
# Nothing but the standard library is needed, so nothing is fetched.
(cd go && GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE=$target/api-test-go go build -o client .)
timeout 300 go/client "$address"

# Left out is what never ends, the stream; a test of the server's own reads it. One seed and no limit
# of time: what is asked does not depend on how fast the machine is, but where one answer leads to the
# next (the phase "stateful").
if ! timeout 600 "$venv/bin/schemathesis" --config-file "$config" run "$address/api/v1/openapi.json" \
    --header "Authorization: Bearer $TOKEN" --exclude-path /api/v1/stream \
    --checks all --phases examples,coverage,fuzzing,stateful --max-examples 25 --seed 20261123 \
    --continue-on-failure --suppress-health-check all --warnings off; then
    echo "the server said:" >&2
    tail -n 20 errors >&2
    exit 1
fi
