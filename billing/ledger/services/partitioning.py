"""Have a place ready for the entries of the months to come."""

from typing import Final

import structlog
from django.db import connection, transaction

MONTHS_AHEAD: Final = 3
_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def make_partitions(*, ahead: int = MONTHS_AHEAD) -> int:
    """Have this month's partition of the entries and those ahead; return how many were made.

    A repeat makes nothing. What strayed into the default partition, in a month that had none of
    its own, is moved to its month; what is still astray was written by a process whose clock is
    far ahead, and is said in the log. The SQL function has its owner's rights: the application
    makes no tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_make_partitions(%s)", [ahead])
        (made,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM billing_entry_default")
        (astray,) = cursor.fetchone()
    if astray:
        _log.error("entries_are_astray", entries=astray)
    assert isinstance(made, int)
    return made
