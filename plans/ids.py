"""Public identifiers, as `billing.ids` makes them; `plans` stands below it and cannot ask it."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = 35
_RANDOM_BITS = 125
ID_LENGTH_MAX = 48


def new_id(prefix: str) -> str:
    """Return a fresh id such as `dft_01k…`: sorts by the millisecond in which it was made."""
    return id_of(prefix, time.time_ns() // 1_000_000)


def id_of(prefix: str, milliseconds: int) -> str:
    """Return a fresh id as it is made so many milliseconds after 1970 began, in UTC."""
    number = (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    digits = (_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(_DIGITS)))
    return f"{prefix}_{''.join(digits)}"
