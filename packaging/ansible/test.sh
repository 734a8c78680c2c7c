#!/usr/bin/env bash
# Checks the roles by ansible-lint's strictest profile, then runs them in a fresh Debian that is booted with a systemd
# and a network of its own (../test/boot.sh): probe and server with certificates, of the .deb from a folder, and of the
# tarball by https; each again, with changes, and from a release that is broken.
# As root; touches nothing outside its folders.
#
#   packaging/ansible/test.sh FOLDER      # of a release that packaging/build.sh has made
#
# Ansible comes from PyPI into a folder of its own (test.txt); what is missing of mmdebstrap, systemd-nspawn and
# python3-venv is installed by apt.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/packages.sh

[[ $# == 1 && $1 != -* ]] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
[[ $(id -u) == 0 ]] || { echo "this makes a root of its own and boots it: run it as root" >&2; exit 1; }
packages=$(realpath "$1")

need mmdebstrap mmdebstrap
need systemd-nspawn systemd-container
need_venv
install_packages "${missing[@]}"

tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/ansible-test
python_tools "$tools" packaging/ansible/test.txt
(cd packaging/ansible && PATH=$tools/bin:$PATH ansible-lint -q --offline --profile production .)
echo "ansible-lint: the roles are clean by the profile production"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
if grep -h '_version: ' packaging/ansible/roles/*/defaults/main.yml | grep -v ": $version\$"; then
    echo "the roles install that when they are told no version; Cargo.toml has $version" >&2
    exit 1
fi

. packaging/test/boot.sh
make_root "$work/root" python3,python3-venv,python3-apt,curl,jq
cp -r packaging/ansible "$work/ansible"
# There is no network in it: what it has of Ansible is installed here, by its own Python.
mkdir "$work/root/wheels"
"$tools/bin/pip" download --quiet --disable-pip-version-check --dest "$work/root/wheels" --only-binary :all: \
    --python-version "$(chroot "$work/root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" \
    "$(grep '^ansible-core' packaging/ansible/test.txt)"
chroot "$work/root" python3 -m venv /opt/ansible
chroot "$work/root" /opt/ansible/bin/pip --isolated install --quiet --disable-pip-version-check --no-index --find-links /wheels ansible-core

failed=0
for kind in deb tarball; do
    cp -a "$work/root" "$work/root-$kind"
    if ! run_inside "$work/root-$kind" "/ansible/test/inside.sh $kind" \
        --bind-ro="$packages:/packages" --bind-ro="$work/ansible:/ansible"; then
        echo "$kind: FAILED" >&2
        failed=1
    fi
    rm -rf --one-file-system "$work/root-$kind"
done
((failed == 0))
echo "NOT RUN: the .rpm, for there is no dnf in a Debian"
