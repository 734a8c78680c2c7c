#!/usr/bin/env bash
# Makes a stand-in for the official image of MariaDB out of this machine's mariadb-server, for tests
# that reach no registry: `mariadb:10.11` with the variables, health check and folder that stack.yml
# uses, and nothing else of it. For the engine that DOCKER_HOST names.
set -euo pipefail

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
PATH=$PATH:/usr/sbin:/usr/local/sbin

programs=(mariadbd mariadb mariadb-admin mariadb-install-db my_print_defaults resolveip bash sh cat
    mkdir chown chmod sed grep awk hostname id uname dirname basename expr tr rm sleep touch)
files=()
for program in "${programs[@]}"; do
    files+=("$(command -v "$program")")
done
# A script has none: then ldd fails.
mapfile -t libraries < <(for file in "${files[@]}"; do ldd "$file" 2>/dev/null || true; done \
    | grep -oE '/[^ ]+' | sort -u)
mkdir -p "$root"/{tmp,run/mysqld,etc,usr/bin,usr/share,var/lib/mysql}
ln -s usr/bin "$root/bin"
ln -s usr/bin "$root/sbin"
ln -s bin "$root/usr/sbin"
for file in "${files[@]}"; do
    cp -L "$file" "$root/usr/bin/"
done
for file in "${libraries[@]}"; do
    mkdir -p "$root${file%/*}"
    cp -L "$file" "$root$file"
done
cp -rL /usr/share/mysql "$root/usr/share/"
chmod 1777 "$root/tmp"
printf 'root:x:0:0::/:/bin/sh\nmysql:x:999:999::/var/lib/mysql:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nmysql:x:999:\n' >"$root/etc/group"
chown 999:999 "$root/run/mysqld" "$root/var/lib/mysql"

cat >"$root/usr/bin/entrypoint" <<'INNER'
#!/bin/sh
set -eu
data=/var/lib/mysql
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --no-defaults --basedir=/usr --user=mysql --datadir="$data" --skip-test-db \
        --auth-root-authentication-method=normal >/dev/null
    cat >/tmp/first.sql <<SQL
CREATE DATABASE $MARIADB_DATABASE CHARACTER SET utf8mb4;
CREATE USER $MARIADB_USER@'%' IDENTIFIED BY '$(cat "$MARIADB_PASSWORD_FILE")';
GRANT ALL ON $MARIADB_DATABASE.* TO $MARIADB_USER@'%';
SQL
    # As the official image does it.
    docker_process_sql() { cat >>/tmp/first.sql; }
    for file in /docker-entrypoint-initdb.d/*.sh; do
        if [ -e "$file" ]; then . "$file"; fi
    done
    chown mysql /tmp/first.sql
    set -- --init-file=/tmp/first.sql
fi
exec mariadbd --no-defaults --basedir=/usr --user=mysql --datadir="$data" --skip-name-resolve \
    --socket=/run/mysqld/mysqld.sock --bind-address=0.0.0.0 "$@"
INNER
cat >"$root/usr/bin/healthcheck.sh" <<'INNER'
#!/bin/sh
exec mariadb-admin --no-defaults --host=127.0.0.1 --connect-timeout=3 ping
INNER
chmod 755 "$root/usr/bin/entrypoint" "$root/usr/bin/healthcheck.sh"
# Debian's own client looks for the socket here, too.
printf '[client]\nsocket=/run/mysqld/mysqld.sock\n' >"$root/etc/my.cnf"

tar -C "$root" -c . | docker import \
    --change 'ENTRYPOINT ["/usr/bin/entrypoint"]' --change 'VOLUME ["/var/lib/mysql"]' \
    --change 'EXPOSE 3306' --change 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' - mariadb:10.11 >/dev/null
