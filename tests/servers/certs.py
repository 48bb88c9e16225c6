"""Certificates for the mail servers of the tests, signed by an authority of their own.

usage: certs.py FOLDER
Writes ca.pem, and for each of good, expired and othername a NAME.pem and NAME.key.
"""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)
HERE = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
ELSEWHERE = [x509.DNSName("mail.elsewhere.example")]


def signed(subject, key, issuer, issuer_key, names, ends):
    """A certificate; without names it is an authority."""
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def write(folder):
    """All of them into a folder."""
    authority = ec.generate_private_key(ec.SECP256R1())
    pem = lambda cert: cert.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem(signed("Test CA", authority, "Test CA", authority, [], 2 * DAY)))
    for what, names, ends in [("good", HERE, 2 * DAY), ("expired", HERE, -2 * DAY), ("othername", ELSEWHERE, 2 * DAY)]:
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{what}.pem").write_bytes(pem(signed("localhost", key, "Test CA", authority, names, ends)))
        (folder / f"{what}.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]))
