#!/bin/busybox sh
# The first process of the machine that run.sh boots: what systemd does for a unit with Delegate=memory pids, then chenbao in it.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev
$busybox mount -t tmpfs -o size=1g tmp /tmp
$busybox mount -t cgroup2 groups /sys/fs/cgroup
echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
$busybox cp -r /shop /tmp/shop
cd /tmp/shop
export CHENBAO_NOW=2026-11-22T08:00:00+08:00 TZ=UTC HOME=/tmp PATH=/bin

# The first word names the unit; the rest becomes its only process.
unit() {
    $busybox mkdir -p "/sys/fs/cgroup/$1"
    $busybox sh -c 'echo $$ > "/sys/fs/cgroup/$1/cgroup.procs"; shift; exec "$@"' sh "$@"
}
echo "kernel $($busybox uname -r)"
unit check chenbao check
echo "check: $?"
unit run chenbao run daily
echo "run: $?"
unit show chenbao show daily-2026-11-21-regular-r0-20261122T080000
$busybox cat reports/daily/2026-11-21/*.txt
$busybox dmesg | $busybox grep -i oom
$busybox poweroff -f
