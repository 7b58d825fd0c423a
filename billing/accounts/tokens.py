"""Whose a token is: one declared algorithm, issuer, audience and key set, and nothing else.

What a token says about how to check it is never followed: `jku`, `jwk`, `x5u` and `x5c` are not
read, `kid` only picks from the configured set, and `crit` is refused.
"""

import base64
import binascii
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings

from billing.accounts import external_ids, surfaces
from billing.accounts.keys import KeysAway, declared_algorithm, key_for
from billing.http.parsing import loads_strict

__all__ = ["Bearer", "InvalidToken", "KeysAway", "sign", "verify"]

LEEWAY_SECONDS: Final = 5  # two honest clocks differ by less
LIFETIME_SECONDS_MAX: Final = 366 * 24 * 3600  # a token that outlives this was made by mistake
_LENGTH_MAX: Final = 8192
_SEGMENTS: Final = 3
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class InvalidToken(Exception):
    """The token proves nothing; the text says why, for the log and not for the caller."""


@dataclass(frozen=True)
class Bearer:
    """What a good token says.

    Attributes:
        subject: the account's external id.
        is_sandbox: the token plays only.
        surface: the way in that its bearer uses; "" where it says none.
        expires_at: until when it is good; None was never verified.
    """

    subject: str
    is_sandbox: bool
    surface: str = ""
    expires_at: datetime | None = field(default=None, compare=False)  # not who its bearer is


def verify(token: str, *, now: datetime) -> Bearer:
    """Return what the token says, if everything about it is as configured.

    Raises:
        InvalidToken: anything is not.
        KeysAway: the key set cannot be fetched, so nothing can be said.
    """
    header, claims = _read(token)
    algorithm = declared_algorithm()
    _check_header(header, algorithm)
    key = key_for(header.get("kid"))
    if key is None:
        raise InvalidToken("No key of that name.")
    try:
        jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=settings.JWT_ISSUER,
            audience=settings.JWT_AUDIENCE,
            options={
                "require": ["exp", "iss", "aud", "sub"],
                # Times are checked below: against the edge's `now`, and by stricter types.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            },
        )
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError) as wrong:
        raise InvalidToken(type(wrong).__name__) from None
    _check_times(claims, now.timestamp())
    return _bearer(claims)


def sign(
    external_id: str,
    *,
    lifetime: timedelta,
    is_sandbox: bool = False,
    surface: str = "",
    now: datetime,
) -> str:
    """Return a token for `external_id`, signed with JWT_PRIVATE_KEY; it verifies here.

    Raises:
        InvalidToken: the token would not verify: no external id, too long a lifetime, a surface
            that is no word, no private key, or one that does not belong to the public key.
    """
    claims: dict[str, Any] = {
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "sub": external_id,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    if is_sandbox:
        claims["sandbox"] = True
    if surface:
        claims["surface"] = surface
    if lifetime <= timedelta():
        raise InvalidToken("A token lasts for some time.")
    if not settings.JWT_PRIVATE_KEY:
        raise InvalidToken("Set JWT_PRIVATE_KEY: without it only your identity provider signs.")
    try:
        token = jwt.encode(claims, settings.JWT_PRIVATE_KEY, algorithm=declared_algorithm())
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError) as wrong:
        raise InvalidToken("JWT_PRIVATE_KEY is no key for JWT_ALGORITHM.") from wrong
    verify(token, now=now)
    return token


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, unverified, read so that each can mean one thing only."""
    segments = token.split(".")
    if len(token) > _LENGTH_MAX or len(segments) != _SEGMENTS:
        raise InvalidToken("Not three segments of at most 8 KiB.")
    header, claims = (_object_in(segment) for segment in segments[:2])
    _decoded(segments[2])
    return header, claims


def _object_in(segment: str) -> dict[str, Any]:
    try:
        found = loads_strict(_decoded(segment))
    except ValueError as wrong:
        raise InvalidToken(f"Unreadable: {wrong}") from None
    if not isinstance(found, dict):
        raise InvalidToken("A segment is no object.")
    return found


def _decoded(segment: str) -> bytes:
    """Return the bytes of a segment that is written in the one canonical way."""
    try:
        raw = segment.encode("ascii")
        found = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidToken("A segment is not base64url.") from None
    if base64.urlsafe_b64encode(found).rstrip(b"=") != raw:
        raise InvalidToken("A segment is not canonical base64url.")
    return found


def _check_header(header: dict[str, Any], algorithm: str) -> None:
    if header.get("alg") != algorithm:
        raise InvalidToken("Not the declared algorithm.")
    if "crit" in header or "b64" in header:
        raise InvalidToken("Critical extensions are not understood here.")
    if "enc" in header or "zip" in header:
        raise InvalidToken("Encrypted or compressed tokens are not understood here.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise InvalidToken("Made for another purpose.")
    if "kid" in header and not isinstance(header["kid"], str):
        raise InvalidToken("A key's name is a text.")


def _check_times(claims: dict[str, Any], now: float) -> None:
    times = {name: _seconds(claims, name) for name in ("exp", "nbf", "iat") if name in claims}
    if times["exp"] <= now - LEEWAY_SECONDS:
        raise InvalidToken("Expired.")
    if times["exp"] > now + LIFETIME_SECONDS_MAX:
        raise InvalidToken("Expires too far in the future.")
    if any(times.get(name, now) > now + LEEWAY_SECONDS for name in ("nbf", "iat")):
        raise InvalidToken("Not valid yet.")


def _seconds(claims: dict[str, Any], name: str) -> float:
    found = claims[name]
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise InvalidToken(f"`{name}` is not a number.")
    return float(found)


def _bearer(claims: dict[str, Any]) -> Bearer:
    subject, sandbox = claims["sub"], claims.get("sandbox", False)
    surface = claims.get("surface", "")
    if not external_ids.is_external_id(subject):
        raise InvalidToken("`sub` is not 1 to 128 visible characters.")
    if not isinstance(sandbox, bool):
        raise InvalidToken("`sandbox` is true or false.")
    if "surface" in claims and not surfaces.is_surface(surface):
        raise InvalidToken("`surface` is no word.")
    return Bearer(
        subject=subject,
        is_sandbox=sandbox,
        surface=surface,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )
