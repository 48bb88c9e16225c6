"""Everything that a workbook holds, as text: xlsx_text.py FILE. Numbers of cells are printed with two decimals."""

import html
import re
import sys
import zipfile


def number(match):
    return " %.2f " % float(match[1])


with zipfile.ZipFile(sys.argv[1]) as book:
    for name in sorted(book.namelist()):
        text = book.read(name).decode("utf-8")
        if name.startswith("xl/worksheets/"):
            text = re.sub(r"<v>(-?[\d.eE+-]+)</v>", number, text)
        print(html.unescape(re.sub(r"<[^>]*>", " ", text)))
