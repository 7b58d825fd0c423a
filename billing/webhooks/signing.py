"""Secrets of endpoints: made, kept sealed, and used to sign (Standard Webhooks)."""

import base64
import binascii
import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac
from standardwebhooks import Webhook

from billing.webhooks.models import SEALED

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
_SHORTEST_BYTES, _LONGEST_BYTES = 24, 64  # what the standard demands
_SALT: Final = "billing.webhooks.signing"


class SecretUnreadable(Exception):
    """A sealed secret does not open: it was sealed under a SECRET_KEY that is no more."""


def new_secret() -> str:
    """Return a fresh secret: `whsec_` and 256 random bits."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Return if `secret` can be trusted to sign.

    Raises:
        ValueError: it is empty, short, long, or not of the form `whsec_` and base64. An empty
            one would let anybody forge messages in our name.
    """
    try:
        length = len(base64.b64decode(secret.removeprefix(_PREFIX), validate=True))
    except binascii.Error:
        length = 0
    if not secret.startswith(_PREFIX) or not _SHORTEST_BYTES <= length <= _LONGEST_BYTES:
        raise ValueError("A webhook secret is whsec_ and 24 to 64 bytes in base64.")


def seal(secret: str) -> str:
    """Return `secret` as it is stored: readable only with this service's SECRET_KEY."""
    check_secret(secret)
    return SEALED + _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Return the secret that `seal` was given.

    Raises:
        SecretUnreadable: it was sealed under a key that is neither SECRET_KEY nor a fallback.
    """
    try:
        secret = _box().decrypt(sealed.removeprefix(SEALED)).decode()
    except InvalidToken:
        raise SecretUnreadable from None
    check_secret(secret)
    return secret


def reveal(body: bytes) -> bytes:
    """Return the JSON object `body` with its member `secret` opened.

    The answer that hands out a secret is kept for ever under its idempotency key; it is kept
    sealed, and opened only on its way out. The same body gives the same bytes.
    """
    told = json.loads(body)
    told["secret"] = unseal(told["secret"])
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def headers(*, event_id: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the headers that prove `body` to be ours, by each of `secrets`, newest first."""
    assert secrets, "nothing is sent unsigned"
    for secret in secrets:
        check_secret(secret)
    signatures = [Webhook(secret).sign(event_id, now, body) for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _box() -> MultiFernet:
    """Return what seals with SECRET_KEY, and opens with it and with its fallbacks."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key_from(key)) for key in keys])


def _key_from(secret_key: str | bytes) -> bytes:
    digest = salted_hmac(_SALT, "fernet", secret=secret_key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)
