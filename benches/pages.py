#!/usr/bin/env python3
"""The same table of 4, 40 and 400 pages set by Chenbao, WeasyPrint, Typst and Chromium: milliseconds, bytes and pages.

    cargo build --workspace --example bench_pages
    benches/pages.py [ROWS ...]              default: 160 1670 16760

With BURST=1000, Chenbao also makes so many different reports in one process, and the others, in a process each, as many of the first size
as fit in BURST_SECONDS (default 60), whose time is then told per thousand.

BENCH_PAGES names the program (default target/debug/examples/bench_pages); it writes the words of each table, from which the others set
the page: A4, the same family at the same size, heads repeated, figures to the right, thin rules. All four write tagged PDF.
A program that is not on the machine is left out, with a line that says so. Each row is the fastest of three runs (one at 400 pages).
Chenbao, WeasyPrint and Typst are measured inside their process, fonts found; Chromium from its start to its end, since a
print is a start. LIMIT seconds (default 300) end a run that takes longer.
"""

import html
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
FONTS = HERE / "core/report/fonts"
LIMIT = int(os.environ.get("LIMIT", "300"))
# Which columns hold figures, from zero; the rest are words.
FIGURES = {2, 3, 4, 5, 6}


def table(path):
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")]


def as_html(rows):
    def row(cells, tag):
        marked = (
            f'<{tag}{" class=n" if i in FIGURES else ""}>{html.escape(cell)}</{tag}>'
            for i, cell in enumerate(cells)
        )
        return "<tr>" + "".join(marked) + "</tr>"

    faces = "".join(
        f"@font-face{{font-family:Page;font-weight:{weight};src:url({(FONTS / name).as_uri()})}}"
        for weight, name in ((400, "NotoSansSC-Regular-gbk.ttf"), (700, "NotoSansSC-Bold-gbk.ttf"))
    )
    style = (
        "@page{size:A4;margin:15mm}body{font:7.7pt Page;margin:0}table{width:100%;border-collapse:collapse}"
        "th{text-align:left;font-weight:400;color:#5f6670;border-bottom:.75pt solid #1a1d21}td{border-bottom:.6pt solid #d9dce1}"
        "th,td{padding:3pt}.n{text-align:right;font-variant-numeric:tabular-nums}tr{break-inside:avoid}"
    )
    body = "".join(row(cells, "td") for cells in rows[1:])
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>Table</title><style>{faces}{style}</style>'
        f"<table><thead>{row(rows[0], 'th')}</thead><tbody>{body}</tbody></table></html>"
    )


def as_typst(rows):
    def cell(text):
        return '[#"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"]'

    aligned = ",".join("right" if i in FIGURES else "left" for i in range(len(rows[0])))
    head = ",".join(cell(text) for text in rows[0])
    body = ",\n".join(",".join(cell(text) for text in row) for row in rows[1:])
    return (
        '#set document(title: "Table")\n#set page(paper: "a4", margin: 15mm)\n'
        '#set text(lang: "zh", font: "Noto Sans SC", size: 7.7pt)\n'
        f"#table(columns: {len(rows[0])}, align: ({aligned}), inset: (x: 3pt, y: 5.6pt), "
        f"stroke: (bottom: 0.6pt + luma(220)), table.header({head}),\n{body})\n"
    )


# Each inner run prints its milliseconds and leaves the file, so that the start of Python is not counted.
WEASYPRINT = """
import sys, time, weasyprint
from weasyprint.text.fonts import FontConfiguration
source, out = sys.argv[1:]
weasyprint.HTML(string="<p>x").write_pdf()
start = time.perf_counter()
weasyprint.HTML(filename=source).write_pdf(out, pdf_variant="pdf/ua-1")
print((time.perf_counter() - start) * 1000)
"""
TYPST = """
import sys, time, typst
source, out, fonts = sys.argv[1:]
compiler = typst.Compiler(source, font_paths=[fonts])
start = time.perf_counter()
compiler.compile(output=out, format="pdf")
print((time.perf_counter() - start) * 1000)
"""


