"""Public identifiers: a prefix, the millisecond, and 124 random bits; sortable by time.

Of two that one thread makes within a millisecond the second lies a random 112 bits after the first.
"""

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

# Crockford's alphabet in lower case: no i, l, o, u, so that an id can be read aloud.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_DIGITS = 10  # 50 bits of milliseconds: enough until the year 37648
_RANDOM_DIGITS = 25  # 125 bits
ID_LENGTH_MAX = 48
_STEP_BITS = 112  # how far two ids of one millisecond lie apart: nobody guesses the next
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class _Latest(threading.local):
    """What this thread made last."""

    millisecond = -1
    chance = 0


_latest = _Latest()


def new_id(prefix: str) -> str:
    """Return a fresh id such as `job_01k…`: sorts by the millisecond in which it was made.

    What one thread makes within a millisecond sorts in the order in which it was made, so that
    a list tells what happened first. The clock only orders; no rule of the ledger reads it.
    """
    now = time.time_ns() // 1_000_000
    if _latest.millisecond == now:
        _latest.chance += 1 + secrets.randbits(_STEP_BITS)
    else:
        # One bit less than there is room for: the steps of a millisecond never overflow.
        _latest.millisecond, _latest.chance = now, secrets.randbits(5 * _RANDOM_DIGITS - 1)
    return f"{prefix}_{_digits(now, TIME_DIGITS)}{_digits(_latest.chance, _RANDOM_DIGITS)}"


def id_of(prefix: str, milliseconds: int) -> str:
    """Return a fresh id as it is made so many milliseconds after 1970 began, in UTC."""
    chance = secrets.randbits(5 * _RANDOM_DIGITS)
    return f"{prefix}_{_digits(milliseconds, TIME_DIGITS)}{_digits(chance, _RANDOM_DIGITS)}"


def floor_of(prefix: str, instant: datetime) -> str:
    """Return the lowest id that could be made at `instant`: ids from it on are no older."""
    return f"{prefix}_{_digits((instant - _EPOCH) // _MILLISECOND, TIME_DIGITS)}"


def made_at(name: str) -> datetime:
    """Return the millisecond in which an id was made, by the clock of whoever made it.

    Raises:
        ValueError: it is no id of ours.
    """
    digits = name.partition("_")[2][:TIME_DIGITS]
    if len(digits) < TIME_DIGITS:
        raise ValueError(f"{name} is no id.")
    milliseconds = 0
    for digit in digits:
        milliseconds = milliseconds << 5 | ALPHABET.index(digit)
    return _EPOCH + milliseconds * _MILLISECOND


def _digits(number: int, width: int) -> str:
    return "".join(ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(width)))
