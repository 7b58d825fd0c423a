"""What a draft would make of real jobs, beside the catalog in force: who pays, and who runs dry."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from billing.accounts.models import Account
from billing.insights import history
from billing.insights.history import Sold
from billing.insights.simulate import Row, Side, brought_by, rerated
from billing.lab import pockets
from billing.lab.drying import Wanted, fares
from plans import burn_order, entitlements
from plans.catalog.offers import Plan
from plans.catalog.schema import Catalog
from plans.errors import Unpriced

NAMED_MAX: Final = 50  # accounts that are named on each side
_STEP: Final = 500  # jobs between two words about how far it is
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared.

    Attributes:
        new, old: the draft, and what is in force.
        as_of: prices are those of the week that begins then, each job at its hour of the week;
            None: each at its own instant.
    """

    new: Catalog
    old: Catalog
    since: datetime
    until: datetime
    as_of: datetime | None = None

    def instant_of(self, job: Sold) -> datetime:
        """Return the instant as of which a job is priced: whole weeks after its own."""
        if self.as_of is None or job.at >= self.as_of:
            return job.at
        return job.at + _WEEK * -((job.at - self.as_of) // _WEEK)


@dataclass(frozen=True, slots=True)
class _Priced:
    """A job, and what it costs by either catalog; None: the draft does not take such an order."""

    job: Sold
    old_micros: int
    new_micros: int | None


@dataclass(slots=True)
class _Lost:
    """Orders that the draft does not take, and what they bring today, in micros of a credit."""

    jobs: int = 0
    credits_micros: int = 0

    def add(self, micros: int) -> None:
        self.jobs += 1
        self.credits_micros += micros


@dataclass(slots=True)
class _Side:
    """The accounts that pay more, or less: how many, by how much in all, and who most."""

    count: int = 0
    micros: int = 0
    most: list[tuple[int, str, int, int]] = field(default_factory=list)

    def add(self, account_id: str, old_micros: int, new_micros: int) -> None:
        change = abs(new_micros - old_micros)
        self.count += 1
        self.micros += change
        entry = (change, account_id, old_micros, new_micros)
        if len(self.most) < NAMED_MAX:
            heapq.heappush(self.most, entry)
        else:
            heapq.heappushpop(self.most, entry)


@dataclass(slots=True)
class _Dry:
    """Accounts on the free plan: how many there are, and which run dry, or sooner."""

    looked_at: int = 0
    newly: int = 0
    sooner: int = 0
    later: int = 0
    most: list[tuple[timedelta, str, dict[str, Any]]] = field(default_factory=list)


@dataclass(slots=True)
class _Effect:
    total: Row = field(default_factory=Row)
    models: dict[str, Row] = field(default_factory=dict)
    modes: dict[str, Row] = field(default_factory=dict)
    plans: dict[str, Row] = field(default_factory=dict)
    unpriced: dict[str, _Lost] = field(default_factory=dict)
    refused: dict[str, _Lost] = field(default_factory=dict)
    not_sold_today: int = 0
    more: _Side = field(default_factory=_Side)
    less: _Side = field(default_factory=_Side)
    same: int = 0
    dry: _Dry = field(default_factory=_Dry)


def measure(question: Question, *, told: Callable[[int], None]) -> dict[str, Any]:
    """Return what the draft would make of the jobs, as JSON can hold it; nothing is written.

    Amounts are whole micros. A job that the draft has no price for, or that its plan would not
    allow any more, is counted with its reason and what it brings today, and stands in no sum. One
    pass; of the accounts, one is in memory at a time.

    Args:
        told: hears how many jobs have been looked at, now and then.
    """
    effect, seen = _Effect(), 0
    sold = history.sold(since=question.since, until=question.until, is_sandbox=False)
    for account_id, jobs in groupby(sold, key=lambda job: job.account_id):
        own: list[_Priced] = []
        old_micros = new_micros = 0
        for job in jobs:
            seen += 1
            if seen % _STEP == 0:
                told(seen)
            priced = _add(effect, job, question)
            if priced is None:
                continue
            if priced.new_micros is not None:
                old_micros += priced.old_micros
                new_micros += priced.new_micros
            if _is_free(job, question):
                own.append(priced)
        _count_account(effect, account_id, old_micros, new_micros)
        if own:
            _look_for_dryness(effect.dry, account_id, own, question)
    told(seen)
    return _written(effect)


def _count_account(effect: _Effect, account_id: str, old_micros: int, new_micros: int) -> None:
    if new_micros > old_micros:
        effect.more.add(account_id, old_micros, new_micros)
    elif new_micros < old_micros:
        effect.less.add(account_id, old_micros, new_micros)
    else:
        effect.same += 1


def _add(effect: _Effect, job: Sold, question: Question) -> _Priced | None:
    """Count a job; return what it costs by either catalog. None: nobody can order it today."""
    at = question.instant_of(job)
    try:
        old_micros = rerated(job, question.old, at=at)
    except Unpriced:
        effect.not_sold_today += 1
        return None
    barrier = _barrier(job, question, at)
    if barrier:
        effect.refused.setdefault(barrier, _Lost()).add(old_micros)
        return _Priced(job, old_micros, None)
    try:
        new_micros = rerated(job, question.new, at=at)
    except Unpriced:
        effect.unpriced.setdefault(job.model, _Lost()).add(old_micros)
        return _Priced(job, old_micros, None)
    old = brought_by(job, question.old, old_micros)
    new = brought_by(job, question.new, new_micros)
    for row in (
        effect.total,
        effect.models.setdefault(job.model, Row()),
        effect.modes.setdefault(str(job.facts.get("mode", "-")), Row()),
        effect.plans.setdefault(job.plan or "-", Row()),
    ):
        row.add(old, new)
    return _Priced(job, old_micros, new_micros)


def _barrier(job: Sold, question: Question, at: datetime) -> str:
    """Return what the draft's plan does not allow of an order that today's does; "": nothing.

    Who subscribes keeps what he was sold, unless the draft moves him.
    """
    new, old = _plan(question.new, job), _plan(question.old, job)
    if new is None or old is None or not (new.free or new.existing == "move"):
        return ""
    known = {one.entitlement for one in entitlements.barriers(question.old, old, job.facts, at=at)}
    for one in entitlements.barriers(question.new, new, job.facts, at=at):
        if one.entitlement not in known:
            return f"{new.code}: {one.entitlement} {job.facts[one.entitlement]}"
    return ""


def _plan(catalog: Catalog, job: Sold) -> Plan | None:
    plan = catalog.plan(job.plan) if job.plan else catalog.free_plan
    return catalog.free_plan if plan is not None and plan.free else plan


def _is_free(job: Sold, question: Question) -> bool:
    free = question.old.free_plan
    return free is not None and job.plan in {"", free.code}


def _look_for_dryness(
    dry: _Dry, account_id: str, own: Sequence[_Priced], question: Question
) -> None:
    """Pay the orders of one account by either catalog from what it had by either."""
    account = Account.objects.select_related("wallet").get(pk=account_id)
    lots = pockets.lots_of(account, since=question.since, until=question.until)
    orders = sorted(own, key=lambda one: one.job.at)
    was = fares(
        lots,
        [Wanted(one.job.at, one.old_micros, one.job.facts) for one in orders],
        rank=burn_order.rank(question.old.burn_order),
    )
    will = fares(
        pockets.by_allowances(
            lots,
            since=question.since,
            old=pockets.given_by(question.old),
            new=pockets.given_by(question.new),
        ),
        [
            Wanted(one.job.at, one.new_micros, one.job.facts)
            for one in orders
            if one.new_micros is not None
        ],
        rank=burn_order.rank(question.new.burn_order),
    )
    dry.looked_at += 1
    ends = question.until
    sooner = (was.first_at or ends) - (will.first_at or ends)
    dry.newly += was.first_at is None and will.first_at is not None
    dry.sooner += sooner > timedelta(0)
    dry.later += sooner < timedelta(0)
    if sooner > timedelta(0):
        row = {
            "old_at": was.first_at.isoformat() if was.first_at else None,
            "new_at": will.first_at.isoformat() if will.first_at else None,
            "orders": will.orders - was.orders,
        }
        entry = (sooner, account.external_id, row)
        push = heapq.heappush if len(dry.most) < NAMED_MAX else heapq.heappushpop
        push(dry.most, entry)


def _written(effect: _Effect) -> dict[str, Any]:
    return {
        "total": _row(effect.total),
        "models": {name: _row(row) for name, row in sorted(effect.models.items())},
        "modes": {name: _row(row) for name, row in sorted(effect.modes.items())},
        "plans": {name: _row(row) for name, row in sorted(effect.plans.items())},
        "unpriced": _lost(effect.unpriced),
        "refused": _lost(effect.refused),
        "not_sold_today": effect.not_sold_today,
        "more": _side(effect.more),
        "less": _side(effect.less),
        "same": effect.same,
        "dry": {
            "looked_at": effect.dry.looked_at,
            "newly": effect.dry.newly,
            "sooner": effect.dry.sooner,
            "later": effect.dry.later,
            "most": [
                {"account": account, "days": sooner.days, **row}
                for sooner, account, row in sorted(effect.dry.most, reverse=True)
            ],
        },
    }


def _row(row: Row) -> dict[str, Any]:
    return {"jobs": row.jobs, "old": _brought(row.old), "new": _brought(row.new)}


def _brought(side: Side) -> dict[str, Any]:
    """Return what some jobs bring; what is unknown of them is counted, and never 0."""
    return {
        "credits_micros": side.credits_micros,
        "revenue_micros": {name: round(micros) for name, micros in sorted(side.revenue.items())},
        "unvalued_micros": side.unvalued_micros,
        "margin_micros": {name: round(micros) for name, micros in sorted(side.margin.items())},
        "margin_jobs": side.margin_jobs,
    }


def _lost(lost: Mapping[str, _Lost]) -> dict[str, Any]:
    return {
        name: {"jobs": one.jobs, "credits_micros": one.credits_micros}
        for name, one in sorted(lost.items())
    }


def _side(side: _Side) -> dict[str, Any]:
    """Return the accounts of a side by their external ids, who changes most first."""
    names = dict(
        Account.objects.filter(pk__in=[key for _change, key, _old, _new in side.most]).values_list(
            "pk", "external_id"
        )
    )
    return {
        "count": side.count,
        "micros": side.micros,
        "most": [
            {"account": names[key], "old_micros": old, "new_micros": new}
            for _change, key, old, new in sorted(side.most, reverse=True)
        ],
    }
