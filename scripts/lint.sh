#!/usr/bin/env bash
# Checks what cargo does not: every shell script by shellcheck, the page by prettier and eslint, Grafana's
# dashboards by its schema, what Docker deploys by Docker, where it is there, every systemd unit by systemd's
# own parser, where there is one, which also says how exposed it is. What is missing of shellcheck, node and
# npm is installed by apt.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

need_node
need shellcheck shellcheck
install_packages "${missing[@]}"

mapfile -t scripts < <({ git ls-files -- '*.sh'; git grep -lE '^#!.*\b(ba|da)?sh\b' -- ':!*.sh' ':!*.rs'; } | sort -u)
shellcheck "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} scripts are clean"

page_modules
(
    cd server/page
    node_modules/.bin/prettier --check --log-level warn .
    node_modules/.bin/eslint --max-warnings 0 .
)
echo "prettier and eslint: the page is clean"

# As constants of its type: what Grafana's schema does not name, or wants and is not there, does not compile.
schema=$(realpath -m "${CARGO_TARGET_DIR:-target}")/grafana-schema
npm_tools "$schema" scripts/grafana-schema
rm -f "$schema"/*.ts
cp scripts/grafana-schema/{board.ts,tsconfig.json} "$schema"
boards=(packaging/grafana/{mysql,prometheus}/*.json)
for board in "${boards[@]}"; do
    {
        printf 'import type { Board } from "./board.js";\nexport const board: Board = '
        cat "$board"
    } >"$schema/$(basename "${board%/*}")-$(basename "$board" .json).ts"
done
"$schema/node_modules/.bin/tsc" --project "$schema"
echo "Grafana's schema: ${#boards[@]} dashboards are clean"

# Each set of files that is deployed together, as the program that deploys it reads it.
export ROUNDSMAN_DOCKER_SECRET_PROBE=x ROUNDSMAN_DOCKER_SECRET_PROBE_TRUST=x ROUNDSMAN_DOCKER_SECRET_SERVER=x \
    ROUNDSMAN_DOCKER_SECRET_SERVER_TRUST=x ROUNDSMAN_DOCKER_GRAFANA_FILES=x
if docker stack config --help >/dev/null 2>&1; then
    for files in "" ".tls-probe" ".tls-probe .tls" ".grafana" ".tls-probe .tls .grafana"; do
        named=(--compose-file docker/stack.yml)
        for file in $files; do named+=(--compose-file "docker/stack$file.yml"); done
        docker stack config "${named[@]}" >/dev/null
    done
    echo "docker stack config: the stack's files are clean"
else
    echo "NOT RUN: docker stack config is not here, the stack's files are not checked"
fi
if docker compose version >/dev/null 2>&1; then
    docker compose -f docker/compose.yml config --quiet
    docker compose -f docker/compose.yml -f docker/compose.grafana.yml config --quiet
    echo "docker compose config: compose files are clean"
else
    echo "NOT RUN: docker compose is not here, compose files are not checked"
fi

if ! command -v systemd-analyze >/dev/null; then
    echo "NOT RUN: systemd-analyze is not here, the units are not checked"
    exit
fi
# It wants the program to be there: a copy of the unit names one that is. What an operator takes the # away
# from is checked, too.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for unit in packaging/systemd/*.service; do
    sed -E 's,/usr/local/bin/[a-z-]*,/bin/true,; s/^#([A-Z][A-Za-z]*=)/\1/' "$unit" >"$copy/${unit##*/}"
done
said=$(systemd-analyze verify "$copy"/*.service 2>&1) || { echo "$said" >&2; exit 1; }
if [[ -n $said ]]; then
    # A setting that it does not know is only a warning.
    echo "$said" >&2
    exit 1
fi
echo "systemd-analyze verify: $(find packaging/systemd -name '*.service' | wc -l) units are clean"
# Of 10; the score counts what a service could do beyond its task. Needs no systemd that runs.
systemd-analyze security --offline=true --threshold=25 --no-pager "$copy"/*.service | grep Overall
