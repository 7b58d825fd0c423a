"""Checks who signed a callback, by Standard Webhooks, and that it is no old one. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from django.utils.crypto import constant_time_compare
from standardwebhooks import Webhook

_TOLERANCE_SECONDS: Final = 300
_STAMP_DIGITS_MAX: Final = 12


def is_signed(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> bool:
    """Say whether whoever has the secret vouched for `body` within five minutes of `now`.

    The instant counts on both sides: a callback from the future is as wrong as an old one.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS_MAX):
        return False
    if abs(now.timestamp() - int(stamp)) > _TOLERANCE_SECONDS:
        return False
    try:
        said = body.decode()
    except UnicodeDecodeError:
        return False
    signature = Webhook(secret).sign(
        given.get("webhook-id", ""), datetime.fromtimestamp(int(stamp), UTC), said
    )
    # Several may stand there while a secret is being replaced.
    offered = given.get("webhook-signature", "").split(" ")
    return any(constant_time_compare(one, signature) for one in offered)
