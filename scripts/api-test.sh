#!/usr/bin/env bash
# Holds a running server to its own OpenAPI document: the clients of packaging/clients.sh, in Python and
# TypeScript, installed as people install them, and one in Go that is generated here, ask what they want
# to know; then schemathesis makes some thousand requests, good and bad ones, the same every time but for
# those that follow what was answered. The protos that are packed with the clients are held against a
# probe. Takes a minute or two.
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
. scripts/demo.sh
need_venv
need_node
need go golang-go
install_packages "${missing[@]}"
venv=$target/api-test
python_tools "$venv" scripts/api-test.txt
npm=$target/api-test-npm
npm_tools "$npm" scripts/api-test

build_programs
config=$PWD/scripts/api-test.toml
clients=$PWD/scripts/api-test
pins=$PWD/packaging/clients/python.txt
work=$(mktemp -d)
demo=
probe=
trap '[[ -z $probe ]] || kill "$probe" 2>/dev/null || true; stop_demo; rm -rf "$work"' EXIT
made=$work/made
packaging/clients.sh --binaries "$ROUNDSMAN_BIN" --out "$made"
cd "$work"
start_demo "$ROUNDSMAN_BIN/roundsman" "$work/demo"
export ROUNDSMAN_URL=$address

document openapi.json
"$venv/bin/openapi-spec-validator" openapi.json
if ! cmp openapi.json "$made"/roundsman-openapi-*.json; then
    echo "the document of one server is not that of another, so clients of it are not for both" >&2
    exit 1
fi

# shown LANGUAGE PROGRAM...: runs the example in LANGUAGE that the README of a client shows, which is read from standard
# input, and holds what it says against the host that the demo has.
shown() {
    local language=$1 said
    said=$(sed -n "/^\`\`\`$language\$/,/^\`\`\`\$/{/^\`\`\`/!p}" | timeout 300 "${@:2}")
    # Who resumed it just before left it pending until its next poll.
    if ! grep -qE '^[^ ]+ (up|pending) [^ ]+ is (up|pending) ' <<<"$said"; then
        echo "the example in the README of the client ($language) said: $said" >&2
        return 1
    fi
}

python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check --constraint "$pins" "$made"/*.whl
shown python python/bin/python - <<<"$(tar -xzOf "$made"/roundsman_client-*.tar.gz --wildcards '*/README.md')"
timeout 300 python/bin/python "$clients/client.py" "$address"

cp -r "$npm" typescript
cp "$clients"/{client.ts,tsconfig.json} typescript
(
    cd typescript
    npm install --no-save --ignore-scripts --no-audit --no-fund "$made"/*.tgz
    shown js node --input-type=module <node_modules/roundsman-client/README.md
    node_modules/.bin/tsc
    timeout 300 node client.js "$address"
)

# The protos as they are packed: buf finds nothing in them, and asks a probe by its reflection and by the
# descriptor set.
mkdir proto
tar -xzf "$made"/roundsman-proto-*.tar.gz --strip-components=1 -C proto
buf=$target/clients-npm/node_modules/.bin/buf
(cd proto && "$buf" lint)
"$ROUNDSMAN_BIN/roundsman-probe" serve --listen 127.0.0.1:0 >probe.said 2>&1 &
probe=$!
for _ in {1..300}; do
    at=$(sed -n 's/^.* listens on //p' probe.said)
    [[ -z $at ]] || break
    sleep 0.1
done
for schema in "" "--schema proto/roundsman.binpb"; do
    # shellcheck disable=SC2086 # none, or a flag and its value
    timeout 60 "$buf" curl --protocol grpc --http2-prior-knowledge $schema \
        --data '{"families": ["FAMILY_LOAD"]}' "http://$at/roundsman.v1.Probe/GetMetrics" >answer
    if ! grep -q '"load1Hundredths"' answer; then
        echo "a probe answered buf ($schema): $(cat answer probe.said)" >&2
        exit 1
    fi
done
echo "buf reads the protos, and a probe by them."

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
    tail -n 20 demo/errors >&2
    exit 1
fi
