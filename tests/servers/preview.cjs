// Drives `chenbao preview` in a real browser: preview.cjs URL PROJECT. Saves files as an editor would, waits for what the page shows,
// and prints what it saw as JSON. Every wait ends by itself with an error that names it.
"use strict";
const { execFileSync } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");
const { chromium } = require("playwright-core");

const [url, project] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const PATIENCE = { timeout: 90_000 };

function save(name, text) {
  const file = path.join(project, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

// The PDF as poppler draws it, page by page, at twice the size that the browser gives the vectors.
function drawn(pdf) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chenbao-preview-"));
  try {
    const file = path.join(folder, "report.pdf");
    fs.writeFileSync(file, Buffer.from(pdf.split(",")[1], "base64"));
    execFileSync("pdftoppm", ["-r", "192", "-png", file, path.join(folder, "page")]);
    return fs.readdirSync(folder).filter((name) => name.endsWith(".png")).sort()
      .map((name) => `data:image/png;base64,${fs.readFileSync(path.join(folder, name)).toString("base64")}`);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

// How far each page on screen is from poppler's, in the browser: the mean difference, and how much of both is ink, of 255. Squares
// are compared, not pixels, so that two ways to smooth an edge are little and a word elsewhere is much.
function apart(pictures) {
  const SIDE = 4;
  const load = (src) => new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => fail(new Error("a picture does not load"));
    image.src = src;
  });
  // Means of squares.
  const grey = (image, [width, height], [across, down]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0, across, down);
    const { data } = pen.getImageData(0, 0, width, height);
    const [columns, rows] = [Math.floor(width / SIDE), Math.floor(height / SIDE)];
    const means = new Array(columns * rows).fill(0);
    for (let y = 0; y < rows * SIDE; y++) {
      for (let x = 0; x < columns * SIDE; x++) {
        const at = 4 * (y * width + x);
        means[Math.floor(y / SIDE) * columns + Math.floor(x / SIDE)] += (data[at] + data[at + 1] + data[at + 2]) / 3 / SIDE / SIDE;
      }
    }
    return means;
  };
  const here = [...document.querySelectorAll(".sheets img")].map((one) => one.src);
  return Promise.all(pictures.map(async (picture, n) => {
    const [own, theirs] = await Promise.all([load(here[n]), load(picture)]);
    const whole = [theirs.naturalWidth, theirs.naturalHeight];
    // Poppler fills whole pixels with a page that is a part of one shorter.
    const box = /viewBox="0 0 (\S+) (\S+)"/.exec(atob(here[n].split(",")[1].slice(0, 400)));
    const exact = [Number(box[1]), Number(box[2])].map((points) => points * 192 / 72);
    const [a, b] = [grey(own, whole, exact), grey(theirs, whole, whole)];
    const mean = (of) => of.reduce((sum, one) => sum + one, 0) / of.length;
    return {
      svg: here[n].startsWith("data:image/svg+xml"), ink: [255 - mean(a), 255 - mean(b)],
      differ: mean(a.map((one, at) => Math.abs(one - b[at]))),
    };
  }));
}

(async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const seen = { errors: [] };
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && seen.errors.push(line.text()));
  const text = () => page.textContent(".pane.text pre");
  const until = (what, body, wanted) => page.waitForFunction(body, wanted, PATIENCE)
    .catch(async (error) => { throw new Error(`${what}: ${error.message}\n${await page.textContent("body")}`); });
  // Chooses, and waits until the answer to that choice is there.
  const choose = async (name, value) => {
    const before = await page.getAttribute("body", "data-shown");
    await page.selectOption(`select[name=${name}]`, value);
    await until(`${name} ${value}`, (shown) => document.body.dataset.shown !== shown, before);
  };
  await page.goto(`${url}?report=daily&audience=boss&data=sample-full&panes=desktop+phone+dark+pages+text`);
  await page.waitForSelector("body[data-shown]", PATIENCE);
  seen.subject = await page.textContent("#subject b");
  seen.frames = await page.locator("iframe").count();
  const pages = drawn(await page.getAttribute(".pages a", "href"));
  seen.pictures = await page.locator(".sheets img").count();
  seen.poppler = await page.evaluate(apart, pages);
  // The same against the next page: what a difference looks like.
  seen.wrong = await page.evaluate(apart, [...pages.slice(1), pages[0]]);
  seen.boss = await text();
  await choose("audience", "ops");
  seen.ops = await text();
  await choose("lang", "en");
  seen.english = await text();
  await choose("lang", "-");
  seen.runs = await page.evaluate(() => [...document.querySelector("select[name=data]").options].map((one) => one.value)
    .filter((value) => value.startsWith("run-")));
  await choose("data", seen.runs[0]);
  seen.run = await text();
  await choose("data", "sample-missing");
  seen.missing = await text();
  await choose("data", "sample-full");
  seen.address = page.url();

  const has = (words) => document.querySelector(".pane.text pre")?.textContent.includes(words);
  save("templates/daily/strings.zh-CN.toml", "title = '我们的早报'\n");
  await until("the new words", has, "我们的早报");
  const wrong = (words) => {
    const box = document.querySelector("#problems");
    return !box.hidden && !box.classList.contains("mild") && box.textContent.includes(words);
  };
  const fine = () => document.querySelector("#problems").hidden || document.querySelector("#problems").classList.contains("mild");
  save("templates/daily/report.html", "{% extends \"_base/shop.html\" %}\n{% block kpis %}\n<kpi valeu=\"sales.paid_amount\"/>\n{% endblock %}\n");
  await until("the mistake in the template", wrong, "daily/report.html:3:");
  seen.mistake = await page.textContent("#problems");
  seen.stays = await text();
  fs.rmSync(path.join(project, "templates/daily/report.html"));
  await until("the mended template", fine);

  const config = fs.readFileSync(path.join(project, "chenbao.toml"), "utf8");
  save("chenbao.toml", `nonsense = 1\n${config}`);
  await until("the mistake in the configuration", wrong, "chenbao.toml:1");
  save("chenbao.toml", config);
  await until("the mended configuration", fine);
  await page.keyboard.press("5");
  seen.toggled = await page.locator(".pane.text").count();
  await browser.close();
  console.log(JSON.stringify(seen));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
