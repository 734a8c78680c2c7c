#!/usr/bin/env bash
# Tries out what packaging/build.sh makes, as a person would: in fresh roots of Debian, each booted with a systemd and a
# network of its own (systemd-nspawn), it installs, starts, polls, upgrades and removes: the .deb, the tarball by
# install.sh, and the .rpm. lintian and rpmlint look at the packages. As root; touches nothing outside its folder,
# which it removes.
#
#   packaging/test.sh                     # of what packaging/build.sh --fast builds for it
#   packaging/test.sh FOLDER              # of the packages that are in FOLDER already
#
# What is missing of mmdebstrap, systemd-nspawn, lintian, rpm, rpmlint is installed by apt. The roots come from the archive of
# this machine's own sources.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

[[ $# -le 1 && ${1:-} != -* ]] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
[[ $(id -u) == 0 ]] || { echo "this makes roots of its own and boots them: run it as root" >&2; exit 1; }

need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need lintian lintian
need rpm rpm
need rpmlint rpmlint
need cpio cpio
install_packages "${missing[@]}"

work=$(mktemp -d /var/tmp/roundsman-packages.XXXXXX)
hierarchies=()
if [[ ! -d /run/systemd/system ]]; then
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [[ ! -e $hierarchy/cgroup.procs ]] || hierarchies+=("$hierarchy/${work##*/}")
    done
fi
# leave: the cgroups of a container that has ended.
leave() {
    local hierarchy
    for hierarchy in "${hierarchies[@]}"; do
        [[ ! -d $hierarchy ]] || find "$hierarchy" -depth -type d -exec rmdir {} +
    done
}
finish() {
    leave
    rm -rf --one-file-system "$work"
}
trap finish EXIT

packages=${1:+$(realpath "$1")}
if [[ -z $packages ]]; then
    packages=$work/built
    packaging/build.sh --fast --out "$packages"
fi
(cd "$packages" && sha256sum --quiet -c SHA256SUMS)

lintian --fail-on error,warning --tag-display-limit 0 "$packages"/*.deb
echo "lintian: the .deb are clean"
rpm -K --nosignature "$packages"/*.rpm
rpmlint --config packaging/rpmlint.toml "$packages"/*.rpm

# The same programs, said to be newer, with other words in each file of their configuration.
mkdir "$work/binaries" "$work/source"
tar -C "$work/binaries" --strip-components=5 -xzf "$packages"/*-linux.tar.gz --wildcards '*/usr/local/bin/*'
cp -a packaging scripts docker inventory.toml README.md CHANGELOG.md LICENSE Cargo.lock "$work/source/"
for file in docker/roundsman.toml inventory.toml packaging/roundsman-probe.default; do
    echo '# Newer.' >>"$work/source/$file"
done
# What is in the programs is not asked for anew.
mkdir -p "$work/source/target/sbom"
echo '{}' | tee "$work/source/target/sbom/server.cdx.json" >"$work/source/target/sbom/probe.cdx.json"
env -u CARGO_TARGET_DIR "$work/source/packaging/build.sh" --binaries "$work/binaries" --version 999.0.0 --out "$work/newer" >/dev/null

mkdir "$work/packages"
cp -r "$packages" "$work/packages/old"
cp -r "$work/newer" "$work/packages/new"
cp packaging/test/inside.sh "$work/packages/"

# What a Debian with systemd has, and what the test in it asks with.
mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,libnss-systemd,man-db,bash-completion,curl,jq,openssl,rpm \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$work/root"
cat >"$work/root/etc/systemd/system/inside.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/packages/inside.sh $KIND
StandardOutput=append:/result/log
StandardError=inherit
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/result/status'
ExecStopPost=systemctl poweroff --force --no-block
END

# A systemd of this machine makes a cgroup for each container. Without one they run in a cgroup of the test's own.
container=(systemd-nspawn --quiet --register=no --private-network --boot)
[[ -d /run/systemd/system ]] || container+=(--keep-unit)

# boot ROOT: until it has powered itself off.
boot() {
    local hierarchy
    for hierarchy in "${hierarchies[@]}"; do
        mkdir "$hierarchy"
        echo "$BASHPID" >"$hierarchy/cgroup.procs"
    done
    exec timeout -k 10 300 "${container[@]}" --directory="$1" --bind-ro="$work/packages:/packages" \
        --bind="$work/result:/result" -- systemd.wants=inside.service </dev/null
}

failed=0
for kind in deb rpm tarball; do
    mkdir "$work/result"
    cp -a "$work/root" "$work/root-$kind"
    sed -i "s/\$KIND/$kind/" "$work/root-$kind/etc/systemd/system/inside.service"
    (boot "$work/root-$kind") >"$work/console" 2>&1 || cat "$work/console" >&2
    leave
    cat "$work/result/log"
    if [[ $(cat "$work/result/status" 2>/dev/null) != 0 ]]; then
        echo "$kind: FAILED" >&2
        failed=1
    fi
    rm -rf --one-file-system "$work/result" "$work/root-$kind"
done
((failed == 0))
