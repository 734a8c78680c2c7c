# shellcheck shell=bash
# What the scripts beside this one have in common: how what they need gets here. It is sourced, in the
# root of the source. Works as root (as in CI) and as a user with sudo; what is there already is not
# touched.

# Packages of Debian that are to be installed.
missing=()

# need PROGRAM PACKAGE...: these, unless the program is there.
need() {
    command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 ]] || missing+=("${@:2}")
}

# need_node: what runs JavaScript, and what fetches it.
need_node() {
    need node nodejs
    need npm npm
}

# need_venv: what python_tools installs with.
need_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
}

# python_tools FOLDER LIST: the packages of PyPI that the file LIST names, in FOLDER, unless they are there.
python_tools() {
    cmp -s "$2" "$1/installed.txt" && return
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
    cp "$2" "$1/installed.txt"
}

# npm_tools FOLDER SOURCE: the packages of npm that SOURCE/package-lock.json names, in FOLDER, unless they are
# there.
npm_tools() {
    cmp -s "$2/package-lock.json" "$1/installed.json" && return
    rm -rf "$1"
    mkdir -p "$1"
    cp "$2"/package*.json "$1"
    # Nothing of npm's is run: no package needs an install script.
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund
    cp "$2/package-lock.json" "$1/installed.json"
}

# need_chinese_font: one, unless fontconfig knows of any.
need_chinese_font() {
    if ! command -v fc-list >/dev/null || [[ -z $(fc-list :lang=zh-cn) ]]; then missing+=(fonts-wqy-microhei); fi
}

# Root, or a user with sudo.
as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# install_packages PACKAGE...: by apt; none, when none is named.
install_packages() {
    (($#)) || return 0
    if ! command -v apt-get >/dev/null; then
        echo "these Debian packages are needed, and there is no apt-get here: $*" >&2
        return 1
    fi
    as_root apt-get update -q || return 1
    if [[ " $* " == *" docker.io "* ]] && apt-cache show docker-cli >/dev/null 2>&1; then
        set -- "$@" docker-cli
    fi
    (
        # A package that brings a service starts it, unless this says that it may not (see invoke-rc.d).
        policy=/usr/sbin/policy-rc.d
        if [[ ! -e $policy ]]; then
            trap 'as_root rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
            as_root chmod 755 "$policy"
        fi
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
    )
}

# build_programs: the three programs, in the folder that $ROUNDSMAN_BIN then names. They are those of
# the suite: with other features all that stands on tokio would be compiled once more.
build_programs() {
    cargo test --workspace --locked --quiet --no-run --test structure
    ROUNDSMAN_BIN=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debug
    export ROUNDSMAN_BIN
}

# page_modules: what the page is checked and tested with, by server/page/package-lock.json, once.
page_modules() {
    local lock=server/page/package-lock.json installed=server/page/node_modules/installed.json
    if ! cmp -s "$lock" "$installed"; then
        # Nothing of npm's is run: no package needs an install script.
        npm ci --prefix server/page --ignore-scripts --no-audit --no-fund
        cp "$lock" "$installed"
    fi
}
