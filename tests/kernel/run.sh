#!/usr/bin/env bash
# Limits by control groups on a kernel that has them: boots Debian's kernel under emulation with `chenbao` as a unit of its own, lets a
# plugin hog memory, and shows what the kernel, the run and the page say. About a minute; nothing is installed into the tree.
#
#   apt-get install qemu-system-x86 busybox-static cpio
#   cargo build --workspace && tests/kernel/run.sh [FOLDER OF THE BUILD]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-${CARGO_TARGET_DIR:-$here/../../target}/debug}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
apt-get download -q "$kernel" >/dev/null
dpkg-deb -x ./*.deb kernel

mkdir -p root/{bin,proc,sys,dev,tmp,shop/exports/orders,usr/share}
cp "$(command -v busybox)" root/bin/busybox
for file in chenbao libhostile_plugins.so libmetric_sales.so libsource_files.so; do strip -o "root/bin/$file" "$build/$file"; done
for file in root/bin/*; do ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true; done | sort -u | while read -r library; do
    mkdir -p "root$(dirname "$library")"
    cp -L "$library" "root$library"
done
cp -r /usr/share/zoneinfo root/usr/share/
cp "$here/init.sh" root/init
sed 's/metrics = \["sales"\]/metrics = ["sales", "hog", "fine"]/' "$here/../cases/one-shop/chenbao.toml" > root/shop/chenbao.toml
cat >> root/shop/chenbao.toml <<'TOML'

[plugins]
memory = "128 MiB"
deadline = "60s"
[metric.hog]
plugin = "hostile"
with.how = "hog"
[metric.fine]
plugin = "hostile"
with.how = "count"
TOML
(cd root && find . | cpio -o -H newc --quiet | gzip -1 > ../init.gz)

timeout 500 qemu-system-x86_64 -cpu max -m 3000 -smp 1 -kernel kernel/boot/vmlinuz-* -initrd init.gz \
    -append "console=ttyS0 panic=-1 quiet" -nographic -no-reboot | tr -d '\r' | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' > said.log || true
grep -E '^(kernel|plugins:|plugins  |hog：|check:|run:)|limits by|Memory cgroup out of memory|■ fine' said.log
grep -q 'limits by cgroup' said.log && grep -q 'hog：计算占用内存超限（控制组上限）' said.log && grep -q '/plugin-.*are going to be killed' said.log
echo "control groups hold"
