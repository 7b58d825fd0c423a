"""How a referral code is written, and read from what a person types. Pure.

Eight digits of Crockford's base 32 in two groups: short enough to be read aloud. It is no secret:
it is made to be passed on, and gives nothing but what the programme gives to everybody.
"""

import re
from typing import Final

from billing.promotions import codes
from billing.promotions.codes import TYPED_LENGTH_MAX

__all__ = ["BITS", "DIGITS", "TYPED_LENGTH_MAX", "grouped", "read", "written"]

DIGITS: Final = 8
BITS: Final = 5 * DIGITS
_CODE: Final = re.compile(rf"[0-9A-Z]{{{DIGITS}}}")


def written(number: int) -> str:
    """Return a code's digits: those of `number`, which has at most `BITS` bits."""
    return codes.written(number, digits=DIGITS)


def grouped(code: str) -> str:
    """Return a code as people get it: `ABCD-EFGH`."""
    return codes.grouped(code)


def read(typed: str) -> str | None:
    """Return the code that a person meant, as `promotions.codes` reads; None: it can be none."""
    plain = codes.plain_of(typed)
    return plain if _CODE.fullmatch(plain) else None
