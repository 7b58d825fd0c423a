"""What a change of a subscription's items costs, and what it makes of them: not yet invoiced.

Credits follow Stripe's flexible billing mode: what is taken back is a part of what was debited,
with its discounts, not of what the price says now; what was never debited is never credited
(docs.stripe.com/billing/subscriptions/billing-mode).
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.stripe_peer.billing import discounts, invoicing, items, lines
from tests.stripe_peer.billing.amounts import price_of, share
from tests.stripe_peer.billing.beginning import trial_end_of
from tests.stripe_peer.billing.lines import Charge
from tests.stripe_peer.billing.periods import Period, period_at
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World

_COUNTED: Final = ("draft", "open", "paid")


@dataclass
class Change:
    """What will be so.

    Attributes:
        items: the subscription's items after it, with the period that they are in then.
        charges: what it costs.
        starts_period: it begins a new period now, so it is invoiced at once.
        debits: the lines and invoice items whose rest the credits give back.
        fields: further fields of the subscription.
    """

    items: list[Thing]
    charges: list[Charge] = field(default_factory=list)
    starts_period: bool = False
    debits: list[Thing] = field(default_factory=list)
    fields: Thing = field(default_factory=dict)


def planned(world: World, subscription: Thing, given: Thing, now: int) -> Change:
    """Return what an update of items, anchor or trial would make of a subscription.

    Args:
        given: the parameters of `subscriptions.update`.

    Raises:
        Refused: an item or price that is not there, or no item left.
    """
    change = Change(items_after(world, subscription, given, now))
    at = given.get("proration_date", now)
    is_prorated = given.get("proration_behavior", "create_prorations") != "none"
    before = items.of(subscription)
    _check(subscription, change)
    trial_end = trial_end_of(subscription, given, now)
    in_trial = subscription["status"] == "trialing"
    if trial_end is not None:
        _begin_trial(world, change, now, trial_end)
    elif _begins_anew(subscription, given, change):
        _begin_period(world, change, now)
    elif in_trial or not is_prorated or not items.period_of(subscription).left(at):
        return change
    else:
        changed = [one for one in change.items if _differs(one, before)]
        for item in changed:
            change.charges.append(remaining(world, subscription, item, at))
        before = [one for one in before if _differs(one, change.items)]
    if is_prorated and not in_trial:
        credits_, change.debits = unused(world, subscription, before, at)
        change.charges = [*credits_, *change.charges]
    return change


def take_effect(world: World, subscription: Thing, change: Change) -> None:
    """Let a subscription have the items, period and fields of a change; nothing is told yet."""
    kept = {item["id"] for item in change.items}
    for item in items.of(subscription):
        if item["id"] not in kept:
            del world.kinds["subscription_item"][item["id"]]
    for item in change.items:
        world.add(item)
    subscription["items"] = items.listed(subscription["id"], change.items)
    subscription |= change.fields
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = items.period_of(subscription).end
    mark(change.debits)


def mark(debits: list[Thing]) -> None:
    """Remember that the rest of these was given back."""
    for debit in debits:
        debit["_is_credited"] = True


def items_after(world: World, subscription: Thing, given: Thing, now: int) -> list[Thing]:
    """Return copies of a subscription's items as `items` of an update would change them.

    Raises:
        Refused: an item or price that is not there.
    """
    after = {item["id"]: _copied(item) for item in items.of(subscription)}
    period = items.period_of(subscription)
    for n, wanted in enumerate(given.get("items") or []):
        param = f"items[{n}]"
        if "id" not in wanted:
            price = items.price_named(world, wanted, param, recurs=True)
            item = items.made(world, price, wanted, subscription=subscription["id"], now=now)
            items.set_period([item], period)
            after[item["id"]] = item
            continue
        if wanted["id"] not in after:
            raise Refused(
                f"No such subscription_item: '{wanted['id']}'",
                code="resource_missing",
                param=f"{param}[id]",
            )
        item = after[wanted["id"]]
        if wanted.get("deleted"):
            del after[item["id"]]
            continue
        if "price" in wanted or "price_data" in wanted:
            item["price"] = items.price_named(world, wanted, param, recurs=True)
            item |= {"plan": items.plan_of(item["price"]), "quantity": 1}
        item["quantity"] = wanted.get("quantity", item["quantity"])
        item["metadata"] = {**item["metadata"], **(wanted.get("metadata") or {})}
    return list(after.values())


def _copied(item: Thing) -> Thing:
    return {**copy.copy(item), "metadata": dict(item["metadata"])}


def _check(subscription: Thing, change: Change) -> None:
    if not change.items:
        raise Refused(
            "A subscription must have at least one active item. To cancel it, delete it.",
            param="items",
        )
    if items.currency_of(change.items) != subscription["currency"]:
        raise Refused(
            "The price's currency must match the subscription's, "
            f"{subscription['currency']}; you cannot change it.",
            param="items",
        )
    items.interval_of(change.items)


def _begins_anew(subscription: Thing, given: Thing, change: Change) -> bool:
    anchor = (given.get("billing_cycle_anchor") or {}).get("type")
    is_trial_over = given.get("trial_end") == "now" and subscription["status"] == "trialing"
    is_rhythm_new = items.interval_of(change.items) != items.interval_of(items.of(subscription))
    in_trial = subscription["status"] == "trialing"
    return anchor == "now" or is_trial_over or (is_rhythm_new and not in_trial)


def _begin_trial(world: World, change: Change, now: int, trial_end: int) -> None:
    period = Period(now, trial_end)
    items.set_period(change.items, period)
    change.charges = [lines.trial_period(world, item, period) for item in change.items]
    change.starts_period = True
    change.fields = {
        "billing_cycle_anchor": trial_end,
        "status": "trialing",
        "trial_start": now,
        "trial_end": trial_end,
        "_is_told_of_trial": False,
    }


def _begin_period(world: World, change: Change, now: int) -> None:
    period = period_at(now, items.interval_of(change.items), now)
    items.set_period(change.items, period)
    change.charges = [lines.whole_period(world, item, period) for item in change.items]
    change.starts_period = True
    change.fields = {"billing_cycle_anchor": now}


def _differs(item: Thing, others: list[Thing]) -> bool:
    return not any(
        other["id"] == item["id"]
        and other["price"]["id"] == item["price"]["id"]
        and other["quantity"] == item["quantity"]
        for other in others
    )


def remaining(world: World, subscription: Thing, item: Thing, at: int) -> Charge:
    """Return what an item costs for the rest of the period that a subscription is in."""
    period = items.period_of(subscription)
    whole = period_at(subscription["billing_cycle_anchor"], items.interval_of([item]), at)
    full = discounts.in_proration(
        discounts.living(world, subscription, at),
        price_of(item["price"], item["quantity"]),
        subscription["currency"],
    )
    name = lines.product_name(world, item["price"])
    return Charge(
        share(full, period.left(at), whole.seconds),
        f"Remaining time on {item['quantity']} × {name} after {lines.written_day(at)}",  # noqa: RUF001 (as Stripe has it)
        Period(at, period.end),
        item["price"],
        item["quantity"],
        item["id"],
        subscription=subscription["id"],
        is_proration=True,
    )


def unused(
    world: World, subscription: Thing, changed: list[Thing], at: int
) -> tuple[list[Charge], list[Thing]]:
    """Return the credits for what was debited and lies after an instant, and those debits.

    What was given back once is not given back again: `take_effect` marks it.
    """
    credits_, debits = [], []
    for item in changed:
        for debit, amount, where in _debits(world, subscription, item["id"]):
            period = Period(debit["period"]["start"], debit["period"]["end"])
            rest = share(amount, period.left(at), period.seconds) if period.seconds else 0
            if rest <= 0 or debit.get("_is_credited"):
                continue
            name = lines.product_name(world, item["price"])
            credits_.append(
                Charge(
                    -rest,
                    f"Unused time on {item['quantity']} × {name} after {lines.written_day(at)}",  # noqa: RUF001 (as Stripe has it)
                    Period(max(at, period.start), period.end),
                    item["price"],
                    item["quantity"],
                    item["id"],
                    subscription=subscription["id"],
                    is_proration=True,
                    credited=where,
                )
            )
            debits.append(debit)
    return credits_, debits


def _debits(
    world: World, subscription: Thing, item: str
) -> Iterator[tuple[Thing, int, tuple[str, str] | None]]:
    """Yield what was asked for an item: the line or invoice item, its net amount, and where."""
    for invoice in world.all("invoice"):
        if invoicing.subscription_of(invoice) != subscription["id"]:
            continue
        if invoice["status"] not in _COUNTED:
            continue
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"]
            if details and details["subscription_item"] == item:
                off = sum(part["amount"] for part in line["discount_amounts"])
                yield line, line["amount"] - off, (invoice["id"], line["id"])
    for waiting in world.all("invoiceitem"):
        if waiting["invoice"] is None and waiting["_charge"].item == item:
            yield waiting, waiting["amount"], None
