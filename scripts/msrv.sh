#!/usr/bin/env bash
# Checks that the oldest Rust that the project names (rust-version in Cargo.toml) builds it. rustup
# fetches that toolchain; where it cannot, the last line says NOT RUN.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

if ! timeout 120 rustup toolchain install "$oldest" --profile minimal --no-self-update; then
    echo "NOT RUN: the check with Rust $oldest, which rustup cannot install here" >&2
    exit
fi
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
CARGO_TARGET_DIR=$target/msrv cargo "+$oldest" check --workspace --locked --quiet
echo "Rust $oldest: the workspace builds"
