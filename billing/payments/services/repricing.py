"""Lets Stripe collect what a subscription renews at, where the catalog has moved it to new prices.

From the next period on: nothing is asked for the one under way. Lock order: the contract.
"""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from billing.payments import lookups
from billing.payments.gateway import changes as gateway
from billing.payments.gateway import contracts
from billing.payments.lookups import Offer
from billing.payments.models import Contract, PlanChange
from billing.payments.services import customers, following, syncing
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import Subscription
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction
from plans import prices
from plans import selectors as plans

_BATCH: Final = 100


def push_prices(*, now: datetime) -> int:
    """Tell Stripe the new price of each subscription that was moved; return how many were tried.

    One that is refused keeps its old price, is tried again, and keeps no other waiting. Where a
    change of plan waits, its own price comes with it.

    Args:
        now: the real instant.
    """
    forbid_transaction("payments.push_prices")
    sweep = Sweep("price_not_pushed")
    for contract in fairly(_to_push().order_by("period_ends_at"), limit=_BATCH):
        with sweep.row(contract_id=contract.pk, at=now.isoformat()):
            _push(contract)
    return sweep.tried


def _to_push() -> QuerySet[Contract]:
    """Return the contracts whose subscription renews at another price than Stripe was told."""
    waits = PlanChange.objects.filter(contract=OuterRef("pk"), ended_at=None)
    living = Contract.objects.filter(
        ~Exists(waits),
        ended_at=None,
        superseded_at=None,
        changes_to="",
        subscription__ended_at=None,
        subscription__moved_at__isnull=False,
        subscription__plan=F("plan"),
        subscription__interval=F("interval"),
    )
    return living.exclude(subscription__renewal_micros=F("renewal_micros")).select_related(
        "account"
    )


def _push(contract: Contract) -> None:
    subscription = following.subscription_of(contract)
    assert subscription is not None, "it was found by it"
    assert subscription.renewal_micros is not None, "it is paid by periods"
    wire = customers.wire_for(contract.account)
    seen = contracts.contract(wire, contract.stripe_id)
    price = syncing.price_for(wire, _offer(subscription))
    # A change may have been asked for, here or at Stripe, since it was found.
    if seen.ended_at is None and not seen.schedule_id and _to_push().filter(pk=contract.pk):
        gateway.renew_at(wire, seen, price_id=price.id)
        _note(contract.pk, subscription.renewal_micros)


def _offer(subscription: Subscription) -> Offer:
    """Return the price that a subscription was moved to, as Stripe asks it."""
    plan = subscriptions.terms_of(subscription)
    each_micros = subscriptions.renewal_of_one(subscription)
    price = next(
        one
        for one in plan.prices
        if (one.currency, one.interval) == (subscription.currency, subscription.interval)
        and (one.book or "") in {subscription.book, ""}
        and prices.renewal_micros(one) == each_micros
    )
    slug = plans.version(subscription.terms_version_id).catalog.slug
    return lookups.offer_of(slug, "plan", plan, price)


@transaction.atomic(durable=True)
def _note(contract_id: str, renewal_micros: int) -> None:
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    contract.renewal_micros = renewal_micros
    contract.save(update_fields=["renewal_micros"])
