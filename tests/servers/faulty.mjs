// The same matrix of faults with an independent server, smtp-server from npm. What it reads and writes is what faulty.py says.
//
// usage: faulty.mjs FOLDER NPM   (NPM/node_modules/smtp-server; certificates are in FOLDER already)

import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [folder, npm] = process.argv.slice(2);
const need = createRequire(path.join(npm, "node_modules", "x.js"));
const { SMTPServer } = need("smtp-server");
const { SMTPConnection } = need("smtp-server/lib/smtp-connection.js");

const file = (name) => path.join(folder, name);
const fault = () => (fs.existsSync(file("fault")) ? JSON.parse(fs.readFileSync(file("fault"), "utf8")) : {});

// What to answer instead, as an error of the server; none if all is well. Silence never calls back.
function fails(at, argument, socket) {
  const told = fault();
  if (told.at !== at || !(argument ?? "").includes(told.match ?? "")) return null;
  if (told.does === "drop") socket?.destroy();
  return told;
}

const raw = (connection, answer) => {
  connection._socket.write(answer + "\r\n");
  if (answer.startsWith("421")) connection.close();
};

// Connections that somebody serves; one that stalls is left to itself.
const served = new Set();

const ready = SMTPConnection.prototype.connectionReady;
SMTPConnection.prototype.connectionReady = function (next) {
  const told = fault();
  this._server.options.size = told.size ?? 33554432;
  served.add(this);
  for (const one of served) if (one._closed || one._socket.destroyed) served.delete(one);
  if (served.size > (told.connections ?? 1000)) return raw(this, "421 4.7.0 too many connections");
  const failed = fails("CONNECT", "", this._socket);
  if (!failed) return ready.call(this, next);
  if (failed.does === "say") {
    raw(this, failed.answer);
    this.close();
  }
};

for (const step of ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"]) {
  const handler = SMTPConnection.prototype[`handler_${step}`];
  SMTPConnection.prototype[`handler_${step}`] = function (command, callback) {
    const failed = fails(step, command.toString(), this._socket);
    if (failed) {
      if (failed.does !== "say") return;
      raw(this, failed.answer);
      return callback();
    }
    const told = step === "DATA" ? fault() : {};
    if (told.at === "BODY") {
      // Whoever does not read never hears that the other side has gone.
      if (told.does === "stall") {
        this._socket.pause();
        served.delete(this);
        setTimeout(() => this._socket.destroy(), 5000);
      }
      raw(this, "354 go on");
      if (told.does === "drop") this._socket.once("data", () => this._socket.destroy());
      return;
    }
    return handler.call(this, command, callback);
  };
}

function onData(stream, session, callback) {
  stream.resume();
  stream.on("end", () => {
    const connection = [...this.connections].find((one) => one.id === session.id);
    const failed = fails("MESSAGE", "", connection?._socket);
    if (failed && failed.does !== "say") return;
    if (failed) {
      const [, code, text] = failed.answer.match(/^(\d+) (?:\d\.\d+\.\d+ )?(.*)$/);
      return callback(Object.assign(new Error(text), { responseCode: Number(code) }));
    }
    for (const { address } of session.envelope.rcptTo) fs.appendFileSync(file("log"), JSON.stringify({ to: address }) + "\n");
    callback();
  });
}

function onAuth(auth, session, callback) {
  if (auth.username === "chenbao" && auth.password === "geheim-密码") return callback(null, { user: auth.username });
  callback(new Error("bad password"));
}

const listen = (name, options) =>
  new Promise((done) => {
    const cert = options.cert && { key: fs.readFileSync(file(`${options.cert}.key`)), cert: fs.readFileSync(file(`${options.cert}.pem`)) };
    const server = new SMTPServer({ disableReverseLookup: true, closeTimeout: 100, onAuth, allowInsecureAuth: true, ...options, ...cert, onData });
    server.on("error", () => {});
    server.listen(0, "127.0.0.1", () => done([name, server.server.address().port]));
  });

const ways = await Promise.all([
  listen("plain", { authOptional: true, disabledCommands: ["AUTH", "STARTTLS"] }),
  listen("starttls", { cert: "good" }),
  listen("stripped", { disabledCommands: ["STARTTLS"] }),
  listen("expired", { cert: "expired" }),
  listen("othername", { cert: "othername" }),
  listen("tls", { cert: "good", secure: true }),
]);
fs.writeFileSync(file("ports.new"), JSON.stringify(Object.fromEntries(ways)));
fs.renameSync(file("ports.new"), file("ports"));
