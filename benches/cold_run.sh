#!/usr/bin/env bash
# Cold daily reports of demo shops of several sizes, beside a DuckDB script that computes the same figures over the same lake.
#
#   benches/cold_run.sh [LINES ...]          default: 100000 1000000
#
# CHENBAO names the program (default target/debug/chenbao), BENCH_DIR where the shops are made (default a new folder, removed at
# the end). Needs GNU time, and duckdb for Python for the last column. Prints one row per step: wall seconds, peak memory in MB.
# Peak memory is that of the largest single process; plugins run in children of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
chenbao=$(realpath "${CHENBAO:-target/debug/chenbao}")
work=${BENCH_DIR:-$(mktemp -d)}
[ -n "${BENCH_DIR:-}" ] || trap 'rm -rf "$work"' EXIT
sizes=("$@")
[ "${#sizes[@]}" -gt 0 ] || sizes=(100000 1000000)
# The morning after the demo's last day, so that every run covers the same days.
export CHENBAO_NOW=2026-11-22T07:40:00+08:00

# Forgets the files in memory where this machine allows it: a cold run reads them from the disk.
forget() { sync; { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null || true; }

# measure NAME COMMAND...
measure() {
    local name=$1 out=$work/measured
    shift
    forget
    local ended=0
    /usr/bin/time -q -o "$out" -f '%e %M' "$@" >"$work/output" 2>&1 || ended=$?
    # 3 is a report with a gap: its figures are not all there, so the row says so.
    [ "$ended" = 0 ] || [ "$ended" = 3 ] || { cat "$work/output" >&2; exit 1; }
    awk -v name="$name" -v size="$lines" -v ended="$ended" \
        '{printf "%-10s %-28s %8.1f s %8.0f MB%s\n", size, name, $1, $2 / 1024, ended == 0 ? "" : "  incomplete"}' "$out"
    [ "$ended" = 0 ] || grep -a 'ERROR\|^error' "$work/output" >&2 || true
}

printf '%-10s %-28s %10s %11s\n' lines step wall peak
for lines in "${sizes[@]}"; do
    shop=$work/shop-$lines
    config=(--config "$shop/chenbao.toml")
    measure "make the shop" "$chenbao" demo --dir "$shop" --size "$lines" --only-shop
    measure "collect" "$chenbao" "${config[@]}" collect --days 120
    measure "run daily, 5 audiences" "$chenbao" "${config[@]}" run daily --period 2026-11-21 --no-collect --out "$work/all"
    measure "run daily, management" "$chenbao" "${config[@]}" run daily --period 2026-11-21 --no-collect --role management --out "$work/one"
    if python3 -c 'import duckdb' 2>/dev/null; then
        measure "DuckDB, same figures" python3 tests/servers/duck.py "$shop" 2026-11-21 flagship,outlet
    fi
    du -sm "$shop/exports" "$shop/lake" | awk -v size="$lines" '{n = split($2, part, "/"); printf "%-10s %-28s %10s %8d MB\n", size, part[n] " on disk", "", $1}'
done
