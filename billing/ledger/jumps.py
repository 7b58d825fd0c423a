"""What the database refuses because its clock was set while a transaction ran: no defect of ours.

A hold must be of the minute in which it is written. Where the clock leaps ahead between the lock,
which tells the instant, and the writing, an honest hold is refused like one that lies.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from django.db import IntegrityError, connection

from billing.ledger.errors import ClockMoved

_OF_THE_MINUTE = frozenset({"allocation_takes_live_credit", "counted_use_is_left"})
_HAS_LEAPT = """
    SELECT clock_timestamp()
           + COALESCE((SELECT clock_offset FROM billing_wallet WHERE id = %s), interval '0')
           - interval '1 minute' >= %s
"""


@contextlib.contextmanager
def told(wallet_id: str, *, now: datetime) -> Iterator[None]:
    """Tell a refusal of a rule of the minute as what it is, where the clock has leapt.

    Where it has not, what was refused is a mistake of the program, and stays one.

    Args:
        now: what the database said when the wallet was locked.

    Raises:
        ClockMoved: the clock has been set meanwhile; nothing can be written any more.
    """
    try:
        yield
    except IntegrityError as refused:
        diagnosis = getattr(refused.__cause__, "diag", None)
        if diagnosis is None or diagnosis.constraint_name not in _OF_THE_MINUTE:
            raise
        if not _has_leapt(wallet_id, now):
            raise
        raise ClockMoved from refused


def _has_leapt(wallet_id: str, now: datetime) -> bool:
    """Ask the clock by a session of its own: the one that was refused answers nothing more."""
    with contextlib.closing(connection.copy()) as another, another.cursor() as cursor:
        cursor.execute(_HAS_LEAPT, [wallet_id, now])
        [(has_leapt,)] = cursor.fetchall()
    return bool(has_leapt)
