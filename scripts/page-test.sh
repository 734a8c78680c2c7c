#!/usr/bin/env bash
# Tests the page in a real browser: a server and a fleet of fake probes of this source, headless
# Chromium, playwright-core and axe-core from npm by server/page/package-lock.json. Works as root (as
# in CI) and as a user with sudo; a package that is there already is not touched.
#
#   chromium, nodejs, npm   the browser, and what drives it
#   mariadb-server          the store that goes away; kept from starting by itself
#   nginx-light             the proxy before the page; kept from starting by itself
#   sqlite3                 to make a day of history of some polls
#
# What is given is passed on: scripts/page-test.sh --test-name-pattern 'five thousand'
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v mariadbd >/dev/null || [[ -x /usr/sbin/mariadbd ]] || missing+=(mariadb-server)
command -v sqlite3 >/dev/null || missing+=(sqlite3)
command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are needed, and there is no apt-get here: ${missing[*]}" >&2
        exit 1
    fi
    sudo=()
    [[ $(id -u) == 0 ]] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    # As in scripts/test.sh: a package that brings a service may not start it.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap '"${sudo[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
        "${sudo[@]}" chmod 755 "$policy"
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

cargo build --locked --package roundsman --package roundsman-fleet --bins
ROUNDSMAN_BIN=$(cargo metadata --format-version 1 --no-deps --locked | node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')/debug
export ROUNDSMAN_BIN
cd server/page
# Nothing of npm's is run: neither package needs an install script.
npm ci --ignore-scripts --no-audit --no-fund
node --test --test-reporter=spec "$@" test/points.test.mjs test/page.test.mjs test/proxy.test.mjs
