// What the field's linters say of mails: lint_mail.cjs FOLDER, which holds *.html. Prints findings as JSON, each once per file: tool, what
// (a feature of caniemail, a rule of html-validate), the clients it is about, and the words of the linter.
"use strict";
const fs = require("fs");
const path = require("path");
const { HtmlValidate, StaticConfigLoader } = require("html-validate");

// The clients that matter and that caniemail knows; QQ 邮箱 and 163 it does not: the rules of our own stand for them.
const CLIENTS = ["outlook.*", "gmail.*", "apple-mail.*"];

(async () => {
  // It has no entry for `require`.
  const { caniemail } = await import(require("url").pathToFileURL(path.join(process.env.NODE_PATH, "caniemail/dist/index.js")));
  const validator = new HtmlValidate(new StaticConfigLoader({ root: true, extends: ["html-validate:recommended"] }));
  const findings = [];
  for (const name of fs.readdirSync(process.argv[2]).filter((name) => name.endsWith(".html")).sort()) {
    const html = fs.readFileSync(path.join(process.argv[2], name), "utf8");
    const features = new Map();
    const { issues } = caniemail({ clients: CLIENTS, html });
    for (const [client, found] of [...issues.errors, ...issues.warnings]) {
      for (const { title } of found) features.set(title, (features.get(title) ?? new Set()).add(client));
    }
    for (const [what, clients] of features) findings.push({ name, tool: "caniemail", what, clients: [...clients].sort(), says: "" });
    const rules = new Map();
    for (const result of (await validator.validateString(html, name)).results) {
      for (const { ruleId, message, line } of result.messages) rules.set(ruleId, `line ${line}: ${message}`);
    }
    for (const [what, says] of rules) findings.push({ name, tool: "html-validate", what, clients: [], says });
  }
  console.log(JSON.stringify(findings));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
