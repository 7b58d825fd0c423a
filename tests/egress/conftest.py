"""Whoever is called from here: receivers that really listen, on the loopback."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.egress.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return one that takes messages."""
    with Receiver() as listening:
        yield listening


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return the file of a certificate (and its key) for hooks.example.com, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    day = timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), False)  # noqa: FBT003 (as in the library)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)  # noqa: FBT003 (as above)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "hooks.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file
