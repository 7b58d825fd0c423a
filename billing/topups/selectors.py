"""Who may need a top-up, what is in flight, and what a month has cost so far."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, Sum, Value
from django.db.models.functions import Concat

from billing.accounts.freezes import Freeze
from billing.accounts.models import Account
from billing.payments.models import Purchase
from billing.topups.models import AutoTopUp, TopUp
from plans import periods

_IN_FLIGHT: Final = (TopUp.State.ASKED, TopUp.State.WAITING)
# Money that comes later than this was waited for by nobody any more.
_LATEST: Final = timedelta(days=40)


@dataclass(frozen=True, slots=True)
class Month:
    """What an account's calendar month has cost, with what is in flight."""

    spent_micros: int
    ends_at: datetime


def in_flight(account: Account) -> TopUp | None:
    """Return the top-up of the account that may still be paid; there is one at most."""
    return TopUp.objects.filter(account=account, state__in=_IN_FLIGHT).first()


def month_of(account: Account, *, at: datetime) -> Month:
    """Return what the calendar month of the account's zone has cost by its top-ups so far."""
    window = periods.calendar_month(account.zone, at)
    spent = TopUp.objects.filter(
        account=account,
        state__in=(*_IN_FLIGHT, TopUp.State.SUCCEEDED),
        created_at__gte=window.starts_at,
        created_at__lt=window.ends_at,
    ).aggregate(micros=Sum("price_micros"))["micros"]
    return Month(spent or 0, window.ends_at)


def running_low(*, now: datetime, limit: int) -> list[str]:
    """Return up to `limit` accounts that are low, with nothing in flight and no pause.

    Those that are frozen stay low for as long as they are: they stand in nobody's way.

    Args:
        now: the real instant; of a sandbox that has a clock, its own counts.
    """
    in_time = ExpressionWrapper(
        Value(now) + F("account__wallet__clock_offset"), output_field=DateTimeField()
    )
    low = AutoTopUp.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=in_time),
        ~Exists(TopUp.objects.filter(account=OuterRef("account"), state__in=_IN_FLIGHT)),
        ~Exists(Freeze.objects.filter(account=OuterRef("account"), lifted_at=None)),
        is_on=True,
        account__wallet__available_micros__lt=F("threshold_micros"),
    )
    return list(low.order_by("pk").values_list("pk", flat=True)[:limit])


def to_go_on(*, now: datetime, limit: int) -> list[str]:
    """Return up to `limit` top-ups in flight that nobody has looked at for a while."""
    due = TopUp.objects.filter(state__in=_IN_FLIGHT, ring_at__lte=now).order_by("ring_at")
    return list(due.values_list("pk", flat=True)[:limit])


def paid_meanwhile(*, now: datetime, limit: int) -> list[str]:
    """Return up to `limit` top-ups whose money has come, and which do not say so yet."""
    unsaid = TopUp.objects.filter(created_at__gte=now - _LATEST).exclude(
        state=TopUp.State.SUCCEEDED
    )
    paid = Purchase.objects.filter(fact=Concat(Value("stripe:"), OuterRef("pk")))
    return list(unsaid.filter(Exists(paid)).order_by("pk").values_list("pk", flat=True)[:limit])


def last_ended(account: Account) -> TopUp | None:
    """Return the newest top-up of the account that has ended."""
    ended = TopUp.objects.filter(account=account).exclude(state__in=_IN_FLIGHT)
    return ended.order_by("-id").first()
