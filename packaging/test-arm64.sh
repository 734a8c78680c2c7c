#!/usr/bin/env bash
# Builds the probe for 64-bit ARM, statically, and runs its tests of goldens, of broken files and of gRPC calls in
# that build under qemu, on a machine that is not one: what it reads of the fixture machines must be the same to the
# last value. Then the program itself is asked for its health, and shows this machine.
#
#   packaging/test-arm64.sh
#
# Into target/arm64, or $CARGO_TARGET_DIR/arm64. Where this machine's Rust has no library for
# aarch64-unknown-linux-gnu, and rustup cannot fetch one, Debian's compiler and library (rustc-web) are unpacked
# there: that compiler is another than the one that releases are built with. The cross compiler of C and qemu are
# installed by apt where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/arm64
system=aarch64-unknown-linux-gnu
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
need qemu-aarch64-static qemu-user-static
install_packages "${missing[@]}"

# has_library: whether $RUSTC, or the Rust of this machine, has what a program for ARM is linked with.
has_library() { compgen -G "$("${RUSTC:-rustc}" --print target-libdir --target $system)/libstd-*.rlib" >/dev/null; }

# debians_rust: Debian's, in $folder/rust, with the library for both machines.
debians_rust() {
    local apt=$folder/apt package
    local options=(
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o Acquire::Languages=none
        -o APT::Sandbox::User=root -o APT::Architectures::=amd64 -o APT::Architectures::=arm64
    )
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    as_root apt-get "${options[@]}" update -qq
    local rust library
    rust=$(apt-cache "${options[@]}" show rustc-web | sed -n 's/^Version: //p' | head -n 1)
    library=$(apt-cache "${options[@]}" show "rustc-web=$rust" "libstd-rust-web-dev=$rust" \
        | grep -o 'libstd-rust-web-[0-9][0-9.]*' | head -n 1)
    local llvm
    llvm=$(apt-cache "${options[@]}" depends "$library" | grep -o 'libllvm[0-9]*' | head -n 1)
    (
        cd "$apt"
        as_root apt-get "${options[@]}" download -qq "rustc-web=$rust" "$library:amd64=$rust" "$llvm:amd64" \
            "libstd-rust-web-dev:amd64=$rust" "libstd-rust-web-dev:arm64=$rust"
    )
    for package in "$apt"/*.deb; do dpkg-deb --extract "$package" "$folder/rust"; done
    rm -rf "$apt"
}

mkdir -p "$folder"
if ! has_library; then
    [[ $(uname -m) == x86_64 ]] || { echo "there is no Rust for $system here: rustup target add $system" >&2; exit 1; }
    [[ -x $folder/rust/usr/bin/rustc ]] || debians_rust
    export RUSTC=$folder/rust/usr/bin/rustc LD_LIBRARY_PATH=$folder/rust/usr/lib/x86_64-linux-gnu:$folder/rust/usr/lib
    has_library
    echo "with Debian's Rust: $("$RUSTC" --version)"
fi

export CARGO_TARGET_DIR=$folder/target
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
cargo test --locked -p roundsman-probe --target $system --test golden --test broken --test service

cargo build --locked -p roundsman-probe --target $system
program=$CARGO_TARGET_DIR/$system/debug/roundsman-probe
said=$(mktemp)
probe=
trap '[[ -z $probe ]] || kill "$probe" 2>/dev/null || true; rm -f "$said"' EXIT
qemu-aarch64-static "$program" serve --listen 127.0.0.1:0 >"$said" 2>&1 &
probe=$!
for _ in {1..300}; do
    address=$(sed -n 's/^.* listens on //p' "$said")
    [[ -z $address ]] || break
    sleep 0.1
done
qemu-aarch64-static "$program" health --address "$address"
qemu-aarch64-static "$program" show --json >/dev/null
echo "the probe for 64-bit ARM reads, answers and shows what it should"
