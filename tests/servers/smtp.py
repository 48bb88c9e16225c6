"""A real SMTP server on loopback for the tests: STARTTLS and login required, messages kept as files.

usage: smtp.py FOLDER
Writes FOLDER/port and FOLDER/ca.pem, then serves until killed. While FOLDER/refuse exists, every recipient is refused for now (451);
while FOLDER/drop exists, the connection is cut after DATA, so that the client cannot know.
"""

import asyncio
import datetime
import ipaddress
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])


def signed(subject, key, issuer, issuer_key, ca):
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return (builder if ca else builder.add_extension(names, critical=False)).sign(issuer_key, hashes.SHA256())


def certificate():
    """A certificate authority of the test's own, and the server's certificate signed by it."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = lambda cert: cert.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem(signed("Test CA", authority, "Test CA", authority, True)))
    (folder / "server.pem").write_bytes(pem(signed("localhost", key, "Test CA", authority, False)))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


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


certificate()
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(folder / "server.pem", folder / "key.pem")


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
