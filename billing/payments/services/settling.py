"""Goes on taking what a payment brings that went back in part, window by window.

A plan's credits come over months; what is taken of them is a function of the money and of the
windows that have come, and not of how often somebody looks.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from billing.ledger import services as ledger
from billing.payments.models import PlanChange, Purchase, Taking
from billing.payments.services import returning, sending
from billing.sweeps import Sweep, fairly

_BATCH: Final = 100
# A sweep may have been away when a period's last window came.
_AWAY: Final = timedelta(days=7)


def sweep(*, now: datetime) -> None:
    """Ask again for late refunds, and take what windows have brought of what went back in part.

    Args:
        now: the real instant.
    """
    sending.send_late(now=now)
    settle_partly_back(now=now)


def settle_partly_back(*, now: datetime, limit: int = _BATCH) -> int:
    """Settle payments that went back, whose periods have brought more since; return how many.

    One that fails is tried again by the next run, and keeps no other waiting.

    Args:
        now: the real instant.
    """
    run = Sweep("settling_stumbled")
    for purchase in fairly(_due(now=now), limit=limit):
        with run.row(purchase_id=purchase.pk):
            _settle(purchase.pk)
    return run.done


@transaction.atomic(durable=True)
def _settle(purchase_id: str) -> None:
    locked, purchase = returning.lock_purchase(purchase_id)
    returning.settle(locked, purchase, actor=returning.STRIPE)


def _due(*, now: datetime) -> QuerySet[Purchase]:
    """Return what went back at least in part and had a window begin since it was last taken of.

    The longest ago first, of periods under way, or over lately, and of those whose worth was
    carried over to one that may be. By the real instant, for sandboxes as well: their clocks are
    ahead of it, never behind, and leap over ends; what is over by them and not by it is looked at
    once more in vain, at worst.
    """
    over_at = now - _AWAY
    back = Purchase.objects.filter(Q(refunded_micros__gt=0) | Q(disputed_micros__gt=0))
    carried = PlanChange.objects.filter(
        contract=OuterRef("contract"), begins_anew=True, subscription__paid_until__gt=over_at
    )
    windows = ledger.Grant.objects.filter(
        wallet__account=OuterRef("account"),
        fact__startswith="allowance:",
        series__contains=":sub_",
        effective_at__gt=OuterRef("since"),
    )
    under_way = back.filter(Q(period_ends_at__gt=over_at) | Exists(carried))
    last = Taking.objects.filter(purchase=OuterRef("pk")).order_by("-number").values("created_at")
    since = Coalesce(Subquery(last[:1]), F("recorded_at"))
    due = under_way.annotate(since=since).filter(Exists(windows))
    return due.order_by("since", "pk")
