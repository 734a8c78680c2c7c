#!/usr/bin/env bash
# Checks that the oldest Rust that the project names (rust-version in Cargo.toml) builds it, and then,
# from what that has left, that its documentation is without warnings. rustup fetches that toolchain;
# where it cannot, a line says NOT RUN, and the documentation is made by the Rust that is here.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")/msrv
export CARGO_TARGET_DIR

rust=()
if timeout 120 rustup toolchain install "$oldest" --profile minimal --no-self-update; then
    rust=("+$oldest")
    cargo "${rust[@]}" check --workspace --locked --quiet
    echo "Rust $oldest: the workspace builds"
else
    echo "NOT RUN: the check with Rust $oldest, which rustup cannot install here" >&2
fi
RUSTDOCFLAGS="-D warnings" cargo "${rust[@]}" doc --workspace --no-deps --locked --quiet
echo "the documentation is without warnings"
