"""Robots of the three platforms on loopback: checks signature, size, form and rate as they do, and keeps what it took.

Usage: robot.py FOLDER. FOLDER/port gets the port; each message taken becomes FOLDER/NNN.json. FOLDER/answer, if it is there, is answered
instead; FOLDER/drop closes the connection after the request; FOLDER/most is how many messages are taken before "too often".
Paths: /feishu, /dingtalk?access_token=KEY, /wecom?key=KEY, and /ping (with /ping/fail), which takes everything."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import urllib.parse

FOLDER, SECRET, KEY = sys.argv[1], "SEC密钥-for-tests", "0123456789abcdef-robot-key"


def there(name):
    return os.path.exists(os.path.join(FOLDER, name))


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def mac(key, message):
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


def feishu(query, body, size):
    stamp = body.pop("timestamp", "")
    if body.pop("sign", "") != mac(f"{stamp}\n{SECRET}", "") or len(stamp) != 10:
        return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
    if size > 20 * 1024:
        return {"code": 9499, "msg": "Bad Request: body is too large"}
    card = body["card"]
    if body["msg_type"] != "interactive" or card["header"]["title"]["tag"] != "plain_text":
        return {"code": 19036, "msg": "parse card json err"}
    return {"code": 0, "msg": "success", "data": {}}


def dingtalk(query, body, size):
    stamp = query.get("timestamp", [""])[0]
    if query.get("access_token") != [KEY]:
        return {"errcode": 300005, "errmsg": "token is not exist"}
    if query.get("sign") != [mac(SECRET, f"{stamp}\n{SECRET}")] or len(stamp) != 13:
        return {"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com]"}
    if size > 20000:
        return {"errcode": 460101, "errmsg": "message too long"}
    if body["msgtype"] == "actionCard":
        ok = all(body["actionCard"][key] for key in ("title", "text", "singleTitle", "singleURL"))
    else:
        ok = body["msgtype"] == "text" and body["text"]["content"]
    return {"errcode": 0, "errmsg": "ok"} if ok else {"errcode": 40035, "errmsg": "invalid parameter"}


def wecom(query, body, size):
    if query.get("key") != [KEY]:
        return {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1]"}
    content = body["markdown"]["content"]
    if body["msgtype"] != "markdown" or len(content.encode()) > 4096:
        return {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096. invalid Request Parameter"}
    return {"errcode": 0, "errmsg": "ok"}


OFTEN = {
    "/feishu": {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"},
    "/dingtalk": {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
    "/wecom": {"errcode": 45009, "errmsg": "api freq out of limit, hint: [1]"},
}
PLATFORMS = {"/feishu": feishu, "/dingtalk": dingtalk, "/wecom": wecom}
taken = 0


class Robot(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global taken
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path.startswith("/ping"):
            with open(os.path.join(FOLDER, "pings"), "a", encoding="utf-8") as file:
                file.write(url.path + "\n")
            return self.say({})
        if there("answer"):
            return self.say(json.loads(read("answer")))
        body = json.loads(raw.decode("utf-8"))
        answer = PLATFORMS[url.path](query, body, len(raw))
        good = answer.get("code", answer.get("errcode")) == 0
        if good and there("most") and taken >= int(read("most")):
            return self.say(OFTEN[url.path])
        if good:
            taken += 1
            part = os.path.join(FOLDER, f"{taken:03}.part")
            with open(part, "w", encoding="utf-8") as file:
                json.dump({"path": url.path, "body": body}, file, ensure_ascii=False)
            os.rename(part, os.path.join(FOLDER, f"{taken:03}.json"))
        if there("drop"):
            self.close_connection = True
            return self.connection.close()
        self.say(answer)

    def say(self, answer):
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Robot)
with open(os.path.join(FOLDER, "port.part"), "w", encoding="utf-8") as file:
    file.write(str(server.server_address[1]))
os.rename(os.path.join(FOLDER, "port.part"), os.path.join(FOLDER, "port"))
server.serve_forever()
