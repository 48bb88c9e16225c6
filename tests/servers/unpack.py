"""Writes what is compressed under a folder in the clear: unpack.py FOLDER OUT.

Parquet through DuckDB, whatever is a zip (XLSX) by member, tar by member, and every deflated stream of a PDF.
"""

import io
import pathlib
import re
import sys
import tarfile
import zipfile
import zlib

import duckdb


def members(name, data):
    """Yields (name, bytes) of everything inside."""
    if data[:4] == b"PAR1":
        path = out / "one.parquet"
        path.write_bytes(data)
        rows = duckdb.sql(f"select * from read_parquet('{path}')").fetchall()
        path.unlink()
        yield name, "\n".join(map(repr, rows)).encode()
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as inner:
            for member in inner.namelist():
                yield f"{name}!{member}", inner.read(member)
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as inner:
            for member in inner.getmembers():
                if member.isfile():
                    whole = inner.extractfile(member).read()
                    yield f"{name}!{member.name}", whole
                    yield from members(f"{name}!{member.name}", whole)
    elif data[:5] == b"%PDF-":
        for n, match in enumerate(re.finditer(rb"stream\r?\n", data)):
            try:
                yield f"{name}!{n}", zlib.decompressobj().decompress(data[match.end():])
            except zlib.error:
                pass  # A font or picture that is not deflated lies open already.


folder, out = map(pathlib.Path, sys.argv[1:])
count = 0
for path in sorted(folder.rglob("*")):
    if path.is_file():
        for name, data in members(str(path.relative_to(folder)), path.read_bytes()):
            (out / name.replace("/", "~")[-200:]).write_bytes(data)
            count += 1
print(count)
