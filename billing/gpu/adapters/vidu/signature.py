"""How Vidu vouches for its callbacks: HMAC-SHA256 over the address and some headers. Pure.

Source: platform.vidu.com, "Callback Signature". The body is not among what is signed: the
signature tells from whom a callback comes and to which address, not what it says.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

ACCESS_KEY: Final = "vidu"
ALGORITHM: Final = "hmac-sha256"
CLOCK_SKEW: Final = timedelta(minutes=5)
_SIGNED_HEADERS_MAX: Final = 10


def signature_of(url: str, headers: Mapping[str, str], *, secret: str) -> str:
    """Return what must stand in `X-HMAC-SIGNATURE` of a callback to `url`.

    Args:
        headers: the callback's, names in lower case; which of them count, they say themselves.
        secret: the token by which the task was ordered.
    """
    address = urlsplit(url)
    signed = headers.get("x-hmac-signed-headers", "").split(";")[:_SIGNED_HEADERS_MAX]
    lines = [
        "POST",
        address.path or "/",
        address.query,
        ACCESS_KEY,
        headers.get("date", ""),
        *(f"{name}:{headers.get(name.lower(), '')}" for name in signed if name),
    ]
    text = "".join(f"{line}\n" for line in lines)
    digest = hmac.new(secret.encode(), text.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_signed(url: str, headers: Mapping[str, str], *, secret: str, now: datetime) -> bool:
    """Say whether a callback to `url` is Vidu's, and was sent within five minutes of `now`."""
    given = {name.lower(): value for name, value in headers.items()}
    stated = (given.get("x-hmac-algorithm", "").lower(), given.get("x-hmac-access-key"))
    if not secret or stated != (ALGORITHM, ACCESS_KEY):
        return False
    expected = signature_of(url, given, secret=secret)
    presented = given.get("x-hmac-signature", "")
    if not hmac.compare_digest(presented.encode("utf-8", "replace"), expected.encode()):
        return False
    try:
        sent_at = parsedate_to_datetime(given.get("date", ""))
    except ValueError:
        return False
    # A date without a zone cannot be compared; Vidu's ends in GMT.
    return sent_at.tzinfo is not None and abs(now - sent_at) <= CLOCK_SKEW
