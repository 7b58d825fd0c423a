"""How a subscription begins: its items, its first period, its first invoice."""

from dataclasses import dataclass
from typing import Final

import stripe

from tests.stripe_peer.billing import (
    collecting,
    discounts,
    invoicing,
    items,
    lines,
    standing,
    waiting,
)
from tests.stripe_peer.billing.amounts import price_of, share
from tests.stripe_peer.billing.lines import Charge
from tests.stripe_peer.billing.periods import DAY, HOUR, Period, period_at
from tests.stripe_peer.billing.undoing import all_or_nothing
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata

KNOWN: Final = frozenset(
    {
        "add_invoice_items",
        "billing_cycle_anchor",
        "billing_mode",
        "cancel_at",
        "cancel_at_period_end",
        "collection_method",
        "currency",
        "customer",
        "days_until_due",
        "default_payment_method",
        "description",
        "discounts",
        "items",
        "metadata",
        "off_session",
        "payment_behavior",
        "payment_settings",
        "proration_behavior",
        "trial_end",
        "trial_from_plan",
        "trial_period_days",
        "trial_settings",
    }
)
NOTICE: Final = 3 * DAY


@dataclass(frozen=True)
class Presence:
    """Whether the customer is there while his first invoice is paid."""

    off_session: bool = True
    is_authenticated: bool = False  # he has already said yes on a page of his bank
    checkout: str | None = None  # the Checkout Session that he is in


def begin(world: World, given: Thing, presence: Presence | None = None) -> Thing:
    """Begin a subscription as `subscriptions.create` is asked to; its first invoice is tried.

    Args:
        given: the parameters of that operation.

    Raises:
        Refused: parameters that do not fit; with `payment_behavior` "error_if_incomplete" a card
            that was refused. Nothing is left behind then.
    """
    items.require_known(given, KNOWN)
    customer = _customer(world, given)
    with all_or_nothing(world, customer["id"]):
        return _begun(world, customer, given, presence or Presence())


def imagined(world: World, given: Thing) -> tuple[Thing, list[Charge]]:
    """Return a subscription that nothing keeps, and what its first invoice would say.

    Raises:
        Refused: parameters that do not fit.
    """
    customer = _customer(world, given)
    now = world.now(customer["id"])
    subscription = _blank(world, customer, given, now)
    _take_items(world, subscription, given, now)
    _set_first_period(subscription, given, now)
    return subscription, first_charges(world, subscription)


def _begun(world: World, customer: Thing, given: Thing, presence: Presence) -> Thing:
    now = world.now(customer["id"])
    subscription = _blank(world, customer, given, now)
    _take_items(world, subscription, given, now)
    _check_currency(world, customer, subscription)
    _set_first_period(subscription, given, now)
    _set_end(subscription, given, now)
    world.add(subscription)
    for item in items.of(subscription):
        world.add(item)
    subscription["discounts"] = discounts.redeem(
        world,
        given.get("discounts") or [],
        customer=customer["id"],
        subscription=subscription["id"],
        now=now,
        checkout=presence.checkout,
    )
    world.emit("customer.subscription.created", subscription)
    tell_of_trial(world, subscription, now)
    waiting.put_prices(world, subscription, given.get("add_invoice_items") or [], now)
    invoice = _first_invoice(world, subscription, customer, now)
    behavior = given.get("payment_behavior", "allow_incomplete")
    _begin_payment(world, subscription, invoice, behavior, presence)
    return subscription


def _customer(world: World, given: Thing) -> Thing:
    if "customer" not in given:
        raise missing("customer")
    customer = world.get("customer", given["customer"], "customer")
    if not given.get("items"):
        raise missing("items")
    method = given.get("default_payment_method")
    if method is not None:
        found = world.get("payment_method", method, "default_payment_method")
        if found["customer"] != customer["id"]:
            raise Refused(
                f"The customer does not have a payment method with the ID {method}. The payment "
                "method must be attached to the customer.",
                code="resource_missing",
                param="default_payment_method",
            )
    return customer


