"""Boundaries that defend themselves: what needs a transaction, and what must not be inside one."""

from django.db import connection


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
