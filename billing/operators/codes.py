"""The two kinds of codes by which an operator proves who he is: his device's, and those on paper.

A device's code is RFC 6238's: six digits, SHA-1, a step of 30 seconds, a secret of 160 bits.
"""

import hashlib
import re
import secrets
import unicodedata
from datetime import datetime
from typing import Final

import pyotp

STEP_SECONDS: Final = 30
STEPS_APART_MAX: Final = 1  # a device's clock may be so wrong, and a person so slow
RECOVERY_CODES: Final = 10
TYPED_LENGTH_MAX: Final = 64
_ISSUER: Final = "Linggan"
_RECOVERY_DIGITS: Final = 16  # of 5 bits each: 80, so that a stored hash tells nothing
# Crockford's digits: none is taken for another.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPED: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN: Final = re.compile(r"[\s\-]+")
_DEVICE_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    """Return the secret of a new device, in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, *, name: str) -> str:
    """Return the `otpauth:` address that an authenticator app reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def code_at(secret: str, now: datetime) -> str:
    """Return the code that a device shows."""
    return pyotp.TOTP(secret).at(now)


def step_of(secret: str, typed: str, *, now: datetime, after: int) -> int | None:
    """Return the step of time whose code was typed; None where it is no code that counts.

    Args:
        after: the last step whose code was taken: no code of it, or of one before, counts again.
    """
    present = int(now.timestamp()) // STEP_SECONDS
    for step in range(present - STEPS_APART_MAX, present + STEPS_APART_MAX + 1):
        right = pyotp.TOTP(secret).generate_otp(step)
        if step > after and secrets.compare_digest(right, typed):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return codes for a sheet of paper, as they are written there."""
    return [_grouped(_random_digits()) for _number in range(RECOVERY_CODES)]


def plain_of(typed: str) -> str:
    """Return what was typed as plain digits and letters; "" for what is too long to be a code."""
    if len(typed) > TYPED_LENGTH_MAX:
        return ""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", typed)).upper()


def is_of_a_device(plain: str) -> bool:
    """Say whether this looks like a device's code; else it can only be one on paper."""
    return _DEVICE_CODE.fullmatch(plain) is not None


def digest_of(recovery_code: str) -> bytes:
    """Return what is stored of a code on paper. Its eighty random bits need no slow hash."""
    plain = plain_of(recovery_code).translate(_TYPED)
    return hashlib.sha256(f"recovery code {plain}".encode()).digest()


def _random_digits() -> str:
    return "".join(secrets.choice(_ALPHABET) for _digit in range(_RECOVERY_DIGITS))


def _grouped(digits: str) -> str:
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))
