# shellcheck shell=bash
# Sourced by the tests in fresh roots of Debian that are booted with a systemd and a network of their own
# (systemd-nspawn). $work is a folder that they remove.

work=$(mktemp -d /var/tmp/roundsman-packages.XXXXXX)
hierarchies=()
if [[ ! -d /run/systemd/system ]]; then
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [[ ! -e $hierarchy/cgroup.procs ]] || hierarchies+=("$hierarchy/${work##*/}")
    done
fi

# leave: the cgroups of a container that has ended.
leave() {
    local hierarchy
    for hierarchy in "${hierarchies[@]}"; do
        [[ ! -d $hierarchy ]] || find "$hierarchy" -depth -type d -exec rmdir {} +
    done
}

finish() {
    leave
    rm -rf --one-file-system "$work"
}
trap finish EXIT

# make_root ROOT PACKAGE,...: a Debian with systemd, and with these.
make_root() {
    mmdebstrap --quiet --variant=minbase --include="systemd,systemd-sysv,libnss-systemd,$2" \
        "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$1"
}

# A systemd of this machine makes a cgroup for each container. Without one they run in a cgroup of the test's own.
container=(systemd-nspawn --quiet --register=no --private-network --boot)
[[ -d /run/systemd/system ]] || container+=(--keep-unit)

# boot ROOT OPTION...: until it has powered itself off.
boot() {
    local hierarchy
    for hierarchy in "${hierarchies[@]}"; do
        mkdir "$hierarchy"
        echo "$BASHPID" >"$hierarchy/cgroup.procs"
    done
    exec timeout -k 10 300 "${container[@]}" --directory="$1" "${@:2}" -- systemd.wants=inside.service </dev/null
}

# run_inside ROOT COMMAND OPTION...: boots it for that command, and says what the command said; fails as it did. The
# options are systemd-nspawn's.
run_inside() {
    local root=$1 command=$2 status
    mkdir "$work/result"
    cat >"$root/etc/systemd/system/inside.service" <<END
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=$command
StandardOutput=append:/result/log
StandardError=inherit
ExecStopPost=/bin/sh -c 'echo "\$EXIT_STATUS" >/result/status'
ExecStopPost=systemctl poweroff --force --no-block
END
    (boot "$root" --bind="$work/result:/result" "${@:3}") >"$work/console" 2>&1 || cat "$work/console" >&2
    leave
    cat "$work/result/log"
    status=$(cat "$work/result/status" 2>/dev/null) || status=none
    rm -rf --one-file-system "$work/result"
    [[ $status == 0 ]]
}
