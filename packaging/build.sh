#!/usr/bin/env bash
# Makes a tarball and a .deb of the program, its plugins, the units and an example project. Same input, same bytes.
#
# usage: packaging/build.sh [--from FOLDER] [--out FOLDER] [--fast]
#   --from  folder of the built program and libraries; without it they are built with `--profile dist`
#   --out   where the two files go (default: dist)
#   --fast  hardly compressed, for tests
# SOURCE_DATE_EPOCH dates every file; by default the moment of the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."
from="" out="dist" level=9 deb_level=(-Zxz)
while [ $# -gt 0 ]; do
    case "$1" in
        --from) from="$2"; shift 2 ;;
        --out) out="$2"; shift 2 ;;
        --fast) level=1 deb_level=(-Znone); shift ;;
        *) sed -n '4,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
if [ -z "$from" ]; then
    cargo build --workspace --profile dist
    from="${CARGO_TARGET_DIR:-target}/dist"
fi
export LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}"
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
arch=$(dpkg --print-architecture)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 022

# The tree below a prefix, the same for both.
tree="$scratch/chenbao-$version"
doc="$tree/share/doc/chenbao"
mkdir -p "$tree/bin" "$tree/lib/chenbao/plugins" "$tree/lib/systemd/system" "$tree/etc/chenbao" "$doc/licences"
install -m 755 "$from/chenbao" "$tree/bin/chenbao"
for manifest in plugins/*/Cargo.toml; do
    if grep -q cdylib "$manifest"; then
        name=$(basename "$(dirname "$manifest")")
        install -m 644 "$from/lib${name//-/_}.so" "$tree/lib/chenbao/plugins/"
    fi
done
# Native code without what only a debugger reads; the exported symbols of plugins stay.
strip --strip-debug "$tree/bin/chenbao" "$tree"/lib/chenbao/plugins/*.so
install -m 644 packaging/*.service "$tree/lib/systemd/system/"
install -m 644 packaging/chenbao.toml packaging/secrets.env "$tree/etc/chenbao/"
install -m 644 README.md README.zh-CN.md CHANGELOG.md config.example.toml packaging/INSTALL.md "$doc/"
cp -r examples "$doc/examples"
install -m 644 LICENSE "$doc/licences/LICENSE"
install -m 644 core/report/fonts/OFL.txt "$doc/licences/NotoSansSC-OFL.txt"
install -m 644 core/runtime/data/README.md "$doc/licences/holiday-cn.md"
find "$tree" -type d -exec chmod 755 {} +
find "$tree/share" -type f -exec chmod 644 {} +
find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
tarball="$out/chenbao-$version-$arch.tar.gz"
tar --create --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$scratch" "chenbao-$version" |
    gzip -n "-$level" >"$tarball"

# The same below /usr, with its configuration in /etc.
deb="$scratch/deb"
mkdir -p "$deb/DEBIAN" "$deb/usr"
cp -a "$tree/." "$deb/usr/"
mv "$deb/usr/etc" "$deb/etc"
cat LICENSE >"$deb/usr/share/doc/chenbao/copyright"
glibc=$(objdump -T "$tree/bin/chenbao" "$tree"/lib/chenbao/plugins/*.so | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
size=$(find "$deb" -type f -printf '%s\n' | awk '{kib += int(($1 + 1023) / 1024)} END {print kib}')
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" -e "s/@GLIBC@/${glibc#GLIBC_}/" packaging/debian/control >"$deb/DEBIAN/control"
(cd "$deb" && find etc -type f | sort | sed 's|^|/|') >"$deb/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 755 "packaging/debian/$script" "$deb/DEBIAN/$script"
done
(cd "$deb" && find usr -type f | sort | xargs -d '\n' md5sum) >"$deb/DEBIAN/md5sums"
find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group "${deb_level[@]}" --build "$deb" "$out/chenbao_${version}_$arch.deb" >/dev/null
echo "$tarball"
echo "$out/chenbao_${version}_$arch.deb"
