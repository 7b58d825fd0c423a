"""How a redemption code is written, and read from what a person types. Pure.

Twenty digits of Crockford's base 32, a hundred random bits, in groups of four. The first group is
kept in clear, so that people can speak of a code; the rest is kept as a hash alone.
"""

import hashlib
import re
import unicodedata
from typing import Final

DIGITS: Final = 20
BITS: Final = 5 * DIGITS
PREFIX_LENGTH: Final = 4
TYPED_LENGTH_MAX: Final = 64
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE: Final = re.compile(rf"[{_ALPHABET}]{{{DIGITS}}}")
# What people write between the groups, and the letters that are no digits here because they look
# like one.
_TYPED: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BETWEEN: Final = re.compile(r"[\s\-\u2010-\u2015_.\u00b7]+")


def written(number: int, *, digits: int = DIGITS) -> str:
    """Return a code's digits: those of `number`, which has at most five bits for each."""
    assert 0 <= number < 1 << 5 * digits
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(digits)))


def grouped(code: str) -> str:
    """Return a code as people get it: `ABCD-EFGH-JKMN-PQRS-TVWX`."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def read(typed: str) -> str | None:
    """Return the code that a person meant; None when it can be none.

    Small and full-width letters, blanks and hyphens anywhere, O for 0, and I or L for 1 do not
    matter.
    """
    plain = plain_of(typed)
    return plain if _CODE.fullmatch(plain) else None


def plain_of(typed: str) -> str:
    """Return what a person typed as digits of a code; "" for what is too long to be any."""
    if len(typed) > TYPED_LENGTH_MAX:
        return ""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", typed)).upper().translate(_TYPED)


def digest_of(code: str) -> bytes:
    """Return what is stored of a code. Its hundred random bits need no slow hash."""
    return hashlib.sha256(code.encode()).digest()
