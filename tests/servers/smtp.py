"""A real SMTP server on loopback for the tests: STARTTLS and login required, messages kept as files.

usage: smtp.py FOLDER
Writes FOLDER/port and FOLDER/ca.pem, then serves until killed. While FOLDER/refuse exists, every recipient is refused for now (451);
while FOLDER/drop exists, the connection is cut after DATA, so that the client cannot know.
"""

import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

import certs

folder = pathlib.Path(sys.argv[1])


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if (folder / "refuse").exists():
            return "451 4.7.1 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        (folder / f"{Handler.count:03}.eml").write_bytes(envelope.content)
        (folder / f"{Handler.count:03}.to").write_text("\n".join(envelope.rcpt_tos))
        if (folder / "drop").exists():
            server.transport.abort()
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == b"chenbao" and data.password == "geheim-密码".encode()
    return AuthResult(success=ok)


certs.write(folder)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(folder / "good.pem", folder / "good.key")


class Server(Controller):
    def factory(self):
        return SMTP(self.handler, hostname="localhost", tls_context=context, require_starttls=True, auth_required=True, authenticator=login, enable_SMTPUTF8=True)


async def main():
    controller = Server(Handler(), hostname="127.0.0.1", port=0)
    server = await asyncio.get_running_loop().create_server(controller.factory, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "port.new").write_text(str(port))
    (folder / "port.new").rename(folder / "port")
    await asyncio.Event().wait()


asyncio.run(main())
