"""Measures holds in databases of ten thousand to ten million entries, beside the limit.

A hold should cost the same in all of them. Everything stands in a database of its own, which is
made by the owner of the tables, a superuser, and dropped at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import connection

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ids import new_id
from billing.insights import audit
from billing.insights.bench import card, history
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Case, Effort, Report, Side, interleaved, reported
from billing.insights.bench.hands import Deed, alone
from billing.insights.bench.limit import Limit
from billing.insights.bench.place import settled, throw_away_database
from billing.insights.bench.reading import Reader
from billing.insights.bench.scene import Scene
from plans.catalog import publish

WALLETS: Final = 10  # share the entries; the measured one is among them
SPAN: Final = timedelta(days=730)
HOLD: Final = "hold"
READ: Final = "balance"
_PAGE: Final = "first page of the ledger"
_ROWS: Final = "limit: rows of a hold"
_HOLD_GOAL: Final = 0.15
_READ_GOAL: Final = 0.10
_ENTRY_BYTES: Final = 2_000  # with its share of a hold, indexes and what writes them


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured with so many entries, spread over so many partitions."""

    entries: int
    partitions: int
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Growth:
    """All sizes, and how many rows broke an invariant at the end."""

    sizes: Sequence[Size]
    mismatches: int


def report(asked: Asked) -> Report:
    """Measure at each of the sizes, which grow, in a database that is gone afterwards."""
    with throw_away_database(needed_bytes=max(asked.sizes) * _ENTRY_BYTES):
        publish.publish(card.text(10), now=asked.now)
        growth = grow(sizes=asked.sizes, effort=asked.effort, now=asked.now, tell=asked.tell)
    cases = [case for size in growth.sizes for case in size.cases]
    least, most = growth.sizes[0], growth.sizes[-1]
    notes = [
        drift("hold, p50", _case(least, HOLD).p50_ms, _case(most, HOLD).p50_ms, _HOLD_GOAL),
        drift("balance, p99", _case(least, READ).p99_ms, _case(most, READ).p99_ms, _READ_GOAL),
        drift("limit, p50, for comparison", _case(least, _ROWS).p50_ms, _case(most, _ROWS).p50_ms),
    ]
    return reported(cases, *notes, adrift=growth.mismatches)


def drift(name: str, least: float, most: float, goal: float | None = None) -> str:
    """Return in a sentence how far the largest size is from the smallest.

    Args:
        goal: None: it has none, and says what the machine did meanwhile.
    """
    share = most / least - 1
    told = f"{name}: {share:+.0%} from the smallest to the largest"
    if goal is None:
        return f"{told}."
    return f"{told}; goal {goal:.0%}: {'met' if share <= goal else 'missed'}."


def _case(size: Size, name: str) -> Case:
    return next(case for case in size.cases if case.name.startswith(f"{name} "))


def grow(
    *, sizes: Sequence[int], effort: Effort, now: datetime, tell: Callable[[object], None]
) -> Growth:
    """Fill this database up to each of the sizes, and measure there.

    Args:
        now: the newest instant of what fills the database.
        tell: is called with each case as soon as it was measured: the next size takes ten times
            longer.
    """
    measured: list[Size] = []
    before = 0
    for size in sizes:
        measured.append(_at_size(size, before, effort=effort, now=now))
        for case in measured[-1].cases:
            tell(case)
        before = size
    return Growth(sizes=measured, mismatches=sum(1 for _breach in audit.breaches()))


def _at_size(size: int, before: int, *, effort: Effort, now: datetime) -> Size:
    """Add to `before` entries what is missing, in fresh wallets, and measure in one of them."""
    shares = [(size - before) // WALLETS] * (WALLETS - 1)
    for share in shares:
        _used(share, now)
    account = _used(size - before - sum(shares), now)
    settled()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'billing_entry'::regclass"
        )
        (partitions,) = cursor.fetchone()
    scene, reader = Scene(account=account, now=now), Reader.of(account, now=now)
    at = f"at {size:,} entries"
    with Limit(connection) as limit:
        cases = interleaved(
            [
                Side(f"{_ROWS} {at}", limit.hold(1)),
                Side(f"{HOLD} {at}", partial(alone, Deed(scene.hold)), f"{_ROWS} {at}"),
                Side(f"{READ} {at}", partial(alone, Deed(reader.balance))),
                Side(f"{_PAGE} {at}", partial(alone, Deed(reader.ledger))),
            ],
            effort,
        )
    return Size(entries=size, partitions=partitions, cases=cases)


def _used(entries: int, now: datetime) -> Account:
    """Return an account that has been in use up to yesterday, with so many entries."""
    account = ensure_account(new_id("bench"), zone="UTC", is_sandbox=True, now=now)
    history.give_a_past(account, entries=entries, since=now - SPAN, until=now - timedelta(days=1))
    return account
