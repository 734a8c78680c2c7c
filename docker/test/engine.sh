# shellcheck shell=bash
# Sourced: Docker engines of a test's own. Each has its own folder, socket, network namespace, mount
# namespace and cgroup, so that nothing of the machine is used or changed, its own engine included.
# What an engine starts is ended with it, by number.

here=$(dirname "${BASH_SOURCE[0]}")
# Where dockerd and what it calls are, also for a root whose PATH is a user's.
PATH=$PATH:/usr/sbin:/sbin

# Engines that run: NAME and, in the files of $work/NAME, the rest.
engines=()
# Where all of it is; removed at the end.
work=
# The parent of every container's cgroup: what is in it is ours.
cgroup=/roundsman-test-$$

say() { printf '\n== %s (at %s s)\n' "$*" "$SECONDS"; }

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# What is missing here for an engine, one thing a line; nothing when it can be tried. What follows
# from a thing that is missing is not told.
engine_lacks() {
    local program lacks=()
    [[ $(id -u) == 0 ]] || lacks+=("root")
    for program in dockerd containerd runc docker iptables ip nsenter unshare curl jq mariadbd; do
        command -v "$program" >/dev/null || lacks+=("the program $program")
    done
    ((${#lacks[@]})) || mapfile -t lacks < <(machine_lacks)
    ((!${#lacks[@]})) || printf '%s\n' "${lacks[@]}"
}

# Likewise, of kernel and rights: each is tried in namespaces that are gone with the command.
machine_lacks() {
    local kind room
    if ! unshare --mount --net --uts true 2>/dev/null; then
        echo "the right to make namespaces (CAP_SYS_ADMIN)"
        return
    fi
    # PROC_PID_INIT_INO of include/linux/proc_ns.h.
    [[ $(readlink /proc/self/ns/pid) == "pid:[4026531836]" ]] \
        || echo "a machine: this is a container, and a probe in it would rightly say so"
    unshare --mount sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /tmp' 2>/dev/null \
        || echo "the right to mount"
    cgroups_writable || echo "a writable /sys/fs/cgroup with the controller memory"
    for kind in "bridge" "veth peer name there" "vxlan id 1 dstport 4789 dev lo"; do
        # shellcheck disable=SC2086 # these are arguments
        unshare --net ip link add here type $kind 2>/dev/null \
            || echo "network interfaces of the type ${kind%% *} (modprobe ${kind%% *})"
    done
    # In this order dockerd needs them, too.
    unshare --net iptables --wait -t nat -A POSTROUTING -s 10.213.0.0/16 -j MASQUERADE 2>/dev/null \
        || echo "iptables with the table nat and MASQUERADE"
    unshare --net iptables --wait -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT 2>/dev/null \
        || echo "iptables with the match conntrack"
    # Images and volumes of the three tests at once.
    room=$(df --output=avail -B 1000000 "${TMPDIR:-/tmp}" | tail -n 1)
    ((room >= 3000)) || echo "3000 MB in ${TMPDIR:-/tmp}, where there are $room"
}

# A folder can be made that has a limit of memory: in the one tree of version 2, or in memory's own.
cgroups_writable() {
    local tree=/sys/fs/cgroup dir
    [[ ! -d $tree/memory ]] || tree=$tree/memory
    dir=$tree$cgroup-tried
    mkdir "$dir" 2>/dev/null || return 1
    rmdir "$dir"
    [[ $tree == */memory ]] || grep -qw memory $tree/cgroup.controllers
}

# How / is mounted for the engines: rshared, as systemd does it, or rprivate.
propagation=rshared

# start_engine NAME: as the node NAME. Its containers believe that the machine has that name and a
# machine-id of its own.
start_engine() {
    local name=$1 dir=$work/$1 tries
    mkdir -p "$dir"
    echo "$name" >"$dir/hostname"
    printf 'roundsman test %s %s' "$$" "$name" | md5sum | cut -c1-32 >"$dir/machine-id"
    unshare --mount --net --uts bash "$here/engine_inside.sh" "$name" "$dir" "$cgroup" \
        "$propagation" \
        >"$dir/log" 2>&1 &
    echo $! >"$dir/engine.pid"
    engines+=("$name")
    for ((tries = 0; tries < 120; tries++)); do
        if engine "$name" version >/dev/null 2>&1; then
            return 0
        fi
        if ! kill -0 "$(<"$dir/engine.pid")" 2>/dev/null; then
            break
        fi
        sleep 0.5
    done
    return 1
}

# engine NAME ARGUMENTS...: `docker ARGUMENTS` with that engine.
engine() {
    local name=$1
    shift
    DOCKER_HOST=unix://$work/$name/docker.sock docker "$@"
}

# in_network NAME COMMAND...: in the engine's network namespace.
in_network() {
    local pid
    pid=$(<"$work/$1/engine.pid")
    shift
    nsenter --target "$pid" --net -- "$@"
}

# within SECONDS WHAT COMMAND...: waits until the command succeeds.
within() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            "$@" || true
            fail "not within $seconds s: $what"
        fi
        sleep 0.5
    done
    echo "ok: $what"
}

# expect WHAT COMMAND...: the command succeeds now.
expect() {
    local what=$1
    shift
    "$@" >/dev/null || fail "$what: $*"
    echo "ok: $what"
}

# fails COMMAND...: it does not succeed.
fails() { ! "$@" 2>/dev/null; }

# Processes that our engines have started, whoever is their parent by now: those that name the
# folder, and those in the containers' cgroups.
strays() {
    local pid
    for pid in /proc/[0-9]*; do
        pid=${pid#/proc/}
        [[ $pid != "$$" && $pid != "$BASHPID" ]] || continue
        # One that ends while it is looked at is none.
        {
            if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$work/" \
                || grep -qF -- "$cgroup/" "/proc/$pid/cgroup"; then
                echo "$pid $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-120)"
            fi
        } 2>/dev/null
    done
}

# Ends the engines and removes all of it. Succeeds when nothing is left.
stop_engines() {
    local name pid tries left leaving=()
    for name in "${engines[@]}"; do
        engine "$name" swarm leave --force >/dev/null 2>&1 || true
        # An engine leaves its containers' processes alone unless it has stopped them.
        mapfile -t leaving < <(engine "$name" ps -q 2>/dev/null)
        if ((${#leaving[@]})); then
            engine "$name" rm -f "${leaving[@]}" >/dev/null 2>&1 || true
        fi
        kill -TERM "$(<"$work/$name/engine.pid")" 2>/dev/null || true
    done
    for name in "${engines[@]}"; do
        pid=$(<"$work/$name/engine.pid")
        for ((tries = 0; tries < 60; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    engines=()
    left=$(strays)
    if [[ -n $left ]]; then
        printf 'left behind:\n%s\n' "$left" >&2
        while read -r pid _; do
            kill -KILL "$pid" 2>/dev/null || true
        done <<<"$left"
    fi
    find /sys/fs/cgroup -depth -type d -path "*$cgroup*" -exec rmdir {} + 2>/dev/null || true
    rm -rf --one-file-system "$work"
    [[ -z $left && ! -e $work ]] && ! grep -qF "$work/" /proc/self/mountinfo
}
