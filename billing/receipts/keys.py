"""The key that signs: RECEIPT_KEY, as PEM or as the base64 of its 32 bytes."""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.receipts.form import kid_of

_WANTED = "RECEIPT_KEY is an Ed25519 private key: PEM, or the base64 of its 32 random bytes."


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, with the name and the 32 bytes of its public half."""

    kid: str
    public_bytes: bytes
    private: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature; the same message is always signed the same."""
        return self.private.sign(message)


def signing_key() -> SigningKey:
    """Return the key of this process.

    Raises:
        ImproperlyConfigured: RECEIPT_KEY is no such key.
    """
    return _read(settings.RECEIPT_KEY)


@lru_cache(maxsize=4)
def _read(text: str) -> SigningKey:
    private = _pem(text) if text.lstrip().startswith("-----BEGIN") else _seed(text)
    public = private.public_key().public_bytes_raw()
    return SigningKey(kid_of(public), public, private)


def _pem(text: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ImproperlyConfigured(_WANTED) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(_WANTED)
    return key


def _seed(text: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(_WANTED) from None
