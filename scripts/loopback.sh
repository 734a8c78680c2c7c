# shellcheck shell=bash
# Sourced by the scripts that run programs beside each other on loopback: free ports, a temporary folder that
# goes with them, and their end, which comes with the end of the script, however that ends.

# own_folder: makes `work` and goes there. At the end of the script its programs end, and it is removed.
own_folder() {
    work=$(mktemp -d)
    trap 'end_programs; rm -rf "$work"' EXIT
    cd "$work" || return
}

# free_ports COUNT: all of them open at once, so that none is given twice.
free_ports() {
    python3 - "$1" <<'END'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in sockets])
END
}

# start NAME PROGRAM...: in the background, with what it says in NAME.log and its process in `started`. The kernel
# ends it if this shell is killed.
start() {
    local name=$1
    shift
    setpriv --pdeathsig KILL env -i PATH="$PATH" HOME="$work" "$@" >"$name.log" 2>&1 &
    # shellcheck disable=SC2034 # read by whoever sources this
    started=$!
}

# await URL: until it is answered with 200.
await() {
    for _ in {1..150}; do
        [[ $(curl -s -o /dev/null -w '%{http_code}' "$1") == 200 ]] && return
        sleep 0.2
    done
    echo "$1 does not answer" >&2
    tail -n 5 ./*.log >&2
    return 1
}

# start_mariadb OPTION...: a MariaDB of its own with an empty database `roundsman`, at `database_port`; its process
# in `started`, its socket in `$work/socket`.
start_mariadb() {
    read -r database_port < <(free_ports 1)
    mariadb-install-db --no-defaults --skip-test-db --auth-root-authentication-method=normal --user="$(id -un)" \
        --datadir="$work/mariadb" >install.log
    start mariadbd mariadbd --no-defaults --user="$(id -un)" --datadir="$work/mariadb" --socket="$work/socket" \
        --bind-address=127.0.0.1 --port="$database_port" "$@"
    for _ in {1..150}; do
        mariadb --no-defaults --socket="$work/socket" --user=root --execute='CREATE DATABASE roundsman' 2>/dev/null && return
        sleep 0.2
    done
    echo "MariaDB does not start" >&2
    tail -n 5 mariadbd.log >&2
    return 1
}

# end_programs: all that were started, by force after ten seconds.
end_programs() {
    local pid
    for pid in $(jobs -pr); do kill "$pid" 2>/dev/null || true; done
    for _ in {1..100}; do
        [[ -n $(jobs -pr) ]] || break
        sleep 0.1
    done
    for pid in $(jobs -pr); do kill -KILL "$pid" 2>/dev/null || true; done
    wait
}
