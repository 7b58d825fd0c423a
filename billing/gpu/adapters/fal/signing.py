"""Checks who signed a callback, by fal's published Ed25519 keys, and that it is no old one.

No callback names its key, so each published one is tried. They are kept for a day at most, and
asked for again when none of them fits: fal may have a new one. Whoever sends forgeries cannot
make us ask more often than once a minute, also while nobody answers.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from billing.gpu.reading import Unreadable, part, read_object

_KEPT: Final = timedelta(hours=24)
_ASKED_AGAIN: Final = timedelta(minutes=1)
_TOLERANCE_SECONDS: Final = 300
_STAMP_DIGITS_MAX: Final = 12
_KEYS_MAX: Final = 20

Fetch = Callable[[], bytes]


@dataclass(frozen=True)
class _Kept:
    """The keys that were published at an instant."""

    keys: tuple[Ed25519PublicKey, ...]
    asked_at: datetime


# By address, in each process. Two threads that ask at once both learn the same.
_kept: dict[str, _Kept] = {}
_failed_at: dict[str, datetime] = {}


def is_signed(
    headers: Mapping[str, str], body: bytes, *, address: str, fetch: Fetch, now: datetime
) -> bool:
    """Say whether fal vouched for `body` within five minutes of `now`, before or after.

    Args:
        address: where the keys are published; those that were fetched from it are kept.
        fetch: brings what stands there; it may raise, and then nothing is known.

    Raises:
        Unreadable: what is published is no set of keys.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get("x-fal-webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= _STAMP_DIGITS_MAX):
        return False
    if abs(now.timestamp() - int(stamp)) > _TOLERANCE_SECONDS:
        return False
    try:
        signature = bytes.fromhex(given.get("x-fal-webhook-signature", ""))
    except ValueError:
        return False
    said = (
        given.get("x-fal-webhook-request-id", ""),
        given.get("x-fal-webhook-user-id", ""),
        stamp,
        hashlib.sha256(body).hexdigest(),
    )
    message = "\n".join(said).encode()
    kept = _kept.get(address)
    if kept is None or now - kept.asked_at >= _KEPT:
        kept = _asked(address, fetch, now)
    if _fits(kept, signature, message):
        return True
    if now - kept.asked_at < _ASKED_AGAIN:
        return False
    return _fits(_asked(address, fetch, now), signature, message)


def read_keys(published: bytes) -> tuple[Ed25519PublicKey, ...]:
    """Return the Ed25519 keys of a JSON Web Key Set; keys of other kinds are passed over.

    Raises:
        Unreadable: it is no such set, or holds no such key.
    """
    named = read_object(published).get("keys")
    found = [_key_of(one) for one in (named if isinstance(named, list) else [])[:_KEYS_MAX]]
    keys = tuple(key for key in found if key is not None)
    if not keys:
        raise Unreadable("It holds no Ed25519 key.")
    return keys


def _asked(address: str, fetch: Fetch, now: datetime) -> _Kept:
    """Return the keys that are published now.

    Raises:
        Unreadable: they could not be read, or not a moment ago: then nobody is asked.
    """
    failed_at = _failed_at.get(address)
    if failed_at is not None and timedelta() <= now - failed_at < _ASKED_AGAIN:
        raise Unreadable("The keys could not be read a moment ago.")
    try:
        kept = _kept[address] = _Kept(read_keys(fetch()), now)
    except Exception:
        _failed_at[address] = now
        raise
    return kept


def _fits(kept: _Kept, signature: bytes, message: bytes) -> bool:
    for key in kept.keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def _key_of(named: object) -> Ed25519PublicKey | None:
    x = part(named, "x")
    if not isinstance(x, str) or part(named, "crv") not in (None, "Ed25519"):
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{x}=="))
    except (ValueError, binascii.Error):
        return None
