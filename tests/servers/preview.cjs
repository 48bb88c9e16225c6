// Drives `chenbao preview` in a real browser: preview.cjs URL PROJECT. Saves files as an editor would, waits for what the page shows,
// and prints what it saw as JSON. Every wait ends by itself with an error that names it.
"use strict";
const fs = require("fs");
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
  seen.pictures = await page.evaluate(() => [...document.querySelectorAll(".sheets img")].map((one) => one.naturalWidth));
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
