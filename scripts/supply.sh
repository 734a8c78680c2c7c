#!/usr/bin/env bash
# What others made and the programs contain: by which licence (deny.toml), from where, what is known against
# it, and the list of all of it (CycloneDX) in target/sbom. cargo-deny and cargo-cyclonedx are built into
# target/tools, once. Known weaknesses are looked up at github.com/RustSec/advisory-db. Where that cannot be
# reached, or the tools cannot be fetched, a line says NOT RUN.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
tools=$target/tools

# tool NAME VERSION: of what checks, how fast it is matters less than how soon it is there.
tool() {
    grep -qs "\"$1 $2 " "$tools/.crates.toml" && return
    CARGO_TARGET_DIR=$tools/build CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install --quiet --debug --locked --root "$tools" "$1@$2" || return 1
    rm -rf "$tools/build"
}

if ! { tool cargo-deny 0.20.2 && tool cargo-cyclonedx 0.5.9; }; then
    echo "NOT RUN: the check of what the programs contain, for its tools cannot be built here" >&2
    exit
fi
# Of all machines that it is built for, and not only of this one.
cargo fetch --locked --quiet
"$tools/bin/cargo-deny" --offline --log-level error check bans licenses sources
if timeout 60 git ls-remote --quiet https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    "$tools/bin/cargo-deny" check advisories
else
    echo "NOT RUN: the look-up of known weaknesses, for github.com cannot be reached" >&2
fi

mkdir -p "$target/sbom"
for program in server probe fleet; do
    "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --manifest-path "$program/Cargo.toml" \
        --override-filename sbom.cdx
    mv "$program/sbom.cdx.json" "$target/sbom/$program.cdx.json"
done
find . -name sbom.cdx.json -not -path './target/*' -delete
echo "what the programs contain: $target/sbom ($(grep -c '"purl"' "$target/sbom/server.cdx.json") packages in the server)"
