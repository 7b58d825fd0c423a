"""Reads the keys of receipts."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db.models import QuerySet

from billing.receipts.models import ReceiptKey


def all_keys() -> QuerySet[ReceiptKey]:
    """Return every key that was ever used, the newest first."""
    return ReceiptKey.objects.order_by("-not_before", "id")


def pem_of(key: ReceiptKey) -> str:
    """Return a public key as every program reads it."""
    public = Ed25519PublicKey.from_public_bytes(bytes(key.public_key))
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