def _blank(world: World, customer: Thing, given: Thing, now: int) -> Thing:
    subscription: Thing = {
        **nulls(stripe.Subscription),
        "id": world.new_id("sub"),
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": {
            "type": (given.get("billing_mode") or {}).get("type", "flexible"),
            "flexible": {"proration_discounts": "included"},
            "updated_at": None,
        },
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        },
        "collection_method": given.get("collection_method", "charge_automatically"),
        "created": now,
        "customer": customer["id"],
        "days_until_due": given.get("days_until_due"),
        "default_payment_method": given.get("default_payment_method"),
        "default_tax_rates": [],
        "description": given.get("description"),
        "discounts": [],
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self", "account": None},
        },
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
            **(given.get("payment_settings") or {}),
        },
        "start_date": now,
        "test_clock": customer["test_clock"],
        "trial_settings": _trial_settings(given),
        "_pending": None,
        "_resumes_with": None,
        "_is_told_of_trial": False,
        "_expires_at": None,
    }
    merge_metadata(subscription, given)
    return subscription


def _trial_settings(given: Thing) -> Thing:
    wanted = (given.get("trial_settings") or {}).get("end_behavior") or {}
    return {
        "end_behavior": {
            "billing_cycle_anchor": wanted.get("billing_cycle_anchor"),
            "missing_payment_method": wanted.get("missing_payment_method", "create_invoice"),
        }
    }


def _take_items(world: World, subscription: Thing, given: Thing, now: int) -> None:
    made = []
    for n, wanted in enumerate(given["items"]):
        price = items.price_named(world, wanted, f"items[{n}]", recurs=True)
        made.append(items.made(world, price, wanted, subscription=subscription["id"], now=now))
    subscription["items"] = items.listed(subscription["id"], made)
    subscription["currency"] = items.currency_of(made)
    items.interval_of(made)
    if len({item["price"]["id"] for item in made}) != len(made):
        raise Refused(
            "You cannot create a subscription with several items of the same price.", param="items"
        )


def _check_currency(world: World, customer: Thing, subscription: Thing) -> None:
    """All that a customer owes is in one currency (docs.stripe.com/billing/customer)."""
    for other in world.all("subscription"):
        if (
            other["customer"] == customer["id"]
            and other["status"] in standing.LIVING
            and other["currency"] != subscription["currency"]
        ):
            raise Refused(
                "You cannot combine currencies on a single customer. This customer has an active "
                f"subscription with currency {other['currency']}.",
                param="items",
            )
    customer["currency"] = customer["currency"] or subscription["currency"]


def _set_first_period(subscription: Thing, given: Thing, now: int) -> None:
    trial_end = trial_end_of(subscription, given, now)
    anchor = trial_end or given.get("billing_cycle_anchor") or now
    if anchor < now:
        raise Refused("billing_cycle_anchor must be in the future.", param="billing_cycle_anchor")
    kept = items.of(subscription)
    whole = period_at(anchor, items.interval_of(kept), now)
    if trial_end is None and anchor > whole.end:
        raise Refused(
            "billing_cycle_anchor cannot be later than next natural billing date "
            f"({whole.end}) for plan.",
            param="billing_cycle_anchor",
        )
    end = anchor if anchor > now else whole.end
    subscription |= {
        "billing_cycle_anchor": anchor,
        "status": "incomplete" if trial_end is None else "trialing",
        "trial_start": now if trial_end else None,
        "trial_end": trial_end,
        "_is_prorated": given.get("proration_behavior", "create_prorations") != "none",
    }
    items.set_period(kept, Period(now, end))


