#!/usr/bin/env bash
# Builds both images around static binaries: `roundsman-probe` and `roundsman`, tagged with the
# version and `latest`. Needs Rust, a C compiler, npm (or the page has no charts) and an engine;
# DOCKER_HOST says which. Prints the sizes and fails when an image is larger than it may be.
#
#   docker/build.sh                       # optimised for what is shipped; takes some minutes
#   docker/build.sh --fast                # hardly optimised, in half the time: for tests
#   docker/build.sh --only-binaries       # no images; they are in target/image/*/dist
#   docker/build.sh --binaries DIR        # around binaries that are there already (with --fast: such ones)
#   docker/build.sh --prefix registry.example.com/ops/   # names to push
set -euo pipefail
cd "$(dirname "$0")/.."

# Bytes that an image may have; of binaries that are hardly optimised, a third more.
probe_most=$((10 * 1000 * 1000))
server_most=$((30 * 1000 * 1000))

binaries=
prefix=
fast=
only=
while (($#)); do
    case $1 in
        --fast) fast=1 ;;
        --only-binaries) only=1 ;;
        --binaries) binaries=${2:?--binaries needs a folder}; shift ;;
        --prefix) prefix=${2:?--prefix needs the begin of the names}; shift ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
    shift
done
if [[ -n $fast ]]; then
    ((probe_most += probe_most / 3, server_most += server_most / 3))
fi

# Static: there is no libc in an empty image. The target is named, so that build scripts and
# procedural macros are not linked that way, too; the folder is its own, so that the flags do not
# throw away what `cargo build` has made.
if [[ -z $binaries ]]; then
    triple=$(rustc -vV | sed -n 's/^host: //p')
    export RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_DIST_STRIP=symbols
    if [[ -n $fast ]]; then
        export CARGO_PROFILE_DIST_LTO=off CARGO_PROFILE_DIST_CODEGEN_UNITS=16
        export CARGO_PROFILE_DIST_OPT_LEVEL=z
    fi
    cargo build --profile dist --locked --target "$triple" --target-dir target/image \
        -p roundsman-probe -p roundsman --bins
    binaries=target/image/$triple/dist
fi
for program in roundsman-probe roundsman; do
    if readelf -lW "$binaries/$program" | grep INTERP >/dev/null; then
        echo "$binaries/$program is linked dynamically: it would not start in an empty image" >&2
        exit 1
    fi
done
[[ -z $only ]] || exit 0

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir "$context/data"
cp "$binaries/roundsman-probe" "$binaries/roundsman" "$context/"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# The time of the commit, so that the same sources make the same image.
created=$(git show -s --format=%cI HEAD 2>/dev/null || echo unknown)

# build NAME DOCKERFILE MOST_BYTES
build() {
    docker build -q -f "docker/$2" \
        --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" \
        -t "$prefix$1:$version" -t "$prefix$1:latest" "$context" >/dev/null
    local bytes
    bytes=$(docker image inspect -f '{{.Size}}' "$prefix$1:$version")
    awk -v name="$prefix$1:$version" -v bytes="$bytes" -v most="$3" 'BEGIN {
        printf "%-28s %5.1f MB, may have %d MB\n", name, bytes / 1e6, most / 1e6
        exit bytes > most
    }' || { echo "$prefix$1:$version is too large" >&2; exit 1; }
}
build roundsman-probe probe.Dockerfile "$probe_most"
build roundsman server.Dockerfile "$server_most"
