"use strict";
// Shows what /view answers, and asks again when /changed says that a file was saved. The choices stand in the address.

const words = {
  "zh-CN": {
    report: "报告", audience: "受众", data: "数据", edition: "版次", lang: "语言", subject: "主题",
    desktop: "邮件 · 桌面 640", phone: "邮件 · 手机 375", dark: "邮件 · 深色", pages: "PDF 页", text: "纯文本",
    full: "样例 · 完整", empty: "样例 · 无数据", missing: "样例 · 全部缺失", own: "受众自己的", usual: "平常",
    fresh: "已更新", working: "生成中…", away: "预览已停止，重新运行 chenbao preview", old: "有错误，下面仍是上一次的好页面",
    wrong: (n) => `${n} 处错误`, caveats: (n) => `${n} 条提醒`, hint: "怎么办：", open: "打开 PDF", page: (n, of) => `第 ${n} 页，共 ${of} 页`,
  },
  en: {
    report: "Report", audience: "Audience", data: "Data", edition: "Edition", lang: "Language", subject: "Subject",
    desktop: "Mail · desktop 640", phone: "Mail · phone 375", dark: "Mail · dark", pages: "PDF pages", text: "Text",
    full: "Sample · full", empty: "Sample · no data", missing: "Sample · all missing", own: "the audience's", usual: "regular",
    fresh: "up to date", working: "making…", away: "the preview has stopped: run chenbao preview again", old: "there are mistakes; below is the last good page",
    wrong: (n) => `${n} to mend`, caveats: (n) => `${n} to know`, hint: "hint: ", open: "open the PDF", page: (n, of) => `page ${n} of ${of}`,
  },
};
const PANES = ["desktop", "phone", "dark", "pages", "text"];
const EDITIONS = ["D+1", "D+7", "D+30"];
const form = document.getElementById("choices");
const views = document.getElementById("views");
const state = document.getElementById("state");
const problems = document.getElementById("problems");
let say = words["zh-CN"];
let all = { reports: [], samples: [] };
let version = 0;
let asked = 0;
let good = null;

function element(name, text, more = {}) {
  const made = Object.assign(document.createElement(name), more);
  if (text !== undefined) made.textContent = text;
  return made;
}

function fill(select, options, wanted) {
  select.replaceChildren(...options.map(([value, label]) => element("option", label, { value })));
  if (options.some(([value]) => value === wanted)) select.value = wanted;
}

// What was chosen stays chosen where it can.
function offer(wanted) {
  const called = (name) => all.reports.find((one) => one.id === name);
  const report = called(wanted.report) ?? called("daily") ?? all.reports[0];
  if (!report) return;
  fill(form.report, all.reports.map((one) => [one.id, one.name ? `${one.name} (${one.id})` : one.id]), report.id);
  fill(form.audience, report.audiences.map((one) => [one.id, one.role ? `${one.role} (${one.id})` : one.id]), wanted.audience);
  const samples = all.samples.map((name) => [`sample-${name}`, say[name]]);
  fill(form.data, [...samples, ...report.runs.map((run) => [`run-${run.id}`, `${run.name} · ${run.state}`])], wanted.data);
  fill(form.edition, [["-", say.usual], ...EDITIONS.map((name) => [name, name])], wanted.edition);
  fill(form.lang, [["-", say.own], ["zh-CN", "中文"], ["en", "English"]], wanted.lang);
  form.edition.disabled = !form.data.value.startsWith("sample-");
}

function chosen() {
  return Object.fromEntries(new FormData(form));
}

function shownPanes() {
  return [...document.querySelectorAll("#panes button[aria-pressed=true]")].map((button) => button.value);
}

function remember() {
  const here = new URLSearchParams(chosen());
  here.set("panes", shownPanes().join(" "));
  history.replaceState(null, "", `?${here}`);
}

function note(text, bad) {
  state.textContent = text;
  state.classList.toggle("bad", Boolean(bad));
}

function framed(kind, html) {
  // No script of a report runs here: the frame allows none.
  const frame = element("iframe", undefined, { srcdoc: html, title: say[kind] });
  frame.setAttribute("sandbox", "");
  return frame;
}

// A reader's dark mode, whatever the browser that shows it has.
function darkened(html) {
  return html.replaceAll(/\(prefers-color-scheme:\s*dark\)/g, "all");
}

