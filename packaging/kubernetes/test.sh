#!/usr/bin/env bash
# Checks the chart and the manifests without a cluster: rendered by Helm's own library, held to the schemas of each
# Kubernetes that it is for, to what roundsman.yaml says, and to what names and rights they need (check.py). As any
# user; what it needs it fetches into a folder of its own (test.txt).
#
#   packaging/kubernetes/test.sh             # fails when anything is wrong
#   packaging/kubernetes/test.sh --update    # writes roundsman.yaml anew of the chart
#
# ROUNDSMAN_BIN: the folder of the server's program, which then checks the ConfigMap; default: that of the last build.
# python3-venv is installed by apt where it is missing. `kubectl` is used where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/packages.sh

case $#:${1:-} in
    0: | 1:--update) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac

need_venv
install_packages "${missing[@]}"

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
venv=$target/kubernetes-test
python_tools "$venv" packaging/kubernetes/test.txt

ROUNDSMAN=
for folder in ${ROUNDSMAN_BIN:+"$ROUNDSMAN_BIN"} "$target"/{release,debug}; do
    if [[ -x $folder/roundsman ]]; then
        ROUNDSMAN=$folder/roundsman
        break
    fi
done
KUBECTL=$(command -v kubectl || true)
export ROUNDSMAN KUBECTL
"$venv/bin/python" packaging/kubernetes/check.py "$@"
