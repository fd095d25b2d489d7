"""Who may speak to a control plane: its certificates, its keys and its users."""

import base64
import datetime
import ipaddress
import json
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADMIN = "admin"
# Certificates are valid whatever a machine's clock says about this year.
SINCE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
UNTIL = datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a user shows: a token, or a certificate and its key in PEM."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""


class Credentials:
    """A certificate authority and what the API server reads, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Write authority, server certificate, service account key and token file."""
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("aryl-tests-authority")
        self.authority = _pem(
            _built(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.admin = Identity(token=secrets.token_hex(16))
        self._write_server()
        account_key = _key_pem(ec.generate_private_key(ec.SECP256R1()))
        (folder / "accounts.key").write_bytes(account_key)
        (folder / "authority.crt").write_bytes(self.authority)
        (folder / "tokens.csv").write_text(f'{self.admin.token},{ADMIN},1,"system:masters"\n')

    def user(self, name: str, groups: Sequence[str] = ()) -> Identity:
        """Somebody whom the API server knows from now on, by a certificate; `admin` is there."""
        if name == ADMIN:
            return self.admin
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _built(_named(name, groups), self._name, key).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        return Identity(
            certificate=_pem(builder.sign(self._key, hashes.SHA256())), key=_key_pem(key)
        )

    def context(self, identity: Identity) -> ssl.SSLContext:
        """What a client needs to trust the server, and to show a certificate if it has one."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        if identity.certificate:
            with NamedTemporaryFile(dir=self.folder, suffix=".pem") as both:  # ssl reads files only
                both.write(identity.certificate + identity.key)
                both.flush()
                context.load_cert_chain(both.name)
        return context

    def kubeconfig(self, path: Path, server: str, identity: Identity) -> Path:
        """Write a kubeconfig for one identity, which needs no other file."""
        user = {
            "token": identity.token,
            "client-certificate-data": base64.b64encode(identity.certificate).decode(),
            "client-key-data": base64.b64encode(identity.key).decode(),
        }
        cluster = {
            "server": server,
            "certificate-authority-data": base64.b64encode(self.authority).decode(),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": {k: v for k, v in user.items() if v}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
            "current-context": "tests",
        }
        path.write_text(json.dumps(config))
        return path

    def _write_server(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        server = _built(_named("kube-apiserver"), self._name, key).add_extension(
            names, critical=False
        )
        (self.folder / "server.crt").write_bytes(_pem(server.sign(self._key, hashes.SHA256())))
        (self.folder / "server.key").write_bytes(_key_pem(key))


def _named(name: str, groups: Sequence[str] = ()) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _built(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=SINCE,
        not_valid_after=UNTIL,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
