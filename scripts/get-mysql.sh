#!/usr/bin/env bash
# Fetches MySQL's server from Debian sid into a folder of its own, for tests; nothing of the system
# is changed: no package is installed, and apt works with directories inside that folder.
#
#   get-mysql.sh FOLDER [PACKAGE...]     PACKAGE... defaults to mysql-server-core mysql-client-core
#
# Then FOLDER/bin/mysqld is a server of MySQL (FOLDER/bin/mysql, mysqldump: its clients), which runs
# with the libraries of sid beside it, whatever the system's are. Run again it does nothing when all
# is there. The archive is the one that the machine's own sources name; what is fetched is checked
# against the archive's signature, as apt does it always.
set -euo pipefail

. "$(dirname "$0")/debian.sh"
(($# >= 1)) || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
packages=("$@")
((${#packages[@]})) || packages=(mysql-server-core mysql-client-core)
done_file=$folder/.done
if [[ -f $done_file && $(<"$done_file") == "${packages[*]}" && -x $folder/bin/mysqld ]]; then
    echo "$folder/bin/mysqld is there: $("$folder/bin/mysqld" --no-defaults --version)"
    exit 0
fi

apt=$folder/.apt
debian_apt "$apt" "${MYSQL_SUITE:-sid}" "${MYSQL_ARCHIVE:-}"
# With an empty status file all that a package needs is to be installed: down to libc.
apt-get "${apt_options[@]}" install -qq --download-only -y "${packages[@]}" >/dev/null

root=$folder/root
rm -rf "$root.new"
mkdir -p "$root.new"
for deb in "$apt"/cache/archives/*.deb; do
    case ${deb##*/} in
        # Perl is for scripts that are not used here.
        perl_* | perl-base_* | perl-modules-* | libperl*) continue ;;
    esac
    dpkg-deb --extract "$deb" "$root.new"
done
# The loader stands under usr/lib in some packages and under lib in others: one place for all.
if [[ -d $root.new/lib && ! -L $root.new/lib ]]; then
    cp -a "$root.new/lib/." "$root.new/usr/lib/"
    rm -rf "$root.new/lib"
fi
rm -rf "$root"
mv "$root.new" "$root"

loader=$(find "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
[[ -n $loader ]] || { echo "no loader among the packages" >&2; exit 1; }
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || basename "$(dirname "$loader")")
libraries=$root/usr/lib/$triplet:$root/usr/lib/mysql/private:$root/usr/lib

mkdir -p "$folder/bin"
# wrapper NAME PROGRAM [ARGUMENT...]: a script that becomes PROGRAM (same process id).
wrapper() {
    local name=$1 program=$2 argument
    shift 2
    [[ -x $program ]] || return 0
    {
        printf '#!/bin/sh\n'
        # --defaults-file and its kin must come first, what is given here after them.
        # shellcheck disable=SC2016 # the script that is written expands it
        printf 'first=\ncase ${1-} in --no-defaults | --defaults-* | --print-defaults) first=$1; shift ;; esac\n'
        # shellcheck disable=SC2016
        printf 'exec %q --library-path %q %q ${first:+"$first"}' "$loader" "$libraries" "$program"
        for argument; do printf ' %q' "$argument"; done
        printf ' "$@"\n'
    } >"$folder/bin/$name"
    chmod 755 "$folder/bin/$name"
}
wrapper mysqld "$root/usr/sbin/mysqld" \
    "--lc-messages-dir=$root/usr/share/mysql" \
    "--character-sets-dir=$root/usr/share/mysql/charsets" \
    "--plugin-dir=$root/usr/lib/mysql/plugin" --secure-file-priv=NULL
for client in mysql mysqldump mysqladmin mysqlbinlog mysqlcheck; do
    wrapper "$client" "$root/usr/bin/$client" "--character-sets-dir=$root/usr/share/mysql/charsets"
done
rm -rf "$apt"
"$folder/bin/mysqld" --no-defaults --version
echo "${packages[*]}" >"$done_file"
