#!/usr/bin/env bash
# Runs in a fresh root that is booted with systemd: test.sh begins it as a service. /packages/old and /packages/new are
# what packaging/build.sh made, of two versions.
#
#   inside.sh deb|rpm|tarball
set -euo pipefail
kind=$1
export DEBIAN_FRONTEND=noninteractive HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
work=$(mktemp -d)

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Longest time from the first command to a poll that the page shows, s.
monitored=60
api=http://127.0.0.1:8080/api/v1
host=$api/hosts/localhost

# files: all that is there, less what the machine writes for itself.
files() {
    find / -xdev \( -path /packages -o -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/rpm \
        -o -path /root/.rpmdb -o -path /var/lib/systemd -o -path /etc/.pwd.lock \) -prune -o -print | sort
}

# unasked: neither runs, neither is enabled.
unasked() {
    local unit
    for unit in roundsman roundsman-probe; do
        ! systemctl is-active --quiet "$unit" || fail "$unit was started unasked"
        ! systemctl is-enabled --quiet "$unit" || fail "$unit was enabled unasked"
    done
}

# polled SINCE_MS: waits for a poll of this machine that is good and not older.
polled() {
    local last
    until last=$(curl -sf "$host?fields=state,last.slot_ms,last.outcome") \
        && jq -e --argjson since "$1" '.last.outcome == "ok" and .last.slot_ms >= $since' <<<"$last" >/dev/null; do
        if ((SECONDS > began + monitored)); then
            systemctl status --no-pager -l roundsman roundsman-probe >&2 || :
            journalctl --no-pager -n 40 >&2 || :
            fail "no good poll within $monitored s; the last: ${last:-no answer}"
        fi
        sleep 0.2
    done
    echo "$kind: $last"
}

now_ms() { date +%s%3N; }
pid() { systemctl show -P MainPID "$1"; }
# first_poll: when the oldest poll was that is kept; a poll is shown before it is.
first_poll() {
    local found
    until found=$(curl -sf "$host/polls?from=-1d&limit=1000&fields=slot_ms" | jq -e '[.polls[].slot_ms] | min'); do
        ((SECONDS < began + monitored)) || fail "no poll is kept within $monitored s"
        sleep 0.2
    done
    echo "$found"
}

# install old|new
install() {
    case $kind in
        deb) apt-get -qy -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold install "/packages/$1/"*.deb ;;
        # --nodeps: the packages of this root are unknown to rpm.
        rpm) rpm --force-debian --nodeps -Uh "/packages/$1/"*.rpm ;;
        tarball) sh "/packages/$1/install.sh" "/packages/$1" ;;
    esac
}

remove() {
    case $kind in
        deb) apt-get -qy -o Dpkg::Use-Pty=0 remove roundsman roundsman-probe ;;
        rpm) rpm --force-debian --nodeps -e roundsman roundsman-probe ;;
        tarball) sh /packages/new/install.sh uninstall ;;
    esac
}

[[ $kind != rpm ]] || rpm --initdb
files >"$work/before"

began=$SECONDS
install old 2>&1 | tee "$work/said"
unasked
for next in 'systemctl enable --now roundsman$' 'systemctl enable --now roundsman-probe$' 'http://127.0.0.1:8080/'; do
    grep -q "$next" "$work/said" || fail "installing does not say what to do next: $next"
done
[[ $(awk '/enable --now/' "$work/said" | wc -l) == 2 ]] || fail "what to do next is said more than once"

# The one command.
systemctl enable --now roundsman roundsman-probe
polled 0
echo "$kind: monitored $((SECONDS - began)) s after the first of two commands"

for unit in roundsman roundsman-probe; do
    [[ $(stat -c %u "/proc/$(pid "$unit")") != 0 ]] || fail "$unit runs as root"
    said=$(systemd-analyze verify --man=no "$unit.service" 2>&1) || fail "systemd-analyze on $unit.service: $said"
    [[ -z $said ]] || fail "systemd-analyze on $unit.service: $said"
    man -w "$unit" >/dev/null || fail "there is no manual page of $unit"
done
man -w roundsman-history >/dev/null || fail "there is no manual page of roundsman history"
# shellcheck disable=SC1091 # a part of Debian's bash-completion
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader roundsman; complete -p roundsman' >/dev/null \
    || fail "bash completes nothing of roundsman"
server=$(pid roundsman)
systemctl reload roundsman || fail "the server cannot be told to look at its files"
[[ $(pid roundsman) == "$server" ]] || fail "a reload has ended the server"
(cd /etc/roundsman && roundsman hosts) | tee "$work/hosts"
grep -q '^ *localhost ' "$work/hosts" || fail "roundsman hosts, in /etc/roundsman, does not find what the service keeps"

# Somebody's own configuration, and a service that somebody has stopped.
sed -i 's/^# level = "info"/level = "debug"/' /etc/roundsman/roundsman.toml
echo '# mine' >>/etc/roundsman/inventory.toml
echo 'ROUNDSMAN_PROBE_MAX_CONNECTIONS=32' >>/etc/default/roundsman-probe
systemctl restart roundsman-probe
systemctl stop roundsman-probe
cp -r /etc/roundsman /etc/default/roundsman-probe "$work/"
oldest=$(first_poll)
server=$(pid roundsman)

