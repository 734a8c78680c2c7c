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
# With TEST_DOCKER=1 also what docker/test/run.sh needs, which this does not run:
#
#   curl, jq
#   docker.io and docker-cli (where it is a package of its own), iptables: a Docker Engine. It is not
#                started here, but its units are enabled: on a machine that lives on, it starts with
#                the next boot. Where it cannot be installed, those tests say that they did not run.
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
engine=()
if [[ ${TEST_DOCKER:-} == 1 ]]; then
    for program in curl jq; do
        command -v "$program" >/dev/null || engine+=("$program")
    done
    command -v dockerd >/dev/null || [[ -x /usr/sbin/dockerd ]] || engine+=(docker.io iptables)
fi

# Root, or a user with sudo.
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# install_packages PACKAGE...
install_packages() {
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are needed, and there is no apt-get here: $*" >&2
        return 1
    fi
    as_root apt-get update -q || return 1
    # A package that brings a service starts it, unless this says that it may not (see invoke-rc.d).
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    if [[ " $* " == *" docker.io "* ]] && apt-cache show docker-cli >/dev/null 2>&1; then
        set -- "$@" docker-cli
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

((!${#missing[@]})) || install_packages "${missing[@]}"
((!${#engine[@]})) || install_packages "${engine[@]}" \
    || echo "there will be no Docker Engine: ${engine[*]} cannot be installed" >&2

# The last line sums up what each test program said.
cargo test --workspace --locked "$@" | awk '
    { print; fflush() }
    /^test result:/ { passed += $4; failed += $6 }
    END { printf "%d passed, %d failed\n", passed, failed }'
