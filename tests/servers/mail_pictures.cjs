// Mails in a real browser: mail_pictures.cjs FOLDER OUT SHOWN. FOLDER holds *.html with pictures as <name>.<cid>.png beside them. Measures every mail
// in every view, prints what it saw as JSON, and keeps pictures in OUT of those whose name holds SHOWN.
"use strict";
const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");

const [folder, out, shown] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
// `bare` is what webmail that drops style blocks shows: QQ 邮箱, 163, Gmail with other accounts.
const VIEWS = [
  { view: "desktop", width: 640 }, { view: "phone", width: 375 }, { view: "dark", width: 640, dark: true }, { view: "phone-dark", width: 375, dark: true },
  { view: "no-pictures", width: 375, pictures: false }, { view: "no-pictures-dark", width: 640, pictures: false, dark: true },
  { view: "bare", width: 375, bare: true },
];

function source(name, { pictures = true, bare }) {
  let html = fs.readFileSync(path.join(folder, `${name}.html`), "utf8");
  if (bare) html = html.replace(/<style>[^]*?<\/style>/, "");
  // A client that does not load pictures shows what stands in their place.
  return html.replace(/src="cid:([^"]+)"/g, (_, cid) =>
    pictures ? `src="data:image/png;base64,${fs.readFileSync(path.join(folder, `${name}.${cid}.png`)).toString("base64")}"` : "src=\"data:,\"");
}

// In the browser: what leaves the page, what is too pale or too small, and whether the words in place of a picture have their room.
function measured() {
  const edges = [...document.body.querySelectorAll("*")].filter((node) => node.getClientRects().length);
  const beyond = edges.filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5)
    .map((node) => `${node.tagName} ${node.textContent.slice(0, 30)} ${Math.round(node.getBoundingClientRect().right)}`);
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([red, green, blue]) => [red, green, blue].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (node) => {
    const [a, b] = [channels(getComputedStyle(node).color), ground(node)].map(luminance).sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (words.nextNode()) {
    const node = words.currentNode.parentElement;
    if (words.currentNode.data.trim() && node.getClientRects().length) texts.push({ text: words.currentNode.data.trim().slice(0, 30), node });
  }
  const of = (list) => list.map(({ text, node }) => `${text} ${getComputedStyle(node).color} on ${ground(node)} ${getComputedStyle(node).fontSize}`);
  const images = [...document.images].map((image) => {
    const style = getComputedStyle(image);
    const box = image.getBoundingClientRect();
    const probe = Object.assign(document.createElement("div"), { textContent: image.alt });
    probe.style.cssText = `font:${style.font};line-height:${style.lineHeight};width:${box.width}px`;
    document.body.append(probe);
    const needs = probe.getBoundingClientRect().height;
    probe.remove();
    return { loaded: image.naturalWidth > 0, alt: image.alt, width: box.width, height: box.height, needs, contrast: contrast(image),
      sharp: image.naturalWidth / box.width };
  });
  return {
    width: document.documentElement.scrollWidth, beyond, images, texts: texts.length, height: document.documentElement.scrollHeight,
    least: Math.min(...texts.map(({ node }) => contrast(node))), page: getComputedStyle(document.body).backgroundColor,
    pale: of(texts.filter(({ node }) => contrast(node) < 4.5)),
    small: of(texts.filter(({ node }) => parseFloat(getComputedStyle(node).fontSize) < 12)),
  };
}

(async () => {
  fs.mkdirSync(out, { recursive: true });
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const seen = [];
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".html")).map((name) => name.slice(0, -5)).sort();
  for (const view of VIEWS) {
    const page = await browser.newPage({
      viewport: { width: view.width, height: 800 }, colorScheme: view.dark ? "dark" : "light", deviceScaleFactor: 2,
    });
    for (const name of names) {
      await page.setContent(source(name, view), { waitUntil: "load" });
      seen.push({ name, ...view, asked: view.width, ...await page.evaluate(measured) });
      if (name.includes(shown)) await page.screenshot({ path: path.join(out, `${name}.${view.view}.png`), fullPage: true });
    }
    await page.close();
  }
  await browser.close();
  console.log(JSON.stringify(seen));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
