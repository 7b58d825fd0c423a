"""Checks every invariant against the rows themselves, and names each row that breaks one.

Nothing here trusts a constraint or a trigger: it finds what somebody wrote past them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction
from django.db.models import F
from django.db.models.fields.tuple_lookups import TupleGreaterThan

from billing.insights import checks
from billing.ledger import chained
from billing.ledger.journal import GENESIS, chain
from billing.ledger.models import Entry


@dataclass(frozen=True, slots=True)
class Breach:
    """One row that breaks one invariant."""

    invariant: str
    row: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.row}: {self.sentence}"


_BATCH: Final = 5000
CHECKS_COUNT: Final = len(checks.ALL) + 1  # and the chains


def breaches() -> Iterator[Breach]:
    """Yield every row that breaks an invariant; none is what is wanted.

    It may take as long as it needs: the session's time limit is lifted for it.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield from _broken_checks()
        yield from _broken_chains()


def _broken_checks() -> Iterator[Breach]:
    for invariant, sentence, sql in checks.ALL:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            for (row,) in cursor.fetchall():
                yield Breach(invariant, row, sentence)


def _broken_chains() -> Iterator[Breach]:
    """Compute each wallet's chain again; after a break the rest of the wallet is trusted again."""
    wallet, digest = "", GENESIS
    for entry in _entries():
        if entry.wallet_id != wallet:
            wallet, digest = entry.wallet_id, GENESIS
        written = bytes(entry.digest)
        expected = _digest(entry, digest)
        if written != expected:
            yield Breach("I4", entry.pk, "the entry is not the one that was written")
        digest = written


def _entries() -> Iterator[Entry]:
    """Yield all entries in the order of their chains, a few thousand in memory at a time."""
    wallet_id, seq = "", 0
    while True:
        batch = list(
            Entry.objects.filter(
                TupleGreaterThan((F("wallet_id"), F("seq")), (wallet_id, seq))
            ).order_by("wallet_id", "seq")[:_BATCH]
        )
        yield from batch
        if len(batch) < _BATCH:
            return
        wallet_id, seq = batch[-1].wallet_id, batch[-1].seq


def _digest(entry: Entry, previous: bytes) -> bytes:
    """Return the digest that `entry` must have, or nothing when its facts cannot be said."""
    try:
        movement = chained.movement_of(entry)
    except (ValueError, AssertionError):
        return b""
    return chain(previous, wallet_id=entry.wallet_id, seq=entry.seq, movement=movement)
