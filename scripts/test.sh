#!/usr/bin/env bash
# Installs what the tests need on Debian, then runs the whole suite, and what of it needs a database a
# second time, on MySQL. Works as root (as in CI) and as a user with sudo; a package that is there
# already is not touched.
#
#   test.sh [ARGUMENT...]     of `cargo test`: given any, just that is run, on both databases
#
#   iproute2     ip: the probe's interface counters are compared with it
#   util-linux   unshare, mount: the probe is run in a network namespace of its own
#   mariadb-server  mariadbd: the tests start servers of their own, on folders of their own; the one
#                that Debian would start is kept from starting
#   tmux         the terminal that `roundsman top` and the tables are tested in
#   faketime     libfaketime: the clocks of servers and probes are moved to before and after the end of
#                certificates
#   openssl      a client of TLS that asks to renegotiate
#   man-db       the manual pages are shown by it
#   python3-aiosmtpd, prometheus-alertmanager: a mail server and an Alertmanager, to which messages are
#                sent; the service that Debian would start is kept from starting
#   (shellcheck) scripts/lint.sh checks every script with it
#
# MySQL is fetched by scripts/get-mysql.sh into the target directory, once, and not installed. Where it
# cannot be fetched its tests are NOT RUN: that is said at the end, and with CI=true it is a failure.
#
#   TEST_MYSQLD    a mysqld that is there already, its clients beside it: none is fetched
#   MYSQL_ARCHIVE  the archive of Debian (http://HOST/debian) that it is fetched from; default: the one
#                  of this machine's own sources
#   MYSQL_SUITE    the suite there; default: sid
#
# With TEST_DOCKER=1 also what docker/test/run.sh needs, which this does not run:
#
#   curl, jq
#   docker.io and docker-cli (where it is a package of its own), iptables: a Docker Engine. It is not
#                started here, but its units are enabled: on a machine that lives on, it starts with
#                the next boot. Where it cannot be installed, those tests say that they did not run.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/packages.sh

need ip iproute2
need unshare util-linux
need mariadbd mariadb-server
need tmux tmux
need man man-db
need faketime faketime
need openssl openssl
need aiosmtpd python3-aiosmtpd
need prometheus-alertmanager prometheus-alertmanager
need cc gcc libc6-dev
need shellcheck shellcheck
engine=()
if [[ ${TEST_DOCKER:-} == 1 ]]; then
    for program in curl jq; do
        command -v "$program" >/dev/null || engine+=("$program")
    done
    command -v dockerd >/dev/null || [[ -x /usr/sbin/dockerd ]] || engine+=(docker.io iptables)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

install_packages "${missing[@]}"
install_packages "${engine[@]}" \
    || echo "there will be no Docker Engine: ${engine[*]} cannot be installed" >&2

# Most of a test is waiting.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}

# What was run, a line each, for the end.
sums=()
failed=0

# run_suite ARGUMENT...: those tests; what each test program said is kept for the sum.
run_suite() {
    cargo test --workspace --locked --no-fail-fast "$@" | tee -a "$log" || failed=1
}

# sum_up SERVER: one line over all that run_suite ran since the last one.
sum_up() {
    sums+=("$(awk -v server="$1" '
        /^test result:/ { passed += $4; failed += $6 }
        END { printf "%d passed, %d failed on %s", passed, failed, server }' "$log")")
    : >"$log"
}

# version PROGRAM: its number alone.
version() {
    "$1" --no-defaults --version | sed -E 's/.*[Vv]er ([0-9.]+).*/\1/'
}

TEST_MYSQLD='' run_suite "$@"
sum_up "MariaDB $(version "$(PATH=$PATH:/usr/sbin command -v mariadbd)")"

mysql=${CARGO_TARGET_DIR:-target}/mysql
if [[ -n ${TEST_MYSQLD:-} ]] || scripts/get-mysql.sh "$mysql" >"$log" 2>&1; then
    : >"$log"
    export TEST_MYSQLD=${TEST_MYSQLD:-$(realpath "$mysql")/bin/mysqld}
    if (($#)); then
        run_suite "$@"
    else
        # The test programs that start a database: what of the library needs one, and these.
        run_suite --lib store::mysql
        run_suite --test schema --test mariadb --test outage
    fi
    sum_up "MySQL $(version "$TEST_MYSQLD")"
else
    cat "$log" >&2
    sums+=("NOT RUN: the database tests on MySQL: $(grep -m 1 '^E: ' "$log" || tail -n 1 "$log")")
    [[ ${CI:-} != true ]] || failed=1
fi

printf '%s\n' "${sums[@]}"
exit "$failed"
