#!/usr/bin/env bash
# Runs in a fresh root that is booted with systemd: ../test.sh begins it as a service.
#
#   inside.sh deb|tarball
set -euo pipefail
kind=$1
export HOME=/root PATH=/opt/ansible/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
export ANSIBLE_ROLES_PATH=/ansible/roles ANSIBLE_LOCALHOST_WARNING=False
work=$(mktemp -d)
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    journalctl --no-pager -n 30 -u roundsman -u roundsman-probe >&2 || :
    exit 1
}

# The authority, by the program that is to be installed.
mkdir release
tar -C release --strip-components=1 -xzf /packages/*-linux.tar.gz
roundsman=release/roundsman/usr/local/bin/roundsman
version=$("$roundsman" --version | awk '{ print $2 }')
"$roundsman" ca init --dir ca >/dev/null
"$roundsman" ca issue localhost 127.0.0.1 --dir ca >/dev/null

# The .deb comes from a folder of the machine that runs Ansible, the tarball by https.
from=/packages
if [[ $kind == tarball ]]; then
    cat >serve.py <<END
import functools, http.server, pathlib, ssl
files = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/packages")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("ca/hosts/127.0.0.1/probe.pem", "ca/hosts/127.0.0.1/probe.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
END
    python3 serve.py >/dev/null 2>served &
    until [[ -s port ]]; do
        kill -0 "$!" || fail "$(cat served)"
        sleep 0.1
    done
    from=https://127.0.0.1:$(<port)
    # Python's word for whom to trust.
    export SSL_CERT_FILE=$work/ca/ca.pem
fi

cat >hosts <<END
[monitored]
localhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3
[monitor]
localhost
[all:vars]
roundsman_release=$from
roundsman_authority=$work/ca
roundsman_token=a-token
roundsman_package_kind=$kind
roundsman_probe_version=$version
roundsman_server_version=$version
END

# play EXPECTED ARGUMENT...: runs the example; that many of its steps change something.
play() {
    local expected=$1 said
    shift
    ansible-playbook -i hosts "$@" /ansible/site.yml >said 2>&1 || { cat said >&2; fail "ansible-playbook $*"; }
    said=$(sed -n 's/^localhost .*changed=\([0-9]*\).*/\1/p' said)
    # shellcheck disable=SC2053 # a pattern
    [[ $said == $expected ]] || { cat said >&2; fail "changed $said, and not $expected: ansible-playbook $*"; }
    echo "$kind: $said changed by ansible-playbook $*"
}

# polled FIELD VALUE: waits for a poll of this machine whose field has that value.
polled() {
    local last
    for ((tries = 0; tries < 300; tries++)); do
        last=$(curl -sf -H 'Authorization: Bearer a-token' "http://127.0.0.1:8080/api/v1/hosts/localhost") || last='{}'
        ! jq -e --arg field "$1" --arg value "$2" '(.last[$field] // .[$field]) == $value' <<<"$last" >/dev/null || return 0
        sleep 0.2
    done
    fail "no poll with $1 $2: $last"
}

pid() { systemctl show -P MainPID "$1"; }

play '[1-9]*' --check
[[ ! -e /etc/roundsman && ! -e /etc/default/roundsman-probe ]] || fail "check mode has changed something"
play '[1-9]*'
polled outcome ok
for unit in roundsman roundsman-probe; do
    systemctl is-enabled --quiet "$unit" || fail "$unit is not enabled"
done
[[ $(stat -c '%a %U' /etc/roundsman-probe/probe.key /etc/roundsman-secrets/server.key | sort -u) == '600 root' ]] \
    || fail "who may read the keys: $(stat -c '%n %a %U' /etc/roundsman-probe/* /etc/roundsman-secrets/*)"
! curl -sf http://127.0.0.1:8080/api/v1/hosts >/dev/null || fail "the API is answered without the token"

server=$(pid roundsman) probe=$(pid roundsman-probe)
play 0
play 0 --check
[[ $(pid roundsman) == "$server" && $(pid roundsman-probe) == "$probe" ]] || fail "a run that changes nothing has started something anew"

# What changes starts what it is about anew, and nothing else.
play '[1-9]*' -e '{"roundsman_probe_settings": {"ROUNDSMAN_PROBE_MAX_CONNECTIONS": 32}}'
[[ $(pid roundsman) == "$server" && $(pid roundsman-probe) != "$probe" ]] || fail "another setting of the probe starts the probe anew, and it alone"
tr '\0' '\n' <"/proc/$(pid roundsman-probe)/environ" | grep -qx ROUNDSMAN_PROBE_MAX_CONNECTIONS=32 || fail "the probe is not started with its settings"
"$roundsman" ca renew localhost --dir ca >/dev/null
probe=$(pid roundsman-probe)
play '[1-9]*' -e '{"roundsman_probe_settings": {"ROUNDSMAN_PROBE_MAX_CONNECTIONS": 32}}'
[[ $(pid roundsman-probe) != "$probe" ]] || fail "a renewed certificate is not handed to the probe"

# A file that is not what the sums say is not installed.
cp -r /packages broken
for file in broken/*; do [[ ! -f $file || $file == */SHA256SUMS ]] || echo >>"$file"; done
if ansible-playbook -i hosts -e roundsman_release="$work/broken" -e "roundsman_package_version=0.0.0" /ansible/site.yml >said 2>&1; then
    fail "a release that does not exist was installed"
fi
systemctl stop roundsman roundsman-probe
case $kind in
    deb) dpkg --purge roundsman roundsman-probe >/dev/null 2>&1 ;;
    tarball) sh /packages/install.sh uninstall >/dev/null ;;
esac
if ansible-playbook -i hosts -e roundsman_release="$work/broken" /ansible/site.yml >said 2>&1; then
    fail "a file was installed that is not what SHA256SUMS says"
fi
grep -q 'is not what SHA256SUMS' said || { cat said >&2; fail "it does not say why"; }
[[ ! -e /usr/bin/roundsman-probe && ! -e /usr/local/bin/roundsman-probe ]] || fail "it was installed all the same"
echo "$kind: two roles ran, changed nothing the second time, and refused a broken release"