# Many different reports in one process: the words of the first row change, as between recipients.
BURST_WEASYPRINT = """
import sys, time, weasyprint
source, many, seconds = open(sys.argv[1], encoding="utf-8").read(), int(sys.argv[2]), float(sys.argv[3])
weasyprint.HTML(string="<p>x").write_pdf()
start, done = time.perf_counter(), 0
while done < many and time.perf_counter() - start < seconds:
    weasyprint.HTML(string=source.replace("<td>1</td>", f"<td>{done}</td>", 1)).write_pdf(pdf_variant="pdf/ua-1")
    done += 1
print(done, (time.perf_counter() - start) * 1000)
"""
BURST_TYPST = """
import sys, time, typst
source, many, seconds, fonts = open(sys.argv[1], encoding="utf-8").read(), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
compiler = typst.Compiler(source.encode(), font_paths=[fonts])
start, done = time.perf_counter(), 0
while done < many and time.perf_counter() - start < seconds:
    compiler.compile(input=source.replace('[#"1"]', f'[#"{done}"]', 1).encode(), format="pdf")
    done += 1
print(done, (time.perf_counter() - start) * 1000)
"""


def bounded(command):
    """Runs a command in a group of its own; nothing where it takes longer than the limit."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        try:
            ended = started.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            return None
        out.seek(0)
        if ended != 0:
            err.seek(0)
            sys.exit(f"{command[0]} ended with {ended}:\n{err.read().decode()[-2000:]}")
        return out.read().decode()


def chromium(source, out, work):
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={work / 'chromium'}", f"--timeout={LIMIT * 1000}", f"--print-to-pdf={out}", source.as_uri(),
    ]  # fmt: skip
    start = time.perf_counter()
    if bounded(command) is None:
        return None
    return (time.perf_counter() - start) * 1000


def inside(script, *arguments):
    printed = bounded([sys.executable, "-c", script, *map(str, arguments)])
    return None if printed is None else float(printed.split()[-1])


def burst(name, script, *arguments):
    many, seconds = os.environ["BURST"], os.environ.get("BURST_SECONDS", "60")
    source, *rest = arguments
    printed = bounded([sys.executable, "-c", script, *map(str, (source, many, seconds, *rest))])
    if printed is None:
        print(f"{name:11} burst: more than {LIMIT} s")
        return
    done, took = printed.split()[-2:]
    print(f"{name:11} burst: {done} in {float(took):.0f} ms, {float(took) / int(done):.1f} s per 1,000", flush=True)


def pages(path):
    found = subprocess.run(["pdfinfo", path], capture_output=True, text=True).stdout
    tagged = "tagged" if re.search(r"Tagged:\s+yes", found) else "not tagged"
    return int(re.search(r"Pages:\s+(\d+)", found).group(1)), tagged


def has(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def show(name, took, out):
    if took is None:
        print(f"{name:11} more than {LIMIT} s")
        return
    count, tagged = pages(out)
    print(f"{name:11} {count:4} pages {took:10.1f} ms {out.stat().st_size:10,} bytes  {tagged}", flush=True)


def main():
    program = os.environ.get("BENCH_PAGES", HERE / "target/debug/examples/bench_pages")
    sizes = [int(size) for size in sys.argv[1:]] or [160, 1670, 16760]
    work = Path(tempfile.mkdtemp())
    try:
        many = [os.environ["BURST"]] if "BURST" in os.environ else []
        print(subprocess.run([program, "3", work, *many], check=True, capture_output=True, text=True).stdout, end="", flush=True)
        for size in sizes:
            rows = table(work / f"{size}.tsv")
            (work / f"{size}.html").write_text(as_html(rows), encoding="utf-8")
            (work / f"{size}.typ").write_text(as_typst(rows), encoding="utf-8")
            source, typ = work / f"{size}.html", work / f"{size}.typ"
            print(f"\n{size} rows; Chenbao {(work / f'{size}.pdf').stat().st_size:,} bytes")
            others = {
                "Typst": has("typst") and (lambda out: inside(TYPST, typ, out, FONTS)),
                "WeasyPrint": has("weasyprint") and (lambda out: inside(WEASYPRINT, source, out)),
                "Chromium": shutil.which("chromium") and (lambda out: chromium(source, out, work)),
            }
            for name, run in others.items():
                if not run:
                    print(f"{name:11} is not on this machine")
                    continue
                out = work / f"{size}-{name}.pdf"
                times = [run(out) for _ in range(1 if size > 5000 else 3)]
                show(name, min((took for took in times if took is not None), default=None), out)
        if many:
            first = sizes[0]
            if has("typst"):
                burst("Typst", BURST_TYPST, work / f"{first}.typ", FONTS)
            if has("weasyprint"):
                burst("WeasyPrint", BURST_WEASYPRINT, work / f"{first}.html")
        if keep := os.environ.get("KEEP"):
            shutil.copytree(work, keep, dirs_exist_ok=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
