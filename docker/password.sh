# shellcheck shell=bash
# Sourced: the database's password, in a file, because a process list and `docker inspect` show
# what is in arguments and variables.

password_dir=${ROUNDSMAN_SECRETS:-${XDG_CONFIG_HOME:-$HOME/.config}/roundsman}
password_file=$password_dir/db-password

# Makes it unless it is there. The file is readable for the containers' users, which are others
# than the one who runs this; the folder around it is closed.
make_password() {
    mkdir -p "$password_dir"
    chmod 700 "$password_dir"
    if [[ ! -s $password_file ]]; then
        head -c 24 /dev/urandom | base64 | tr -d '\n' >"$password_file.new"
        chmod 644 "$password_file.new"
        mv "$password_file.new" "$password_file"
        echo "made a password in $password_file"
    fi
}