install new
for file in roundsman/roundsman.toml roundsman/inventory.toml roundsman-probe; do
    mine=/etc/$file
    [[ $file != roundsman-probe ]] || mine=/etc/default/$file
    cmp "$work/$file" "$mine" || fail "an upgrade has changed $mine, which was changed by hand"
done
[[ $(pid roundsman) != "$server" && $(pid roundsman) != 0 ]] || fail "an upgrade does not start the server anew, which ran"
! systemctl is-active --quiet roundsman-probe || fail "an upgrade has started the probe, which was stopped"
systemctl is-enabled --quiet roundsman || fail "an upgrade has disabled the server"
began=$SECONDS
since=$(now_ms)
systemctl start roundsman-probe
polled "$since"
[[ $(first_poll) == "$oldest" ]] || fail "an upgrade has lost polls: the oldest is of $(first_poll), it was of $oldest"
tr '\0' '\n' <"/proc/$(pid roundsman-probe)/environ" | grep -qx ROUNDSMAN_PROBE_MAX_CONNECTIONS=32 \
    || fail "the probe is not started with what /etc/default/roundsman-probe says"

remove 2>&1 | tee "$work/said"
for unit in roundsman roundsman-probe; do
    ! systemctl is-active --quiet "$unit" || fail "$unit runs on without its program"
    [[ ! -e /etc/systemd/system/multi-user.target.wants/$unit.service ]] || [[ $kind == deb ]] \
        || fail "$unit is still to be started with every boot"
done
[[ -s /var/lib/roundsman/roundsman.db ]] || fail "removing has taken the history away"
if [[ $kind == deb ]]; then
    [[ -s /etc/roundsman/inventory.toml ]] || fail "removing has taken the configuration away"
    echo 'a secret of mine' >/etc/roundsman/token
    apt-get -qy -o Dpkg::Use-Pty=0 purge roundsman roundsman-probe 2>&1 | tee "$work/said"
fi
grep -q '/var/lib/roundsman' "$work/said" || fail "nothing is said of the history that stays"

# What is left, and what may be: the history, and for each kind what docs/packages.md says.
case $kind in
    deb) stays='/etc/roundsman|/etc/roundsman/token' ;;
    # In Fedora /usr/share/licenses is there.
    rpm) stays='/etc/roundsman|/etc/(roundsman/[a-z]*\.toml|default/roundsman-probe)\.rpm(new|save)|/usr/share/licenses' ;;
    tarball) stays='/etc/roundsman|/etc/roundsman/[a-z]*\.toml|/etc/default/roundsman-probe' ;;
esac
files >"$work/after"
comm -13 "$work/before" "$work/after" | tee "$work/left"
! grep -vxE "/var/lib/private|/var/lib/(private/)?roundsman(/.*)?|$stays" "$work/left" \
    || fail "this is left and should not be"
[[ -z $(comm -23 "$work/before" "$work/after" | tee -a /dev/stderr) ]] || fail "this was there before, and is gone"
# By the words of the message.
rm -r /var/lib/private/roundsman /var/lib/roundsman
[[ -z $(find / -xdev -path /packages -prune -o -path /proc -prune -o -path /var/lib/roundsman\* -print) ]]

if [[ $kind == tarball ]]; then
    mkdir /root/wrong
    cp /packages/old/SHA256SUMS /root/wrong
    # The same files, packed otherwise: nothing but the sum tells.
    release=$(echo /packages/old/*.tar.gz)
    gunzip <"$release" | gzip -1 >"/root/wrong/${release##*/}"
    ! sh /packages/old/install.sh /root/wrong 2>"$work/said" || fail "install.sh installs what SHA256SUMS does not vouch for"
    grep -q 'nothing was installed' "$work/said" || fail "$(cat "$work/said")"
    [[ ! -e /usr/local/bin/roundsman ]] || fail "install.sh has installed what SHA256SUMS does not vouch for"
    ! sh /packages/old/install.sh http://127.0.0.1:1/ 2>"$work/said" || fail "install.sh fetches in clear text"
    grep -q 'only https' "$work/said" || fail "$(cat "$work/said")"

    # From an address: a server with a certificate, and one whose certificate nobody vouches for.
    cd /packages/old
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout "$work/key" -out "$work/cert" 2>/dev/null
    openssl s_server -accept 127.0.0.1:4433 -cert "$work/cert" -key "$work/key" -WWW -quiet >/dev/null 2>&1 &
    serving=$!
    until (: </dev/tcp/127.0.0.1/4433) 2>/dev/null; do sleep 0.1; done
    ! sh install.sh https://localhost:4433 2>/dev/null || fail "install.sh fetches from whoever answers"
    CURL_CA_BUNDLE=$work/cert sh install.sh https://localhost:4433/ roundsman-probe
    [[ -x /usr/local/bin/roundsman-probe && ! -e /usr/local/bin/roundsman ]] || fail "not the probe alone was installed"
    kill "$serving"
    sh install.sh uninstall roundsman-probe
fi
echo "$kind: PASSED"