def trial_end_of(subscription: Thing, given: Thing, now: int) -> int | None:
    """Return when the trial ends that a request asks for; None if there is none.

    Raises:
        Refused: it would end before it begins.
    """
    days = given.get("trial_period_days")
    if given.get("trial_from_plan"):
        days = items.of(subscription)[0]["price"]["recurring"]["trial_period_days"]
    end = now + days * DAY if days else given.get("trial_end")
    if end is None or end == "now":
        return None
    if end <= now:
        raise Refused(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    return int(end)


def _set_end(subscription: Thing, given: Thing, now: int) -> None:
    period = items.period_of(subscription)
    if given.get("cancel_at_period_end"):
        subscription |= {"cancel_at_period_end": True, "cancel_at": period.end, "canceled_at": now}
    elif given.get("cancel_at") is not None:
        at = given["cancel_at"]
        at = period.end if at in ("min_period_end", "max_period_end") else int(at)
        subscription |= {"cancel_at": at, "canceled_at": now}


def tell_of_trial(world: World, subscription: Thing, now: int) -> None:
    """Tell that a trial ends within three days, once; a shorter one is told of as it begins."""
    end = subscription["trial_end"]
    if end is not None and end - now <= NOTICE and not subscription["_is_told_of_trial"]:
        subscription["_is_told_of_trial"] = True
        world.emit("customer.subscription.trial_will_end", subscription)


def first_charges(world: World, subscription: Thing) -> list[Charge]:
    """Return what the first invoice says: a whole period, a part of one, or a trial's nothing."""
    period = items.period_of(subscription)
    charges = []
    for item in items.of(subscription):
        if subscription["trial_end"] is not None:
            charges.append(lines.trial_period(world, item, period))
        else:
            charges.append(_first_period(world, subscription, item, period))
    return charges


def _first_period(world: World, subscription: Thing, item: Thing, period: Period) -> Charge:
    whole = period_at(subscription["billing_cycle_anchor"], items.interval_of([item]), period.start)
    charge = lines.whole_period(world, item, period)
    if period.seconds == whole.seconds:
        return charge
    amount = share(price_of(item["price"], item["quantity"]), period.seconds, whole.seconds)
    return Charge(
        amount if subscription["_is_prorated"] else 0,
        f"Time on {item['quantity']} × {lines.product_name(world, item['price'])}",  # noqa: RUF001 (as Stripe has it)
        period,
        item["price"],
        item["quantity"],
        item["id"],
        subscription=subscription["id"],
        is_proration=True,
    )


def _first_invoice(world: World, subscription: Thing, customer: Thing, now: int) -> Thing:
    waited = waiting.for_invoice(
        world,
        customer=customer["id"],
        currency=subscription["currency"],
        subscription=subscription["id"],
    )
    invoice = invoicing.made(
        world,
        customer=customer,
        charges=[*first_charges(world, subscription), *waited],
        currency=subscription["currency"],
        reason="subscription_create",
        now=now,
        subscription=subscription,
        discounts=discounts.living(world, subscription, now),
    )
    subscription["latest_invoice"] = invoice["id"]
    by_hand = subscription["collection_method"] == "send_invoice"
    return invoicing.keep_draft(world, invoice, finalizes_itself=by_hand)


def _begin_payment(
    world: World, subscription: Thing, invoice: Thing, behavior: str, presence: Presence
) -> None:
    now = invoice["created"]
    discounts.use_up(world, subscription, invoice, now)
    if subscription["collection_method"] == "send_invoice":
        if subscription["status"] == "incomplete":
            standing.change(world, subscription, status="active")
        return
    collecting.finalize(world, invoice, now)
    if invoice["status"] == "paid":
        return
    if subscription["status"] == "incomplete":
        subscription["_expires_at"] = now + 23 * HOUR
    if behavior == "default_incomplete":
        return
    if collecting.method_of(world, invoice) is None:
        raise collecting.without_method()
    collecting.attempt(
        world,
        invoice,
        now,
        off_session=presence.off_session,
        is_authenticated=presence.is_authenticated,
    )
    refusal = collecting.refusal_of(world, invoice)
    if behavior == "error_if_incomplete" and refusal is not None:
        raise refusal
