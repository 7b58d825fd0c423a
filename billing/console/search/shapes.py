"""What a text that somebody looks for can be, by how it is written. Pure.

A text may be several things: a platform may call an account whatever it likes.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from billing.accounts.external_ids import is_external_id
from billing.promotions import codes

LENGTH_MAX: Final = 320  # the longest e-mail address


class Way(StrEnum):
    """A way in which something is found; each asks the database by an index."""

    ROW = "row"  # by an id of ours
    STRIPE = "stripe"  # by an id of Stripe's
    NAME = "name"  # the platform's name for an account
    EMAIL = "email"
    PHONE = "phone"
    MARK = "mark"  # the fingerprint of a card, or what marks a device
    CODE = "code"  # a code to redeem
    TASK = "task"  # the id of a task at its backend
    REQUEST = "request"


_OURS: Final = re.compile(r"[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{35}")
_STRIPES: Final = re.compile(r"(pi|py|ch|in|sub|cus|cs|re|pyr|dp|du|evt)_[A-Za-z0-9_]{1,250}")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PHONE: Final = re.compile(r"(\+|00)[0-9][0-9 ().-]{5,30}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_REQUEST: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TASK_LENGTH_MAX: Final = 200


def _is_ours(text: str) -> bool:
    return _OURS.fullmatch(text) is not None


def _is_stripes(text: str) -> bool:
    return _STRIPES.fullmatch(text) is not None and not _is_ours(text)


def _is_email(text: str) -> bool:
    return (_EMAIL.fullmatch(text) or _SHA256.fullmatch(text)) is not None


def _is_phone(text: str) -> bool:
    return (_PHONE.fullmatch(text) or _SHA256.fullmatch(text)) is not None


def _is_mark(text: str) -> bool:
    return text.isprintable() and not _is_ours(text) and not _is_stripes(text)


def _is_code(text: str) -> bool:
    return codes.read(text) is not None


def _is_task(text: str) -> bool:
    return len(text) <= _TASK_LENGTH_MAX and text.isprintable() and not _is_ours(text)


def _is_request(text: str) -> bool:
    return _REQUEST.fullmatch(text) is not None


# In the order in which what is found is shown.
_TABLE: Final[tuple[tuple[Way, Callable[[str], bool]], ...]] = (
    (Way.ROW, _is_ours),
    (Way.STRIPE, _is_stripes),
    (Way.NAME, is_external_id),
    (Way.EMAIL, _is_email),
    (Way.PHONE, _is_phone),
    (Way.MARK, _is_mark),
    (Way.CODE, _is_code),
    (Way.TASK, _is_task),
    (Way.REQUEST, _is_request),
)
assert {way for way, _fits in _TABLE} == set(Way)


def ways_of(text: str) -> list[Way]:
    """Return all that a text can be; of one that is too long or empty nothing."""
    if not 0 < len(text) <= LENGTH_MAX:
        return []
    return [way for way, fits in _TABLE if fits(text)]
