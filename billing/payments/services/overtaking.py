"""Pages that nobody should pay on any more, because another one took their place.

Of an account's pages for plans one stays open, so that two plans are not paid; and of its pages
on which one pack has its first price one, so that that price is had once.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.packs import selectors as packs
from billing.payments import selectors
from billing.payments.gateway import StripeRefused, Wire, sessions
from billing.payments.models import Checkout
from billing.payments.services import customers, pages
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction

_PLAN: Final = Checkout.Kind.PLAN
_EXPIRED: Final = "expired"
_BATCH: Final = 100
_JUST_MADE: Final = timedelta(minutes=1)  # whoever opens it looks himself
_log = structlog.get_logger(__name__)


def make_way(wire: Wire, checkout: Checkout, *, now: datetime) -> Checkout:
    """Close the earlier pages that should not be paid beside this one, before it is opened.

    Where one of them was paid, or is being paid, and nobody has told us so yet, the first price
    is had: this one asks for the usual price. Return the checkout as it stands then.

    Raises:
        StripeAway: as it says.
    """
    forbid_transaction("payments.make_way")
    is_had = _close_earlier(wire, checkout, now=now)
    if checkout.is_at_first_price and (is_had or _is_paid(checkout)):
        return _reprice(checkout.pk)
    return checkout


def close_if_overtaken(wire: Wire, checkout: Checkout, *, now: datetime) -> Checkout:
    """Return the checkout whose page was opened; it is closed if it should not be paid any more.

    Another request may have opened its page, or had it paid, while this one opened its own; and
    whoever asked for a later one may have looked for open pages before ours was one. A repeat may
    open one whose asker died, long after he has paid elsewhere.
    """
    is_had = _close_earlier(wire, checkout, now=now) and checkout.is_at_first_price
    if is_had or _is_paid(checkout) or selectors.later_rivals(checkout).exists():
        return _close(wire, checkout, now=now)
    return checkout


def close_left_over(*, now: datetime) -> int:
    """Close pages at a first price that was had elsewhere meanwhile; return how many there were.

    A top-up asks no page, nor does a platform that sells by a checkout of its own.
    """
    forbid_transaction("payments.close_left_over")
    left = selectors.pages_at_a_first_price_that_was_had(before=now - _JUST_MADE)
    run = Sweep("page_stumbled")
    for checkout in fairly(left.select_related("account").order_by("created_at"), limit=_BATCH):
        with run.row(checkout_id=checkout.pk):
            _close(customers.wire_for(checkout.account), checkout, now=now)
    return run.tried


def _close_earlier(wire: Wire, checkout: Checkout, *, now: datetime) -> bool:
    """Let nobody pay on the account's earlier pages; say whether one cannot be closed any more."""
    closed = [
        _close(wire, other, now=now) for other in selectors.earlier_rivals(checkout).order_by("id")
    ]
    return any(
        one.state != Checkout.State.EXPIRED
        and sessions.session(wire, one.stripe_id).status != _EXPIRED
        for one in closed
        if one.kind != _PLAN
    )


def _is_paid(checkout: Checkout) -> bool:
    """Say whether the account has by now what only one of these pages is to sell."""
    if checkout.kind == _PLAN:
        return selectors.living_contract(checkout.account) is not None
    return checkout.is_at_first_price and packs.has_paid_for(checkout.account, checkout.code)


def _close(wire: Wire, checkout: Checkout, *, now: datetime) -> Checkout:
    """Let nobody pay on a page any more; one that was paid says so itself."""
    try:
        sessions.end_session(wire, checkout.stripe_id)
    except StripeRefused as refusal:
        _log.info("page_has_ended", checkout_id=checkout.pk, code=refusal.code)
        return checkout
    return _expire(checkout.pk, now=now)


@transaction.atomic(durable=True)
def _expire(checkout_id: str, *, now: datetime) -> Checkout:
    checkout = Checkout.objects.select_for_update().get(pk=checkout_id)
    pages.end(checkout, Checkout.State.EXPIRED, now=now)
    return checkout


@transaction.atomic(durable=True)
def _reprice(checkout_id: str) -> Checkout:
    checkout = Checkout.objects.select_for_update(of=("self",)).select_related("account")
    asked = checkout.get(pk=checkout_id)
    if asked.state == Checkout.State.ASKED:
        asked.amount_micros = asked.usual_micros
        asked.save(update_fields=["amount_micros"])
    return asked
