"""Subscriptions and their items: https://docs.stripe.com/api/subscriptions."""

from collections.abc import Iterable
from typing import Final

from stripe import params

from tests.stripe_peer.billing import beginning, ending, items, updating
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World

_URL: Final = "/v1/subscriptions"
_ITEMS: Final = "/v1/subscription_items"
_ENDED: Final = ("canceled", "incomplete_expired")


@operation("POST", _URL, params.SubscriptionCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Begin a subscription; its first invoice is made, and tried, in this request."""
    off_session = asked.params.get("off_session", False)
    return beginning.begin(world, asked.params, beginning.Presence(off_session=off_session))


@operation("GET", _URL, params.SubscriptionListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """All that have not ended, or those of one `status`; "all" are all."""
    given = asked.params
    known: Iterable[Thing] = matching(
        world.all("subscription"), given, "customer", "collection_method"
    )
    if "customer" not in given:
        clock = given.get("test_clock")
        known = [one for one in known if one["test_clock"] == clock]
    status = given.get("status")
    return listed(
        [one for one in known if _has_status(one, status) and _has_price(one, given.get("price"))],
        given,
        _URL,
    )


@operation("GET", f"{_URL}/{{id}}", params.SubscriptionRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now, ended or not."""
    return world.get("subscription", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.SubscriptionUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Change what is given; money for it is invoiced as `proration_behavior` says."""
    subscription = _living(world, asked.ids["id"])
    return updating.update(world, subscription, asked.params)


@operation("DELETE", f"{_URL}/{{id}}", params.SubscriptionCancelParams)
def cancel(world: World, asked: Asked) -> Thing:
    """End it now."""
    return ending.cancel(world, _living(world, asked.ids["id"]), asked.params)


@operation("POST", f"{_URL}/{{id}}/pause", params.SubscriptionPauseParams)
def pause(world: World, asked: Asked) -> Thing:
    """Begin no period and make no invoice until it is resumed."""
    return ending.pause(world, _living(world, asked.ids["id"]), asked.params)


@operation("POST", f"{_URL}/{{id}}/resume", params.SubscriptionResumeParams)
def resume(world: World, asked: Asked) -> Thing:
    """Go on, with a new period or in the old rhythm."""
    return ending.resume(world, _living(world, asked.ids["id"]), asked.params)


@operation("DELETE", f"{_URL}/{{id}}/discount", params.SubscriptionDeleteDiscountParams)
def delete_discount(world: World, asked: Asked) -> Thing:
    """Take its discounts from it."""
    subscription = world.get("subscription", asked.ids["id"])
    if not subscription["discounts"]:
        raise Refused("No active discount for subscription.", status=404, code="resource_missing")
    gone = world.get("discount", subscription["discounts"][0])
    subscription["discounts"] = []
    world.emit("customer.discount.deleted", gone)
    return {**gone, "deleted": True}


# -- items -------------------------------------------------------------------------------------
@operation("GET", _ITEMS, params.SubscriptionItemListParams)
def list_items(world: World, asked: Asked) -> Thing:
    """Those of one subscription."""
    known = matching(world.all("subscription_item"), asked.params, "subscription")
    return listed(known, asked.params, _ITEMS)


@operation("POST", _ITEMS, params.SubscriptionItemCreateParams)
def create_item(world: World, asked: Asked) -> Thing:
    """Add a price to a subscription."""
    given = dict(asked.params)
    subscription = _living(world, given.pop("subscription"))
    known = {item["id"] for item in items.of(subscription)}
    _change_items(world, subscription, given, {})
    added: Thing = next(item for item in items.of(subscription) if item["id"] not in known)
    return added


@operation("GET", f"{_ITEMS}/{{id}}", params.SubscriptionItemRetrieveParams)
def retrieve_item(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("subscription_item", asked.ids["id"])


@operation("POST", f"{_ITEMS}/{{id}}", params.SubscriptionItemUpdateParams)
def update_item(world: World, asked: Asked) -> Thing:
    """Change its price or quantity."""
    item = world.get("subscription_item", asked.ids["id"])
    subscription = _living(world, item["subscription"])
    _change_items(world, subscription, dict(asked.params), {"id": item["id"]})
    return world.get("subscription_item", item["id"])


@operation("DELETE", f"{_ITEMS}/{{id}}", params.SubscriptionItemDeleteParams)
def delete_item(world: World, asked: Asked) -> Thing:
    """Take it from its subscription, which must keep another."""
    item = world.get("subscription_item", asked.ids["id"])
    subscription = _living(world, item["subscription"])
    _change_items(world, subscription, dict(asked.params), {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


def _change_items(world: World, subscription: Thing, given: Thing, item: Thing) -> None:
    how: Thing = {
        name: given.pop(name)
        for name in ("payment_behavior", "proration_behavior", "proration_date")
        if name in given
    }
    updating.update(world, subscription, {**how, "items": [{**item, **given}]})


def _living(world: World, identity: str) -> Thing:
    subscription = world.get("subscription", identity)
    if subscription["status"] in _ENDED:
        raise Refused(
            f"No such subscription: '{identity}'; a canceled subscription can only have its "
            "cancellation_details and metadata updated.",
            status=404,
            code="resource_missing",
            param="id",
        )
    return subscription


def _has_status(subscription: Thing, status: str | None) -> bool:
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in _ENDED
    if status is None:
        return bool(subscription["status"] != "canceled")
    return bool(subscription["status"] == status)


def _has_price(subscription: Thing, price: str | None) -> bool:
    return price is None or any(item["price"]["id"] == price for item in items.of(subscription))
