"""A mail server on loopback that keeps a record of every message it was given, for trials that kill the sender.

usage: recorder.py FOLDER [DELAY]
Writes FOLDER/port, then one JSON line to FOLDER/log for each RCPT and for each message as soon as the server has the whole of it: from
that moment the message has arrived, whatever the sender learns of it. DELAY (seconds) is waited before every answer.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP

folder = pathlib.Path(sys.argv[1])
delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
log = open(folder / "log", "a", encoding="utf-8")


def note(**what):
    log.write(json.dumps(what, ensure_ascii=False) + "\n")
    log.flush()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        note(event="rcpt", to=address)
        await asyncio.sleep(delay)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        head = email.message_from_bytes(envelope.content.split(b"\r\n\r\n", 1)[0], policy=email.policy.default)
        for to in envelope.rcpt_tos:
            note(event="message", to=to, id=head["Message-ID"].strip("<>"), subject=str(head["Subject"]), size=len(envelope.content))
        await asyncio.sleep(delay)
        return "250 OK"


async def main():
    make = lambda: SMTP(Handler(), hostname="localhost", enable_SMTPUTF8=True, data_size_limit=None)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    (folder / "port.new").write_text(str(server.sockets[0].getsockname()[1]))
    (folder / "port.new").rename(folder / "port")
    await asyncio.Event().wait()


asyncio.run(main())
