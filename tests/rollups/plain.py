"""What the sums of days must be, read the plain way: every row there is, one by one, in Python."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from billing.accounts.models import Account
from billing.ids import made_at
from billing.insights import revenue
from billing.jobs.models import Job
from billing.ledger.models import Entry, Grant
from billing.packs.models import PackPurchase
from billing.payments.models import Purchase
from billing.rollups.subjects import Subject, starts_at
from billing.rollups.tables import TABLES
from plans.periods import Window

Days = dict[date, dict[tuple[Any, ...], tuple[int, ...]]]


def stored(subject: Subject) -> Days:
    """Return all that is written down of a subject."""
    table = TABLES[subject]
    found: Days = defaultdict(dict)
    for row in table.model.objects.all():
        key = tuple(getattr(row, name) for name in table.keys)
        found[getattr(row, table.day)][key] = tuple(getattr(row, name) for name in table.sums)
    return dict(found)


def credits_() -> Days:
    """Return the entries in sum."""
    found: Days = defaultdict(dict)
    for entry in Entry.objects.select_related("grant", "wallet"):
        key = (
            *(entry.wallet.is_sandbox, entry.grant.source, entry.kind, entry.cause_type),
            _is_bought(entry.grant),
        )
        _add(found, _day(entry.pk), key, (entry.amount_micros, 1))
    return dict(found)


def jobs() -> Days:
    """Return the jobs in sum; how long they took is left out."""
    found: Days = defaultdict(dict)
    for job in Job.objects.select_related("account"):
        last = job.attempts.order_by("-number").first()
        is_back = job.status in {"failed", "canceled", "expired"} and not job.charged_micros
        key = (
            *(job.account.is_sandbox, job.model, str(job.dimensions["mode"]), job.plan),
            *(last.backend if last else "", job.status, job.failure_class),
        )
        numbers = (1, int(is_back), job.charged_micros or 0, int(job.started_at is not None))
        _add(found, _day(job.pk), key, numbers)
    return dict(found)


def accounts() -> Days:
    """Return who came, ordered and paid."""
    seen: dict[tuple[date, bool], list[set[str]]] = defaultdict(lambda: [set() for _n in range(4)])
    for account in Account.objects.all():
        seen[_day(account.pk), account.is_sandbox][0].add(account.pk)
    for job in Job.objects.select_related("account"):
        seen[_day(job.pk), job.account.is_sandbox][1].add(job.account_id)
    paid: set[str] = set()
    for purchase in Purchase.objects.select_related("account").order_by("paid_at"):
        place = purchase.paid_at.date(), purchase.account.is_sandbox
        seen[place][2].add(purchase.account_id)
        if purchase.account_id not in paid:
            seen[place][3].add(purchase.account_id)
            paid.add(purchase.account_id)
    found: Days = defaultdict(dict)
    for (day, is_sandbox), sets in seen.items():
        found[day][is_sandbox,] = tuple(map(len, sets))
    return dict(found)


def money(until: date) -> Days:
    """Return money as the books tell it of each day up to one: every purchase is read for each."""
    found: Days = defaultdict(dict)
    day = Purchase.objects.earliest("paid_at").paid_at.date()
    while day <= until:
        window = Window(str(day), starts_at(day), starts_at(day + timedelta(days=1)))
        for is_sandbox in (False, True):
            for currency, [sums] in revenue.history_of([window], is_sandbox=is_sandbox).items():
                found[day][is_sandbox, currency] = (
                    *(sums.sold_micros, sums.returned_micros, sums.used_micros),
                    *(sums.expired_micros, sums.closing_micros),
                )
        day += timedelta(days=1)
    return dict(found)


def _is_bought(grant: Grant) -> bool:
    is_bonus = PackPurchase.objects.filter(bonus_grant=grant, paid_micros__gt=0).exists()
    is_window = ":sub_" in grant.series and not grant.fact.startswith("trial:")
    return grant.paid_micros > 0 or is_bonus or is_window


def _day(name: str) -> date:
    return made_at(name).date()


def _add(found: Days, day: date, key: tuple[Any, ...], numbers: tuple[int, ...]) -> None:
    before = found[day].get(key, (0,) * len(numbers))
    found[day][key] = tuple(a + b for a, b in zip(before, numbers, strict=True))
