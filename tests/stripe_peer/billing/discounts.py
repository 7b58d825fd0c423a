"""Coupons as they are redeemed: what a discount is worth, and when it is used up."""

from collections.abc import Iterable

from tests.stripe_peer.billing.amounts import off_in, taken_off
from tests.stripe_peer.billing.periods import add_months
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World


def redeem(
    world: World,
    wanted: Iterable[Thing],
    *,
    customer: str,
    subscription: str | None,
    now: int,
    checkout: str | None = None,
) -> list[str]:
    """Turn coupons and promotion codes into discounts of a subscription; return their ids.

    Args:
        wanted: `discounts` as the API takes them: `{"coupon": …}`, `{"promotion_code": …}`, or
            `{"discount": …}` for one that is there already.

    Raises:
        Refused: there is no such coupon or code, or it can no longer be redeemed.
    """
    return [
        one["discount"]
        if "discount" in one
        else _redeemed(world, one, customer, subscription, now, checkout)["id"]
        for one in wanted
    ]


def coupon_of(world: World, wanted: Thing, customer: str | None, now: int) -> Thing:
    """Return the coupon that `{"coupon": …}` or `{"promotion_code": …}` names.

    Raises:
        Refused: there is none, or it can no longer be redeemed by this customer.
    """
    identity = wanted.get("coupon")
    if "promotion_code" in wanted:
        code = world.get("promotion_code", wanted["promotion_code"], "discounts[promotion_code]")
        _check_code(code, customer, now)
        identity = code["promotion"]["coupon"]
    coupon = world.get("coupon", identity or "", "discounts[coupon]")
    if _is_over(coupon, coupon["redeem_by"], now):
        raise Refused(f"Coupon expired: {identity}", code="coupon_expired", param="discounts")
    return coupon


def _check_code(code: Thing, customer: str | None, now: int) -> None:
    if not code["active"] or _is_over(code, code["expires_at"], now):
        raise Refused("This promotion code is no longer valid.", param="discounts")
    if code["customer"] not in (None, customer):
        raise Refused("This promotion code cannot be redeemed.", param="discounts")


def _is_over(thing: Thing, last: int | None, now: int) -> bool:
    most = thing["max_redemptions"]
    return (most is not None and thing["times_redeemed"] >= most) or (
        last is not None and last <= now
    )


def _redeemed(
    world: World,
    wanted: Thing,
    customer: str,
    subscription: str | None,
    now: int,
    checkout: str | None,
) -> Thing:
    coupon = coupon_of(world, wanted, customer, now)
    coupon["times_redeemed"] += 1
    if "promotion_code" in wanted:
        world.get("promotion_code", wanted["promotion_code"])["times_redeemed"] += 1
    months = coupon["duration_in_months"]
    discount = world.add(
        {
            "id": world.new_id("di"),
            "object": "discount",
            "checkout_session": checkout,
            "customer": customer,
            "customer_account": None,
            "end": add_months(now, months) if months else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": wanted.get("promotion_code"),
            "source": {"type": "coupon", "coupon": coupon["id"]},
            "start": now,
            "subscription": subscription,
            "subscription_item": None,
            "_coupon": coupon,
        }
    )
    world.emit("customer.discount.created", discount)
    return discount


def living(world: World, subscription: Thing, now: int) -> list[Thing]:
    """Return the discounts that a subscription still has."""
    known = [world.get("discount", identity) for identity in subscription["discounts"]]
    return [one for one in known if one["end"] is None or one["end"] > now]


def apply(invoice: Thing, discounts: Iterable[Thing]) -> None:
    """Write into an invoice's lines and totals what each discount takes off, in their order."""
    lines = invoice["lines"]["data"]
    totals = []
    for discount in discounts:
        open_lines = [line for line in lines if line["discountable"] and _fits(discount, line)]
        left = [
            line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
            for line in open_lines
        ]
        off = taken_off(discount["_coupon"], left, invoice["currency"])
        for line, amount in zip(open_lines, off, strict=True):
            if amount:
                line["discount_amounts"].append({"amount": amount, "discount": discount["id"]})
        totals.append({"amount": sum(off), "discount": discount["id"]})
    invoice["discounts"] = [total["discount"] for total in totals]
    invoice["total_discount_amounts"] = totals


def _fits(discount: Thing, line: Thing) -> bool:
    products = discount["_coupon"]["_products"]
    price = (line["pricing"] or {}).get("price_details")
    return products is None or (price is not None and price["product"] in products)


def use_up(world: World, subscription: Thing, invoice: Thing, now: int) -> None:
    """Take from a subscription the discounts that are over.

    One of duration "once" is over when it has taken something off: a trial's invoice of nothing
    does not use it up.
    """
    worth = {total["discount"]: total["amount"] for total in invoice["total_discount_amounts"]}
    for identity in list(subscription["discounts"]):
        discount = world.get("discount", identity)
        spent = discount["_coupon"]["duration"] == "once" and worth.get(identity, 0) > 0
        ended = discount["end"] is not None and discount["end"] <= now
        if spent or ended:
            subscription["discounts"].remove(identity)
            world.emit("customer.discount.deleted", discount)


def in_proration(discounts: Iterable[Thing], amount: int, currency: str) -> int:
    """Return what lasting discounts leave of a whole period's amount.

    One of duration "once" waits for the next invoice of a whole period.
    """
    for discount in discounts:
        coupon = discount["_coupon"]
        if coupon["duration"] != "once" and (
            coupon["percent_off"] is not None or off_in(coupon, currency)
        ):
            amount -= taken_off(coupon, [amount], currency)[0]
    return amount
