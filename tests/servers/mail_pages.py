"""What a reader sees of mails, and the rules of our own: mail_pages.py OUT MAIL...

Writes each mail's HTML as OUT/<name>.html with its pictures beside it, as OUT/<name>.<cid>.png, and prints one JSON object per mail:
its subject, preheader, language, alternative texts, the text part, and `broken`, a sentence for every rule that it breaks.
"""

import email
import email.policy
import html.parser
import json
import pathlib
import re
import sys

MOST_BYTES = 90_000
VOID = {"meta", "img", "br", "hr", "input", "link", "col"}
# What fetches or runs something, or what webmail drops together with what is in it.
FORBIDDEN = {"link", "script", "iframe", "object", "embed", "form", "input", "button", "video", "audio", "svg", "base", "picture", "source"}
# Attributes that name a resource.
SOURCES = {"src", "srcset", "background", "poster", "data"}


class Page(html.parser.HTMLParser):
    """Reads a mail as every client can: tags, attributes, words."""

    def __init__(self, pictures):
        super().__init__()
        self.pictures, self.broken, self.open, self.alts, self.shown = pictures, [], [], [], set()
        self.lang, self.title, self.preheader, self.sheet, self.style = "", "", "", "", ""
        self.words, self.tables, self.rooms = 0, [], set()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.style = found.get("style") or ""
        place = f"<{tag}> at line {self.getpos()[0]}"
        if tag in FORBIDDEN:
            self.broken.append(f"{place} is not for mail")
        if len(found) != len(attributes):
            self.broken.append(f"{place} has an attribute twice")
        for name in SOURCES & found.keys():
            if not (tag == "img" and found[name].startswith("cid:")):
                self.broken.append(f"{place}: {name}={found[name][:60]} is not in the mail")
        if re.search(r"url\(|@import|expression\(|position\s*:", self.style):
            self.broken.append(f"{place}: {self.style[:80]}")
        if any(name.startswith("on") for name in found):
            self.broken.append(f"{place} runs something")
        if tag == "html":
            self.lang = found.get("lang") or ""
        if tag == "a" and not re.match(r"https?://|mailto:", found.get("href") or ""):
            self.broken.append(f"{place} leads nowhere")
        if tag == "img":
            self.image(place, found)
        if tag == "table":
            self.tables.append([place, found.get("role"), False])
            if "640px" in self.style:
                self.rooms.add("640")
        if tag == "th":
            self.tables[-1][2] = True
            if found.get("scope") != "col":
                self.broken.append(f"{place} does not say what it is the head of")
        if tag in ("table", "td", "img") and (found.get("width") or "0").isdigit() and int(found.get("width") or 0) > 640:
            self.broken.append(f"{place} is wider than 640")
        if tag not in VOID:
            self.open.append((tag, self.style))

    def image(self, place, found):
        alt = found.get("alt") or ""
        self.alts.append(alt)
        self.shown.add((found.get("src") or "").removeprefix("cid:"))
        if not re.search(r"[0-9]", alt):
            self.broken.append(f"{place}: its alternative text has no figure: {alt[:60]!r}")
        for name in ("width", "height"):
            if not (found.get(name) or "").isdigit():
                self.broken.append(f"{place} has no {name}")

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.broken.append(f"</{tag}> at line {self.getpos()[0]} closes {self.open[-1:]}")
            return
        self.open.pop()
        if tag == "table":
            place, role, heads = self.tables.pop()
            if heads == (role == "presentation"):
                self.broken.append(f"{place} " + ("is a grid with heads" if heads else "is not role=presentation"))

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if "style" in tags:
            self.sheet += data
        elif "title" in tags:
            self.title += data
        elif data.strip() and "body" in tags:
            hidden = any("display:none" in style for _, style in self.open)
            if hidden and self.words:
                self.broken.append(f"hidden words at line {self.getpos()[0]} are not the first")
            if hidden:
                self.preheader += data
            else:
                self.words += len(data)

    def handle_comment(self, data):
        if data.startswith("[if mso]") and 'width="640"' in data:
            self.rooms.add("mso")

    def close(self):
        super().close()
        if self.open:
            self.broken.append(f"left open: {self.open}")
        if self.rooms != {"640", "mso"}:
            self.broken.append(f"640 px, in a style and for Word: only {self.rooms}")
        self.preheader = self.preheader.split("\u200b")[0].strip()
        for name in ("lang", "title", "preheader"):
            if not getattr(self, name):
                self.broken.append(f"no {name}")
        if self.shown != set(self.pictures):
            self.broken.append(f"shows {sorted(self.shown)} and carries {sorted(self.pictures)}")
        self.block(self.sheet)

    def block(self, sheet):
        """Nothing depends on the style block: it speaks of dark mode and narrow screens only, and neither hides nor adds anything."""
        outside, depth, at = "", 0, 0
        for at, char in enumerate(sheet):
            if depth == 0 and char not in "{}":
                outside += char
            depth += (char == "{") - (char == "}")
        rest = re.sub(r"@media \((prefers-color-scheme:dark|max-width:480px)\)", "", outside)
        if rest.strip():
            self.broken.append(f"the style block says more than dark mode and narrow screens: {rest[:80]}")
        if re.search(r"display|visibility|content:|url\(|@import|float|position", sheet):
            self.broken.append("the style block hides or fetches something")


def read(path, out):
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    parts = [part for part in message.walk() if not part.is_multipart()]
    pictures = {part["Content-ID"].strip("<>"): part.get_content() for part in parts if part["Content-ID"]}
    written = next(part for part in parts if part.get_content_type() == "text/html").get_content()
    text = next(part for part in parts if part.get_content_type() == "text/plain").get_content()
    page = Page(pictures)
    page.feed(written)
    page.close()
    size = len(written.encode())
    if size >= MOST_BYTES:
        page.broken.append(f"{size} bytes")
    # A product may be called <b>; a style in the text is ours.
    if 'style="' in text or len(text.splitlines()) < 12:
        page.broken.append(f"the text part is not worth reading: {text[:80]!r}")
    (out / f"{path.stem}.html").write_text(written)
    for cid, data in pictures.items():
        (out / f"{path.stem}.{cid}.png").write_bytes(data)
    return {"name": path.stem, "subject": message["Subject"], "lang": page.lang, "preheader": page.preheader, "alts": page.alts,
            "bytes": size, "text": text, "broken": page.broken}


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps([read(pathlib.Path(mail), folder) for mail in sys.argv[2:]], ensure_ascii=False))