function pane(kind, shown) {
  const made = element("section", undefined, { className: `pane ${kind}` });
  const head = element("h2", say[kind]);
  made.append(head);
  if (kind === "pages") {
    if (shown.pdf) head.append(element("a", say.open, { href: shown.pdf.data, download: shown.pdf.name }));
    const sheets = element("div", undefined, { className: "sheets", tabIndex: 0 });
    sheets.append(...shown.pages.map((src, n) => element("img", undefined, { src, alt: say.page(n + 1, shown.pages.length) })));
    made.append(sheets);
  } else if (kind === "text") {
    made.append(element("pre", shown.text, { tabIndex: 0 }));
  } else {
    made.append(framed(kind, kind === "dark" ? darkened(shown.html) : shown.html));
  }
  return made;
}

function draw() {
  if (!good) return;
  document.getElementById("subject").replaceChildren(`${say.subject} `, element("b", good.subject));
  const scrolled = [views.scrollLeft, ...[...views.querySelectorAll(".sheets, pre")].map((one) => one.scrollTop)];
  views.replaceChildren(...shownPanes().map((kind) => pane(kind, good)));
  views.scrollLeft = scrolled[0];
  [...views.querySelectorAll(".sheets, pre")].forEach((one, n) => { one.scrollTop = scrolled[n + 1] ?? 0; });
}

function tell(found, mild) {
  problems.hidden = found.length === 0;
  problems.classList.toggle("mild", mild);
  const list = element("ol");
  for (const one of found) {
    const item = element("li", one.message);
    const place = one.place;
    if (place) {
      const where = [place.file, place.line || undefined, place.column || undefined].filter((part) => part !== undefined);
      item.append(element("div", where.join(":"), { className: "place" }));
      if (place.source) {
        const line = element("pre");
        const at = [...place.source];
        const column = place.column || at.length + 1;
        line.append(at.slice(0, column - 1).join(""), element("mark", at.slice(column - 1).join("") || " "));
        item.append(line);
      }
    }
    if (one.hint) item.append(element("div", say.hint + one.hint, { className: "hint" }));
    list.append(item);
  }
  problems.replaceChildren(element("h2", (mild ? say.caveats : say.wrong)(found.length)), list);
}

async function answer(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function show() {
  const mine = ++asked;
  const want = chosen();
  remember();
  note(say.working);
  const path = [want.report, want.audience, want.lang, want.edition ?? "-", want.data].map(encodeURIComponent).join("/");
  const shown = await answer(`/view/${path}`);
  // Whoever asked later is answered instead.
  if (mine !== asked) return;
  version = Math.max(version, shown.version);
  views.classList.toggle("old", Boolean(shown.problems));
  if (shown.problems) {
    tell(shown.problems, false);
    note(say.old, true);
  } else {
    good = shown;
    tell(shown.warnings, true);
    draw();
    note(say.fresh);
  }
  document.body.dataset.shown = String(mine);
  document.body.dataset.version = String(shown.version);
}

async function follow() {
  for (;;) {
    try {
      const now = await answer(`/changed/${version}`);
      if (now.version === version) continue;
      version = now.version;
      await load(chosen());
      await show();
    } catch {
      // The preview was stopped; when it runs again, the page follows it again.
      note(say.away, true);
      await new Promise((wake) => { setTimeout(wake, 2000); });
    }
  }
}

async function load(wanted) {
  const next = await answer("/choices");
  if (next.problems) {
    tell(next.problems, false);
    return;
  }
  all = next;
  say = words[next.lang] ?? words.en;
  document.documentElement.lang = next.lang;
  document.title = `${next.project} · chenbao preview`;
  document.getElementById("project").textContent = next.project;
  for (const label of document.querySelectorAll("[data-word]")) label.textContent = say[label.dataset.word];
  offer(wanted);
}

function panes(wanted) {
  const bar = document.getElementById("panes");
  bar.replaceChildren(...PANES.map((kind, n) => {
    const button = element("button", say[kind], { type: "button", value: kind, title: `${n + 1}` });
    button.setAttribute("aria-pressed", String(wanted.includes(kind)));
    button.addEventListener("click", () => toggle(button));
    return button;
  }));
}

function toggle(button) {
  const on = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!on));
  remember();
  draw();
}

form.addEventListener("change", () => {
  offer(chosen());
  show().catch((why) => note(String(why), true));
});
document.addEventListener("keydown", (press) => {
  const button = document.querySelectorAll("#panes button")[Number(press.key) - 1];
  if (!button || press.ctrlKey || press.metaKey || press.altKey || press.target.tagName === "SELECT") return;
  toggle(button);
});

(async () => {
  const here = new URLSearchParams(location.search);
  const wanted = Object.fromEntries(here);
  await load(wanted);
  version = all.version ?? 0;
  panes((here.get("panes") ?? "desktop phone pages").split(" "));
  await show();
  follow();
})().catch((why) => note(String(why), true));
