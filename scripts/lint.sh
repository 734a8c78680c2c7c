#!/usr/bin/env bash
# Checks what cargo does not: every shell script by shellcheck, the page by prettier and eslint, every
# systemd unit by systemd's own parser, where there is one, which also says how exposed it is. What is
# missing of shellcheck, node and npm is installed by apt.
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
