# shellcheck shell=bash disable=SC2034
# Sourced: the passwords of the database and of Grafana, and the token of page and API, in files, because a process
# list and `docker inspect` show what is in arguments and variables.

password_dir=${ROUNDSMAN_DOCKER_SECRETS:-${XDG_CONFIG_HOME:-$HOME/.config}/roundsman}
password_file=$password_dir/db-password
token_file=$password_dir/http-token
grafana_file=$password_dir/grafana-password

# make_secret FILE: makes it unless it is there. The file is readable for the containers' users, which
# are others than the one who runs this; the folder around it is closed.
make_secret() {
    mkdir -p "$password_dir"
    chmod 700 "$password_dir"
    if [[ ! -s $1 ]]; then
        head -c 24 /dev/urandom | base64 | tr -d '\n' >"$1.new"
        chmod 644 "$1.new"
        mv "$1.new" "$1"
        echo "made $1"
    fi
}
