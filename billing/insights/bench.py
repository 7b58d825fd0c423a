"""Measures the hot path beside its limit: the same row changes, by SQL that decides nothing.

Both sides run in one process on one connection, in turns, so that what disturbs one disturbs
the other. A fast wrong answer is a failure: after the runs every invariant is checked.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ids import new_id
from billing.insights import audit, bench_card
from billing.insights.bench_limit import Limit
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, GrantTerms
from plans import orders, rating
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.credits import MICROS

ROUNDS: Final = 5
_ROWS: Final = bench_card.ROWS
GRANTS: Final = 4
_ACTOR: Final = Actor("system", "bench")
_CAUSE: Final = Cause("operator", "bench")
_SPEC: Final = {"model": "kling-v1-6", "mode": "std", "seconds": 5}
_SHORT: Final = "limit: quote on a card of ten rows"
Step: TypeAlias = tuple[str, Callable[[], object], str | None]  # name, call, name of its limit
_ORDER: Final = JobOrder(spec=_SPEC, inputs={"prompt": "a bench"})


@dataclass(frozen=True, slots=True)
class Case:
    """What one case brought.

    Attributes:
        per_second: the median of the rounds; `low` and `high` are the slowest and the fastest.
        p50_ms, p99_ms: over all calls of all rounds.
        ratio: `per_second` as a share of its limit's; None for a case without one.
    """

    name: str
    per_second: float
    low: float
    high: float
    p50_ms: float
    p99_ms: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All cases, and how many rows broke an invariant afterwards."""

    calls: int
    cases: Sequence[Case]
    mismatches: int


@dataclass(slots=True)
class Scene:
    """One wallet with several grants, and the calls that are measured on it."""

    account: Account
    now: datetime
    catalog: Catalog
    to_cancel: str = ""
    to_release: str = ""

    def quote(self) -> None:
        """Price an order."""
        order = orders.read_order(self.catalog, _SPEC)
        rating.rate(self.catalog, order.dimensions, at=self.now)

    def hold(self) -> str:
        """Set a credit aside."""
        with transaction.atomic(durable=True):
            catalog = plans.current().catalog
            held = ledger.hold(
                ledger.lock_wallet(self.account, catalog=catalog),
                amount_micros=MICROS,
                reference=new_id("bench"),
                catalog=catalog,
                facts={},
                standing=frozenset(),
                cause=_CAUSE,
                actor=_ACTOR,
            )
        self.to_release = held.pk
        return held.pk

    def life(self) -> None:
        """Set a credit aside and spend it."""
        hold_id = self.hold()
        with transaction.atomic(durable=True):
            locked = ledger.lock_wallet(self.account, catalog=plans.current().catalog)
            ledger.capture(
                locked, hold_id=hold_id, amount_micros=MICROS, cause=_CAUSE, actor=_ACTOR
            )
        self.to_release = ""

    def submit(self, *, dispatch_at: datetime | None = None) -> None:
        """Order a video; no backend has it before `dispatch_at`."""
        with transaction.atomic(durable=True):
            job = jobs.submit(account=self.account, order=_ORDER, actor=_ACTOR, now=self.now)
            if dispatch_at is not None:
                Job.objects.filter(pk=job.pk).update(dispatch_at=dispatch_at)
        self.to_cancel = job.pk

    def settle(self) -> None:
        """Touch the wallet."""
        with transaction.atomic(durable=True):
            ledger.settle(ledger.lock_wallet(self.account, catalog=plans.current().catalog))

    def tidy(self) -> None:
        """End what a call left open, unmeasured: a wallet has few open holds and jobs at once."""
        if self.to_release:
            with transaction.atomic(durable=True):
                locked = ledger.lock_wallet(self.account, catalog=plans.current().catalog)
                ledger.release(locked, hold_id=self.to_release, cause=_CAUSE, actor=_ACTOR)
            self.to_release = ""
        if self.to_cancel:
            with transaction.atomic(durable=True):
                jobs.cancel(job=Job(pk=self.to_cancel), actor=_ACTOR, now=self.now)
            self.to_cancel = ""


