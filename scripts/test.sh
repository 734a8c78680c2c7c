#!/usr/bin/env bash
# Installs what the tests need on Debian, then runs the whole suite. Works as root (as in CI) and as
# a user with sudo; a package that is there already is not touched.
#
#   iproute2     ip: the probe's interface counters are compared with it
#   util-linux   unshare, mount: the probe is run in a network namespace of its own
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v ip >/dev/null || missing+=(iproute2)
command -v unshare >/dev/null || missing+=(util-linux)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
if ((${#missing[@]})); then
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are needed, and there is no apt-get here: ${missing[*]}" >&2
        exit 1
    fi
    sudo=()
    [[ $(id -u) == 0 ]] || sudo=(sudo)
    "${sudo[@]}" apt-get update -q
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# The last line sums up what each test program said.
cargo test --workspace --locked "$@" | awk '
    { print; fflush() }
    /^test result:/ { passed += $4; failed += $6 }
    END { printf "%d passed, %d failed\n", passed, failed }'
