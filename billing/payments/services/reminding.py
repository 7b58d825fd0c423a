"""Letters about what is about to happen to contracts, or has: found by looking, not by events.

Each is one fact, so that whoever looks again, however late and however often, writes nothing new.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.accounts.models import Account
from billing.ledger import clocks
from billing.notices.kinds import Fact, Kind, Money
from billing.notices.models import Notice
from billing.payments.models import Contract
from billing.payments.selectors import WRITTEN_BEFORE
from billing.payments.services import mailing
from billing.subscriptions.models import Subscription
from plans import periods
from plans import selectors as plans

_SOON: Final = WRITTEN_BEFORE
# Who has been away for longer than this writes no more of what is over.
_LATEST: Final = timedelta(days=3)
_Status = Contract.Status


@dataclass(frozen=True, slots=True)
class _Reminder:
    kind: Kind
    contract: Contract
    facts: Mapping[str, Fact | None]
    at: datetime

    @property
    def fact(self) -> str:
        """Another end is another fact: who resumes and cancels again is written to again."""
        return f"{self.contract.pk}:{self.kind}:{self.at:%Y%m%d%H%M%S}"


@transaction.atomic(durable=True)
def remind(*, now: datetime) -> int:
    """Whoever has something coming is written to; return how many letters that were.

    Of a trial, an end and the days of grace three days before; of a cancellation, an end
    and a lapse when they are there. Who lives by a test clock has them when that shows it.
    """
    by_clock = Account.objects.filter(customer__lives_by_clock=True, contracts__isnull=False)
    shown = ((one, clocks.clock_of(one)) for one in by_clock.distinct())
    return _write(
        chain(
            _due(Contract.objects.exclude(account__customer__lives_by_clock=True), now),
            *(_due(one.contracts.all(), at) for one, at in shown if at is not None),
        ),
        now=now,
    )


@transaction.atomic(durable=True)
def remind_by_clock(account: Account, *, at: datetime, now: datetime) -> int:
    """As `remind`, for one account that lives by a test clock, on that clock's way.

    Args:
        at: what its clock shows.
        now: the real instant.
    """
    return _write(_due(account.contracts.all(), at), now=now)


def _write(reminders: Iterable[_Reminder], *, now: datetime) -> int:
    found = {one.fact: one for one in reminders}
    known = Notice.objects.filter(fact__in=found).values_list("fact", flat=True)
    fresh = found.keys() - set(known)
    for fact in sorted(fresh):
        one = found[fact]
        mailing.mail(one.kind, one.contract.account, one.facts, fact=fact, now=now)
    return len(fresh)


def _due(contracts: QuerySet[Contract], now: datetime) -> Iterator[_Reminder]:
    contracts = contracts.select_related("account").filter(superseded_at=None)
    for one in contracts.filter(ended_at=None, trial_ends_at__range=(now, now + _SOON)):
        if one.status == _Status.TRIALING and one.cancel_at is None and one.trial_ends_at:
            facts: dict[str, Fact | None] = {"ends_at": one.trial_ends_at, "amount": _renewal(one)}
            yield _about(Kind.TRIAL_ENDS_SOON, one, facts, at=one.trial_ends_at)
    for one in contracts.filter(ended_at=None, cancel_at__gt=now):
        if one.cancel_at:
            is_soon = one.cancel_at <= now + _SOON
            kind = Kind.SUBSCRIPTION_ENDING if is_soon else Kind.SUBSCRIPTION_CANCELED
            yield _about(kind, one, {"ends_at": one.cancel_at}, at=one.cancel_at)
    for one in _ended(contracts, now):
        ended_at = (one.subscription and one.subscription.ended_at) or one.ended_at
        if ended_at:
            yield _about(Kind.SUBSCRIPTION_ENDED, one, {"ended_at": ended_at}, at=ended_at)
    yield from _behind(contracts, now)


def _ended(contracts: QuerySet[Contract], now: datetime) -> QuerySet[Contract]:
    """Return what has ended at Stripe, or lapsed here while Stripe may still collect for it.

    Both are one end: that of the subscription, where it had begun.
    """
    lately = (now - _LATEST, now)
    is_on_a_plan = Exists(Subscription.objects.filter(account=OuterRef("account"), ended_at=None))
    lapsed = Q(ended_at=None, subscription__ended_at__range=lately) & ~is_on_a_plan
    canceled = Q(ended_at__range=lately, status=_Status.CANCELED)
    return contracts.filter(lapsed | canceled).select_related("subscription")


def _behind(contracts: QuerySet[Contract], now: datetime) -> Iterator[_Reminder]:
    """Yield whose days of grace are soon over: they begin with the period that is not paid."""
    for one in contracts.filter(ended_at=None, status=_Status.PAST_DUE):
        grace = plans.version(one.catalog_version_id).catalog.payments.grace
        ends_at = periods.add_period(one.period_starts_at, grace, zone="UTC")
        if now < ends_at <= now + _SOON:
            bill = one.invoices.filter(status="open").order_by("-created_at").first()
            facts: dict[str, Fact | None] = {
                "ends_at": ends_at,
                "amount": Money(bill.amount_micros, bill.currency) if bill else None,
                "pay_url": (bill.page_url or None) if bill else None,
            }
            yield _about(Kind.GRACE_ENDS_SOON, one, facts, at=ends_at)


def _about(
    kind: Kind, contract: Contract, facts: Mapping[str, Fact | None], *, at: datetime
) -> _Reminder:
    return _Reminder(kind, contract, {"plan": mailing.name_of(contract), **facts}, at)


def _renewal(contract: Contract) -> Money:
    return Money(contract.renewal_micros, contract.currency)