def run(*, calls: int, now: datetime) -> Report:
    """Run every case in turns, `calls` times a round; leave a sandbox account behind.

    Args:
        calls: calls of each case in each of the five rounds.
        now: stamped on what the jobs' side writes.
    """
    scene = Scene(account=rich_account(now), now=now, catalog=plans.current().catalog)
    short_card = _on_card(bench_card.card(10), bench_card.spec(10), now)
    long_card = _on_card(bench_card.card(_ROWS), bench_card.spec(_ROWS), now)
    ranged_card = _on_card(bench_card.ranged_card(_ROWS), bench_card.ranged_spec(_ROWS), now)
    with Limit(owner()) as limit:
        plan: list[Step] = [
            ("quote in the pure core", scene.quote, None),
            (_SHORT, short_card, None),
            (f"quote on a card of {_ROWS} rows", long_card, _SHORT),
            (f"quote on a card of {_ROWS} range rows", ranged_card, _SHORT),
            ("limit: rows of a hold", limit.hold, None),
            ("hold", scene.hold, "limit: rows of a hold"),
            ("limit: rows of a hold and its end", limit.life, None),
            ("hold and capture", scene.life, "limit: rows of a hold and its end"),
            ("submit", scene.submit, "limit: rows of a hold"),
            ("settle, nothing due", scene.settle, None),
        ]
        cases = measured(plan, scene, calls=calls)
    return Report(calls=calls, cases=cases, mismatches=sum(1 for _breach in audit.breaches()))


def owner() -> BaseDatabaseWrapper:
    """Return the connection of who may make tables."""
    return connections["owner" if "owner" in settings.DATABASES else DEFAULT_DB_ALIAS]


def measured(plan: Sequence[Step], scene: Scene, *, calls: int) -> list[Case]:
    """Make the calls of a plan, `calls` of each in each round, and return what they brought."""
    seconds: dict[str, list[list[float]]] = {name: [] for name, _call, _limit in plan}
    for _round in range(ROUNDS):
        for name, call, _limit in plan:
            seconds[name].append([_timed(call, scene) for _call in range(calls)])
    medians = {name: _rate(rounds) for name, rounds in seconds.items()}
    return [
        _case(name, seconds[name], medians[name] / medians[beside] if beside else None)
        for name, _call, beside in plan
    ]


def _on_card(catalog: Catalog, spec: Mapping[str, object], now: datetime) -> Callable[[], object]:
    """Return a call that prices the order `spec` on the card of `catalog`."""

    def quote() -> object:
        return rating.rate(catalog, orders.read_order(catalog, spec).dimensions, at=now)

    quote()  # the index is made once
    return quote


def rich_account(now: datetime) -> Account:
    """Return a sandbox account with a million credits in four grants."""
    account = ensure_account(new_id("bench"), zone="UTC", is_sandbox=True, now=now)
    for number in range(GRANTS):
        with transaction.atomic(durable=True):
            ledger.grant(
                ledger.lock_wallet(account, catalog=plans.current().catalog),
                GrantTerms(amount_micros=250_000 * MICROS, source="bench", fact=f"bench:{number}"),
                cause=_CAUSE,
                actor=_ACTOR,
            )
    return account


def _timed(call: Callable[[], object], scene: Scene) -> float:
    started = time.perf_counter()
    call()
    taken = time.perf_counter() - started
    scene.tidy()
    return taken


def _rate(rounds: Sequence[Sequence[float]]) -> float:
    return statistics.median(len(one) / sum(one) for one in rounds)


def _case(name: str, rounds: Sequence[Sequence[float]], ratio: float | None) -> Case:
    rates = [len(one) / sum(one) for one in rounds]
    percentiles = statistics.quantiles((s for one in rounds for s in one), n=100)
    return Case(
        name=name,
        per_second=_rate(rounds),
        low=min(rates),
        high=max(rates),
        p50_ms=percentiles[49] * 1000,
        p99_ms=percentiles[98] * 1000,
        ratio=ratio,
    )
