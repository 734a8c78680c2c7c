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

. packaging/test/boot.sh

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

# What others made goes with its licences, in each kind of package.
for program in roundsman roundsman-probe; do
    for text in \
        "dpkg-deb --fsys-tarfile '$packages'/${program}_*.deb | tar -xO ./usr/share/doc/$program/THIRD-PARTY.txt.gz | zcat" \
        "rpm2cpio '$packages'/$program-[0-9]*.rpm | cpio -i --quiet --to-stdout ./usr/share/licenses/$program/THIRD-PARTY.txt" \
        "tar -xOzf '$packages'/*-linux.tar.gz --wildcards '*/third-party/$program.txt'"; do
        bash -c "$text" | grep -c '^tokio 1.* (MIT)' >/dev/null || { echo "no licence of tokio by: $text" >&2; exit 1; }
    done
done

# The same programs, said to be newer, with other words in each file of their configuration.
mkdir "$work/binaries" "$work/source"
tar -C "$work/binaries" --strip-components=5 -xzf "$packages"/*-linux.tar.gz --wildcards '*/usr/local/bin/*'
cp -a packaging scripts docker inventory.toml README.md CHANGELOG.md LICENSE Cargo.lock "$work/source/"
for file in docker/roundsman.toml inventory.toml packaging/roundsman-probe.default; do
    echo '# Newer.' >>"$work/source/$file"
done
# What is in the programs is not asked for anew.
mkdir -p "$work/source/target/sbom" "$work/source/target/third-party"
echo 'Newer.' | tee "$work/source/target/third-party/roundsman.txt" >"$work/source/target/third-party/roundsman-probe.txt"
echo '{}' | tee "$work/source/target/sbom/server.cdx.json" >"$work/source/target/sbom/probe.cdx.json"
env -u CARGO_TARGET_DIR "$work/source/packaging/build.sh" --binaries "$work/binaries" --version 999.0.0 --out "$work/newer" >/dev/null

mkdir "$work/packages"
cp -r "$packages" "$work/packages/old"
cp -r "$work/newer" "$work/packages/new"
cp packaging/test/inside.sh "$work/packages/"

# And what the test in it asks with.
make_root "$work/root" man-db,bash-completion,curl,jq,openssl,rpm

failed=0
for kind in deb rpm tarball; do
    cp -a "$work/root" "$work/root-$kind"
    if ! run_inside "$work/root-$kind" "/packages/inside.sh $kind" --bind-ro="$work/packages:/packages"; then
        echo "$kind: FAILED" >&2
        failed=1
    fi
    rm -rf --one-file-system "$work/root-$kind"
done
((failed == 0))
