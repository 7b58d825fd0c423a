"""The items of subscriptions: a price, a quantity, and the period that is paid for."""

import stripe

from tests.stripe_peer.billing.periods import Interval, Period
from tests.stripe_peer.objects import products
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World


def price_named(world: World, given: Thing, param: str, *, recurs: bool) -> Thing:
    """Return the price that `price` names or that `price_data` makes.

    Raises:
        Refused: there is none, it is not active, or it recurs and should not, or the reverse.
    """
    if "price_data" in given:
        price = products.make_price(world, given["price_data"])
        price["active"] = False  # an inline price sells nothing else
    elif "price" in given:
        price = world.get("price", given["price"], f"{param}[price]")
        # What a page sells was active when it was opened, or is its own.
        if not price["active"] and not given.get("_is_on_page"):
            raise Refused(
                "The price specified is inactive. This field only accepts active prices.",
                param=f"{param}[price]",
            )
    else:
        raise missing(f"{param}[price]")
    if (price["recurring"] is not None) != recurs:
        kind = "recurring" if price["recurring"] else "one_time"
        raise Refused(
            f"The price specified is set to `type={kind}` but this field only accepts prices "
            f"with `type={'recurring' if recurs else 'one_time'}`.",
            param=f"{param}[price]",
        )
    return price


def made(world: World, price: Thing, given: Thing, *, subscription: str, now: int) -> Thing:
    """Return an item that nothing keeps yet; it has no period before it is given one."""
    return {
        **nulls(stripe.SubscriptionItem),
        "id": world.new_id("si"),
        "object": "subscription_item",
        "created": now,
        "current_period_start": now,
        "current_period_end": now,
        "discounts": [],
        "metadata": dict(given.get("metadata") or {}),
        "plan": plan_of(price),
        "price": price,
        "quantity": given.get("quantity", 1),
        "subscription": subscription,
        "tax_rates": [],
    }


def plan_of(price: Thing) -> Thing:
    """Return a price in the older words that an item has beside it."""
    recurring = price["recurring"]
    return {
        **nulls(stripe.Plan),
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "nickname": price["nickname"],
        "product": price["product"],
        "usage_type": recurring["usage_type"],
    }


def listed(subscription: str, items: list[Thing]) -> Thing:
    """Return items as a subscription holds them."""
    return {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription}",
    }


def of(subscription: Thing) -> list[Thing]:
    """Return the items of a subscription."""
    items: list[Thing] = subscription["items"]["data"]
    return items


def interval_of(items: list[Thing]) -> Interval:
    """Return how often items recur, which is the same for all.

    Raises:
        Refused: it is not.
    """
    intervals = {Interval.of(item["price"]["recurring"]) for item in items}
    if len(intervals) != 1:
        raise Refused(
            "This emulator has no subscriptions whose items recur at different intervals.",
            param="items",
        )
    return intervals.pop()


def currency_of(items: list[Thing]) -> str:
    """Return the currency of items, which is the same for all.

    Raises:
        Refused: it is not.
    """
    currencies = {item["price"]["currency"] for item in items}
    if len(currencies) != 1:
        raise Refused(
            "The price's currencies must be the same for all of a subscription's items.",
            param="items",
        )
    return str(currencies.pop())


def period_of(subscription: Thing) -> Period:
    """Return the period that a subscription is in."""
    first = of(subscription)[0]
    return Period(first["current_period_start"], first["current_period_end"])


def set_period(items: list[Thing], period: Period) -> None:
    """Let items be in a period."""
    for item in items:
        item |= {"current_period_start": period.start, "current_period_end": period.end}


def require_known(given: Thing, known: frozenset[str]) -> None:
    """Refuse parameters that Stripe has and this emulator would silently ignore.

    Raises:
        Refused: one of them is given.
    """
    for name in sorted(given.keys() - known):
        raise not_here(name)


def not_here(name: str) -> Refused:
    """Return the refusal of what Stripe does and this emulator does not."""
    return Refused(f"This emulator of Stripe does not have {name}.", param=name)
