"""One run at a time copies an attempt's outputs: a long download is not made several times at once.

The outbox calls another worker when one takes long, for it may be dead. Whoever is called then
finds the lease, and leaves the copying to whom it belongs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from billing.transactions import forbid_transaction
from plans import asking

# Longer than one output may take to come (60 s). A run that died keeps others away for so long;
# one that takes longer is joined by a second, and whichever ends last throws its copies away.
LEASE: Final = timedelta(seconds=90)
_TAKE: Final = """
    UPDATE billing_attempt SET collecting_until = %(until)s
    WHERE id = %(attempt)s AND (collecting_until IS NULL OR collecting_until <= %(now)s)
    RETURNING id
"""
_GIVE_BACK: Final = """
    UPDATE billing_attempt SET collecting_until = NULL
    WHERE id = %(attempt)s AND collecting_until = %(until)s
"""


@contextmanager
def alone(attempt_id: str, *, now: datetime) -> Iterator[bool]:
    """Hold the attempt's outputs while they are copied; yield False if another run holds them."""
    forbid_transaction("jobs.copying")
    facts = {"attempt": attempt_id, "until": now + LEASE}
    [taken] = asking.ask((_TAKE, facts | {"now": now}))
    if not taken:
        yield False
        return
    try:
        yield True
    finally:
        asking.tell((_GIVE_BACK, facts))
