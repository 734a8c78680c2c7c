#!/usr/bin/env bash
# Installs what the tests need on Debian, then runs the whole suite. Works as root (as in CI) and as
# a user with sudo; a package that is there already is not touched.
#
#   iproute2     ip: the probe's interface counters are compared with it
#   util-linux   unshare, mount: the probe is run in a network namespace of its own
#   mariadb-server  mariadbd: the tests start servers of their own, on folders of their own; the one
#                that Debian would start is kept from starting
#   tmux         the terminal that `roundsman top` and the tables are tested in
#   man-db       the manual pages are shown by it
#   (shellcheck) scripts/lint.sh checks every script with it
#
# With ROUNDSMAN_TEST_DOCKER=1 also what docker/test/run.sh needs, which this does not run:
#
#   jq
#   docker.io and docker-cli (where it is a package of its own), iptables: a Docker Engine, not started
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v ip >/dev/null || missing+=(iproute2)
command -v unshare >/dev/null || missing+=(util-linux)
command -v mariadbd >/dev/null || [[ -x /usr/sbin/mariadbd ]] || missing+=(mariadb-server)
command -v tmux >/dev/null || missing+=(tmux)
command -v man >/dev/null || missing+=(man-db)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v shellcheck >/dev/null || missing+=(shellcheck)
if [[ -n ${ROUNDSMAN_TEST_DOCKER:-} ]]; then
    command -v jq >/dev/null || missing+=(jq)
    command -v dockerd >/dev/null || missing+=(docker.io iptables)
fi
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are needed, and there is no apt-get here: ${missing[*]}" >&2
        exit 1
    fi
    sudo=()
    [[ $(id -u) == 0 ]] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    # A package that brings a service starts it, unless this says that it may not (see invoke-rc.d).
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap '"${sudo[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
        "${sudo[@]}" chmod 755 "$policy"
    fi
    if [[ " ${missing[*]} " == *" docker.io "* ]] && apt-cache show docker-cli >/dev/null 2>&1; then
        missing+=(docker-cli)
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# The last line sums up what each test program said.
cargo test --workspace --locked "$@" | awk '
    { print; fflush() }
    /^test result:/ { passed += $4; failed += $6 }
    END { printf "%d passed, %d failed\n", passed, failed }'
