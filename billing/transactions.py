"""Boundaries that defend themselves: what needs a transaction, and what must not be inside one."""

from collections.abc import Callable
from threading import Event
from typing import Final

from django.db import Error, close_old_connections, connection

# A restart, a failover or a lock that somebody holds: most are over within these together.
PAUSES_SECONDS: Final = (0.5, 1.5, 4.0, 9.0)


def require_transaction(what: str) -> None:
    """Refuse to run outside a transaction: `what` locks rows and must not half-happen."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{what} must run inside a transaction.")


def forbid_transaction(what: str) -> None:
    """Refuse to run inside a transaction: `what` waits on the network while rows are locked.

    The block that Django's TestCase wraps around a test does not count; this is the same
    question that `atomic(durable=True)` asks.
    """
    blocks = connection.atomic_blocks
    # Django has no public word for it; `durable=True` reads the same attribute.
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError(f"{what} must run outside any transaction.")


def patiently(record: Callable[[], None]) -> None:
    """Commit what nobody says a second time: again a few times where the database does not take it.

    A commit of which no answer came may have happened, so a repeat must change nothing.

    Raises:
        Error: it was not taken at last. What else `record` raises is raised at once.
    """
    forbid_transaction("patiently")
    for pause in PAUSES_SECONDS:
        try:
            record()
        except Error:
            close_old_connections()
            Event().wait(pause)
        else:
            return
    record()
