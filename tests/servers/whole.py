"""Whether whatever an SQLite ledger refers to is there and whole: an independent reader of ledger, lake and archive.

usage: whole.py LEDGER FOLDER           files are under FOLDER: lake/, archive/, outbox/
       whole.py LEDGER --listed FILE    only the names in FILE, one a line, are there, and those are whole
Prints one JSON object: how many files it refers to, how many mails it calls sent, and one sentence for each that is not whole.
"""

import hashlib
import json
import pathlib
import re
import sqlite3
import sys

ledger = pathlib.Path(sys.argv[1])
listed = set(open(sys.argv[3], encoding="utf-8").read().splitlines()) if sys.argv[2] == "--listed" else None
folder = pathlib.Path(sys.argv[2])
wrong, looked, sent = [], 0, 0


def look(what, name, digest):
    global looked
    looked += 1
    if listed is not None:
        if name not in listed:
            wrong.append(f"{what}: {name} is not there, or not whole")
        return
    path = folder / name
    if not path.exists():
        wrong.append(f"{what}: {name} is not there")
    elif digest and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        wrong.append(f"{what}: {name} has other bytes")


def archived(what, digest):
    look(what, f"archive/{digest[:2]}/{digest}", digest)


if ledger.exists():
    db = sqlite3.connect(ledger)
    state = db.execute("PRAGMA integrity_check").fetchone()[0]
    if state != "ok":
        wrong.append(f"the ledger itself: {state}")
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "deliveries" in tables:
        for path, digest in db.execute("SELECT path, digest FROM revisions WHERE withdrawn_ms = 0"):
            look("revision", f"lake/{path}", digest)
        for source, digest in db.execute("SELECT source, raw FROM collections WHERE raw <> ''"):
            look("raw table", f"lake/raw/{source}/{digest}.parquet", digest)
            look("key of personal cells", "lake/hash.key", None)
        for (digest,) in db.execute("SELECT digest FROM results"):
            archived("result", digest)
        for state, channel, name, pieces in db.execute("SELECT state, channel, file_name, pieces FROM deliveries"):
            for piece in json.loads(pieces):
                if "digest" in piece:
                    archived("message", piece["digest"])
            if state == "sent" and channel == "folder":
                sent += 1
                look("mail", "outbox/" + re.sub(r"[/\\\0]", "_", name), None)
        for (record,) in db.execute("SELECT record FROM runs WHERE record <> ''"):
            for files in (json.loads(record) or {}).get("papers", {}).values():
                for digest in files.values():
                    archived("paper", digest)
    db.close()

print(json.dumps({"looked": looked, "sent": sent, "wrong": wrong}, ensure_ascii=False))
