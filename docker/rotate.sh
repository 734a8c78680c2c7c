#!/usr/bin/env bash
# Renews the certificates between server and probes of a stack, as new secrets. On each node the next probe
# answers before the last one goes, so no poll fails; then the server is replaced, which takes some seconds in
# which nothing is polled. The secrets of before are removed. Safe to run again, also after it was stopped.
#
#   docker/rotate.sh [NAME] [FLAG...]               # those that end within 30 days; keys stay
#   docker/rotate.sh --all [NAME] [FLAG...]         # all of them
#   docker/rotate.sh --authority [NAME] [FLAG...]   # a new authority, with new keys: three such rounds,
#                                                   # for both are trusted until all have changed
#
# NAME, flags and variables are those of deploy.sh.
set -euo pipefail
cd "$(dirname "$0")"
. ./password.sh
. ./tls.sh

what=soon
case ${1:-} in
    --all | --authority) what=${1#--}; shift ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit ;;
esac
if [[ ! -e $authority/ca.key && ! -e $authority.last/ca.key ]]; then
    echo "there is no authority in $authority: docker/deploy.sh makes one" >&2
    exit 1
fi

case $what in
    soon) ca renew ;;
    all) ca renew "$probe_name" roundsman:server ;;
    authority)
        if [[ ! -e $authority.last ]]; then
            echo "1 of 3: both sides trust another authority, too"
            authority=$authority.next make_certificates
            ./deploy.sh "$@"
            mv "$authority" "$authority.last"
        fi
        [[ ! -e $authority.next ]] || mv "$authority.next" "$authority"
        echo "2 of 3: both sides show its certificates"
        ./deploy.sh "$@"
        rm -r "$authority.last"
        echo "3 of 3: both sides trust it alone"
        ;;
esac
./deploy.sh "$@"
