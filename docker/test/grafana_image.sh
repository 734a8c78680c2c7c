#!/usr/bin/env bash
# Makes a stand-in for Grafana's image out of that of docker/test/mariadb_image.sh, for tests that reach no registry:
# as Grafana's user it reads the files that Grafana would, asks the database by them as Grafana would, and says so.
# It draws nothing. For the engine that DOCKER_HOST names.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$(mktemp)
trap 'rm -f "$program"' EXIT
cat >"$program" <<'INNER'
#!/bin/sh
set -eu
of() { sed -n "s/^ *$1: *//p" /etc/grafana/provisioning/"$2"/roundsman.yml; }
file=$(of password datasources | sed 's/^$__file{\(.*\)}$/\1/')
test "$file" = "$GF_SECURITY_ADMIN_PASSWORD__FILE"
boards=0
for board in "$(of path dashboards)"/*.json; do
    grep -q '"uid": "roundsman-' "$board"
    boards=$((boards + 1))
done
where=$(of url datasources)
ask() {
    mariadb --no-defaults --host "${where%:*}" --port "${where#*:}" --user "$(of user datasources)" \
        --password="$(cat "$file")" "$(of database datasources)" --execute "$1"
}
until ask 'SELECT name FROM host'; do sleep 1; done
for change in 'DELETE FROM event' 'CREATE TABLE mine (a INT)' 'SELECT * FROM mysql.global_priv'; do
    if ask "$change"; then
        echo "it may: $change"
        exit 1
    fi
done
echo "reads $boards boards and the database, and changes nothing"
exec sleep infinity
INNER
chmod 755 "$program"
image=$(sed -n 's/^    image: \(grafana.*\)/\1/p' docker/stack.grafana.yml)
container=$(docker create --entrypoint sh mariadb:10.11)
docker cp "$program" "$container:/usr/bin/grafana" >/dev/null
docker commit --change 'ENTRYPOINT ["/usr/bin/grafana"]' --change 'CMD []' --change 'USER 472' "$container" "$image" >/dev/null
docker rm --volumes "$container" >/dev/null
