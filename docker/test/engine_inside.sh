#!/usr/bin/env bash
# Becomes the engine of the node NAME, with its files in DIR; run by engine.sh in new namespaces.
set -euo pipefail
name=$1 dir=$2 cgroup=$3 propagation=$4

# Nothing that is mounted here is seen outside.
mount --make-rprivate /
mount "--make-$propagation" /
mount --bind "$dir/hostname" /etc/hostname
mount --bind "$dir/machine-id" /etc/machine-id
# Docker keeps the interfaces of overlays under names; not in the machine's folder of them.
mkdir -p /run/docker
mount -t tmpfs tmpfs /run/docker
hostname "$name"
ip link set lo up

exec dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
    --log-level warn -H "unix://$dir/docker.sock" --exec-opt native.cgroupdriver=cgroupfs \
    --cgroup-parent "$cgroup" --containerd-namespace "$name" --containerd-plugins-namespace "$name-plugins"
