"""A mail server on loopback that fails as it is told, for the matrix of faults.

usage: faulty.py FOLDER
Writes certificates (certs.py) and FOLDER/ports, a JSON object of the port of each way in: plain, starttls (login required), stripped (no
STARTTLS), expired and othername (STARTTLS with such a certificate), tls (TLS from the first byte). FOLDER/fault says what fails, as JSON:
at (CONNECT EHLO STARTTLS AUTH MAIL RCPT DATA BODY MESSAGE), does (say, silent, drop, stall), answer, match (only where the
argument holds it), size (SIZE limit), connections (at most so many). Each message that arrived is a JSON line in FOLDER/log.
"""

import asyncio
import json
import pathlib
import socket
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

import certs

folder = pathlib.Path(sys.argv[1])
certs.write(folder)
log = open(folder / "log", "a", encoding="utf-8")
# Connections that somebody serves; one that stalls is left to itself.
served = set()


def fault():
    try:
        return json.loads((folder / "fault").read_text())
    except FileNotFoundError:
        return {}


def login(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"chenbao" and data.password == "geheim-密码".encode()
    return AuthResult(success=ok)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        said = await server.fails("MESSAGE", "")
        if said is None:
            for to in envelope.rcpt_tos:
                log.write(json.dumps({"to": to}) + "\n")
            log.flush()
        return said or "250 2.0.0 taken"


class Faulty(SMTP):
    async def fails(self, at, argument):
        """What to answer instead; none if all is well. Silence and a cut connection never come back."""
        told = fault()
        if told.get("at") != at or told.get("match", "") not in (argument or ""):
            return None
        if told["does"] == "say":
            return told["answer"]
        if told["does"] == "drop":
            self.transport.abort()
        await asyncio.Event().wait()

    async def _handle_client(self):
        served.add(self)
        try:
            crowded = len(served) > fault().get("connections", 1000)
            said = "421 4.7.0 too many connections" if crowded else await self.fails("CONNECT", "")
            if said:
                await self.push(said)
                self.transport.close()
                return
            await super()._handle_client()
        finally:
            served.discard(self)

    async def smtp_DATA(self, arg):
        told = fault()
        if told.get("at") == "BODY":
            if told["does"] == "stall":
                # Whoever does not read never hears that the other side has gone.
                self.transport.pause_reading()
                served.discard(self)
                asyncio.get_running_loop().call_later(5, self.transport.abort)
            await self.push("354 go on")
            if told["does"] == "drop":
                await self._reader.readline()
                self.transport.abort()
            await asyncio.Event().wait()
        await wrapped(self, "DATA", arg)


async def wrapped(server, at, arg):
    said = await server.fails(at, arg)
    if said:
        await server.push(said)
    else:
        await getattr(SMTP, f"smtp_{at}")(server, arg)


for step in ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT"]:
    setattr(Faulty, f"smtp_{step}", lambda self, arg, step=step: wrapped(self, step, arg))


def context(name):
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


def factory(tls, secured):
    more = {"auth_required": True, "authenticator": login, "auth_require_tls": False} if secured else {}
    if tls:
        more |= {"tls_context": tls, "require_starttls": True}
    return lambda: Faulty(Handler(), hostname="localhost", enable_SMTPUTF8=True, data_size_limit=fault().get("size", 33554432), **more)


async def main():
    ways = {
        "plain": (factory(None, False), None),
        "starttls": (factory(context("good"), True), None),
        "stripped": (factory(None, True), None),
        "expired": (factory(context("expired"), True), None),
        "othername": (factory(context("othername"), True), None),
        "tls": (factory(None, True), context("good")),
    }
    ports = {}
    for name, (make, tls) in ways.items():
        listener = socket.socket()
        # A reader that stalls must be felt after a few pieces of a message.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        await asyncio.get_running_loop().create_server(make, sock=listener, ssl=tls)
        ports[name] = listener.getsockname()[1]
    (folder / "ports.new").write_text(json.dumps(ports))
    (folder / "ports.new").rename(folder / "ports")
    await asyncio.Event().wait()


asyncio.run(main())
