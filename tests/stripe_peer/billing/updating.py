"""The many fields of a subscription that an update may change."""

from typing import Final

from tests.stripe_peer.billing import changing, discounts, items
from tests.stripe_peer.billing.undoing import all_or_nothing
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World, merge_metadata

KNOWN: Final = frozenset(
    {
        "add_invoice_items",
        "billing_cycle_anchor",
        "cancel_at",
        "cancel_at_period_end",
        "cancellation_details",
        "collection_method",
        "days_until_due",
        "default_payment_method",
        "description",
        "discounts",
        "items",
        "metadata",
        "off_session",
        "pause_collection",
        "payment_behavior",
        "payment_settings",
        "proration_behavior",
        "proration_date",
        "trial_end",
        "trial_settings",
    }
)
_PRICED: Final = frozenset({"add_invoice_items", "billing_cycle_anchor", "items", "trial_end"})
_ENDS: Final = frozenset({"cancel_at", "cancel_at_period_end"})
_PLAIN: Final = ("collection_method", "days_until_due", "default_payment_method", "description")


def update(world: World, subscription: Thing, given: Thing) -> Thing:
    """Change what is given, and tell it; what does not fit changes nothing.

    Raises:
        Refused: an unknown item, price or method; an end that a schedule decides; with
            `payment_behavior` "error_if_incomplete", a payment that was refused.
    """
    items.require_known(given, KNOWN)
    if subscription["schedule"] is not None and given.keys() & _ENDS:
        raise Refused(
            "The subscription is managed by the subscription schedule "
            f"`{subscription['schedule']}`, and updating any cancelation behavior directly is not "
            "allowed. Please update the schedule instead.",
            param=min(given.keys() & _ENDS),
        )
    with all_or_nothing(world, subscription["customer"]):
        _update(world, subscription, given, world.now(subscription["customer"]))
    return subscription


def _update(world: World, subscription: Thing, given: Thing, now: int) -> None:
    """The fields are set before the money is asked for, so that a new method pays."""
    before = {name: value for name, value in subscription.items() if not name.startswith("_")}
    _set_fields(world, subscription, given, now)
    if given.keys() & _PRICED:
        changing.change(world, subscription, given, now)
    else:
        changing.tell(world, subscription, before)


def _set_fields(world: World, subscription: Thing, given: Thing, now: int) -> None:
    method = given.get("default_payment_method")
    if method:
        world.get("payment_method", method, "default_payment_method")
    merge_metadata(subscription, given)
    subscription |= {name: given[name] or None for name in _PLAIN if name in given}
    for name in ("cancellation_details", "payment_settings"):
        if name in given:
            subscription[name] |= {key: value or None for key, value in given[name].items()}
    if "trial_settings" in given:
        subscription["trial_settings"]["end_behavior"] |= given["trial_settings"]["end_behavior"]
    if "pause_collection" in given:
        pause = given["pause_collection"]
        subscription["pause_collection"] = {"resumes_at": None, **pause} if pause else None
    if "discounts" in given:
        subscription["discounts"] = discounts.redeem(
            world,
            given["discounts"] or [],
            customer=subscription["customer"],
            subscription=subscription["id"],
            now=now,
        )
    _set_end(subscription, given, now)


def _set_end(subscription: Thing, given: Thing, now: int) -> None:
    """A subscription that will end says since when it is known (`canceled_at`)."""
    if given.get("cancel_at_period_end"):
        at: int | None = items.period_of(subscription).end
    elif given.get("cancel_at"):
        at = given["cancel_at"]
        at = items.period_of(subscription).end if isinstance(at, str) else at
    elif given.keys() & _ENDS:
        at = None
    else:
        return
    if at is not None and at <= now:
        raise Refused("`cancel_at` must be in the future.", param="cancel_at")
    subscription |= {
        "cancel_at": at,
        "cancel_at_period_end": bool(given.get("cancel_at_period_end")),
        "canceled_at": None if at is None else now,
    }
    subscription["cancellation_details"]["reason"] = (
        None if at is None else "cancellation_requested"
    )
