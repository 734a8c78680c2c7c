# shellcheck shell=bash
# Sourced by the entrypoint of MariaDB's image, as docker-entrypoint-initdb.d/grafana.sh, when it makes the
# database: a user of Grafana's that only reads, with the password of the secret roundsman-grafana. Not executable:
# the image would run it in a shell of its own, which does not know docker_process_sql.
docker_process_sql <<SQL
CREATE USER grafana@'%' IDENTIFIED BY '$(cat /run/secrets/roundsman-grafana)';
GRANT SELECT ON \`$MARIADB_DATABASE\`.* TO grafana@'%';
SQL
