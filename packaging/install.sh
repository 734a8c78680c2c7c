#!/bin/sh
# Installs the server and the probe, or one of them, below /usr/local on a Linux machine with systemd, where neither
# the .deb nor the .rpm fits. Run again with another release it upgrades: configuration stays as it is, and what runs
# is started anew. It fetches nothing but what it is told to, and installs nothing that SHA256SUMS does not vouch for.
#
#   install.sh FROM [roundsman|roundsman-probe]   FROM is a folder, or an address (https://...), that holds SHA256SUMS
#                                                 and roundsman-VERSION-MACHINE-linux.tar.gz
#   install.sh uninstall [roundsman|roundsman-probe]
#                                                 takes away what it installed; configuration and history stay
set -eu

# In it a list for each program, of the files that were installed, and `folders`: those that were made for them.
lists=/usr/local/share/roundsman

usage() {
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2
    exit 2
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

systemd() {
    [ ! -d /run/systemd/system ] || systemctl "$@"
}

# fetch NAME: that file of FROM, into $work.
fetch() {
    case $from in
        https://*)
            if command -v curl >/dev/null; then
                curl --fail --silent --show-error --location --proto =https --output "$work/$1" "$from/$1"
            else
                wget --quiet --https-only --output-document="$work/$1" "$from/$1"
            fi || fail "$from/$1 cannot be fetched"
            ;;
        *://*) fail "$from: only https is fetched from; else fetch into a folder, and name that" ;;
        *) cp "$from/$1" "$work/$1" || fail "$from is no folder with a release: $1 is missing" ;;
    esac
}

# made FOLDER: makes it, and what it stands in, and keeps in mind what was made.
made() {
    [ ! -d "$1" ] || return 0
    made "$(dirname "$1")"
    mkdir -m 755 "$1"
    echo "$1" >>"$work/folders"
}

# place FILE TO: never half, and a program that runs keeps its file.
place() {
    made "$(dirname "$2")"
    cp "$1" "$2.new"
    chmod "$(if [ -x "$1" ]; then echo 755; else echo 644; fi)" "$2.new"
    mv "$2.new" "$2"
    echo "$2" >>"$work/list"
}

# forget LIST: takes away the files in it.
forget() {
    while read -r path; do rm -f "$path"; done <"$1"
}

# install_program PROGRAM: of the release that is unpacked in $release.
install_program() {
    list=$lists/$1
    first=
    [ -f "$list" ] || first=1
    [ ! -e "/usr/bin/$1" ] || fail "/usr/bin/$1 is there: a package has installed $1. Upgrade that, or remove it first"
    : >"$work/list"
    made "$lists"
    for file in $(cd "$release/$1" && find usr -type f); do
        place "$release/$1/$file" "/$file"
    done
    # The configuration belongs to its owner from the first day on, and is in no list.
    for file in $(cd "$release/$1" && find etc -type f); do
        [ ! -e "/$file" ] || continue
        mkdir -p "/$(dirname "$file")"
        cp "$release/$1/$file" "/$file"
        chmod 644 "/$file"
    done
    if [ -z "$first" ]; then
        # What the release before had, and this one has no more.
        grep -vxFf "$work/list" "$list" >"$work/gone" || :
        forget "$work/gone"
    fi
    cp "$work/list" "$list"
    cat "$work/folders" >>"$lists/folders"
    : >"$work/folders"
    systemd daemon-reload
    systemd try-restart "$1.service"
    if [ -n "$first" ]; then
        cat "$release/next-steps/$1.txt"
    else
        echo "$1 is upgraded to $("/usr/local/bin/$1" --version | sed 's/.* //'); configuration is as it was."
    fi
    echo
}

uninstall_program() {
    list=$lists/$1
    systemd --quiet disable --now "$1.service"
    forget "$list"
    rm "$list"
    systemd daemon-reload
    echo "$1 is taken away. What it was told, and what it kept, stays where it was:"
    if [ "$1" = roundsman ]; then
        echo "    /etc/roundsman               settings and inventory"
        echo "    /var/lib/roundsman           the history; the folder itself is /var/lib/private/roundsman"
    else
        echo "    /etc/default/roundsman-probe"
    fi
}

case $# in 1 | 2) ;; *) usage ;; esac
case $1 in -*) usage ;; esac
[ "$(id -u)" = 0 ] || fail "only root can install here: sudo sh install.sh $*"
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${2-both} in
    both) programs="roundsman roundsman-probe" ;;
    roundsman | roundsman-probe) programs=$2 ;;
    *) usage ;;
esac
if [ "$1" = uninstall ]; then
    some=
    for program in $programs; do
        [ -f "$lists/$program" ] || continue
        some=1
        uninstall_program "$program"
    done
    if [ ! -f "$lists/roundsman" ] && [ ! -f "$lists/roundsman-probe" ] && [ -f "$lists/folders" ]; then
        mv "$lists/folders" "$work/folders"
        # The innermost first; one in which somebody has put something else stays.
        sort -r "$work/folders" | while read -r path; do rmdir "$path" 2>/dev/null || :; done
    fi
    [ -n "$some" ] || fail "nothing of it was installed by this: there is no list of it in $lists"
    exit
fi
from=${1%/}
: >"$work/folders"

fetch SHA256SUMS
tarball=$(sed -n "s/^[0-9a-f]\{64\}  \(roundsman-[^/]*-$(uname -m)-linux\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS")
case $tarball in
    *' '* | *'
'*) fail "SHA256SUMS of $from names several releases for this machine: $tarball" ;;
    '') fail "SHA256SUMS of $from names no release for this machine, roundsman-VERSION-$(uname -m)-linux.tar.gz" ;;
esac
fetch "$tarball"
(cd "$work" && grep "  $tarball\$" SHA256SUMS | sha256sum -c - >/dev/null 2>&1) \
    || fail "$tarball is not what SHA256SUMS says: nothing was installed. Fetch both again"
tar -C "$work" -xzf "$work/$tarball"
release=$work/${tarball%.tar.gz}

for program in $programs; do install_program "$program"; done
