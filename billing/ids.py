"""Public identifiers: a prefix, the millisecond, and 125 random bits; sortable by time."""

import secrets
import time

# Crockford's alphabet in lower case: no i, l, o, u, so that an id can be read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 10  # 50 bits of milliseconds: enough until the year 37648
_RANDOM_DIGITS = 25  # 125 bits
ID_LENGTH_MAX = 48


def new_id(prefix: str) -> str:
    """Return a fresh id such as `job_01k…`: sorts by the millisecond in which it was made.

    The clock only orders; no rule of the ledger reads it.
    """
    return id_of(prefix, time.time_ns() // 1_000_000)


def id_of(prefix: str, milliseconds: int) -> str:
    """Return a fresh id as it is made so many milliseconds after 1970 began, in UTC."""
    chance = secrets.randbits(5 * _RANDOM_DIGITS)
    return f"{prefix}_{_digits(milliseconds, _TIME_DIGITS)}{_digits(chance, _RANDOM_DIGITS)}"


def _digits(number: int, width: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(width)))
