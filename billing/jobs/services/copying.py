"""One run at a time copies an attempt's outputs: a long download is not made several times at once.

The outbox calls another worker when one takes long, for it may be dead. Whoever is called then
finds the lease, and leaves the copying to whom it belongs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from billing.jobs.models import Attempt
from billing.transactions import forbid_transaction

# Longer than one output may take to come (60 s). A run that died keeps others away for so long;
# one that takes longer is joined by a second, and whichever ends last throws its copies away.
LEASE: Final = timedelta(seconds=90)


@contextmanager
def alone(attempt_id: str, *, now: datetime) -> Iterator[bool]:
    """Hold the attempt's outputs while they are copied; yield False if another run holds them."""
    forbid_transaction("jobs.copying")
    until = now + LEASE
    attempts = Attempt.objects.filter(pk=attempt_id)
    free = attempts.filter(Q(collecting_until=None) | Q(collecting_until__lte=now))
    if not free.update(collecting_until=until):
        yield False
        return
    try:
        yield True
    finally:
        attempts.filter(collecting_until=until).update(collecting_until=None)
