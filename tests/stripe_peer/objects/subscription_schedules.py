"""Subscription schedules: https://docs.stripe.com/api/subscription_schedules."""

from typing import Any, Final

import stripe
from stripe import params

from tests.stripe_peer.billing import items, scheduling, standing
from tests.stripe_peer.billing.periods import Interval, boundary
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World, merge_metadata

_URL: Final = "/v1/subscription_schedules"
_PHASE: Final = frozenset(
    {
        "billing_cycle_anchor",
        "discounts",
        "duration",
        "end_date",
        "items",
        "metadata",
        "proration_behavior",
        "start_date",
        "trial_end",
    }
)


@operation("POST", _URL, params.SubscriptionScheduleCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Put a running subscription under a schedule of one phase: the period that it is in."""
    given = asked.params
    if "from_subscription" not in given:
        raise items.not_here("schedules that begin a subscription (set from_subscription)")
    others = given.keys() - {"from_subscription", "metadata"}
    if others:
        raise Refused(
            f"You cannot set {', '.join(sorted(others))} if `from_subscription` is set.",
            param=min(others),
        )
    subscription = world.get("subscription", given["from_subscription"], "from_subscription")
    if subscription["schedule"] is not None or subscription["status"] not in standing.LIVING:
        raise Refused(
            "You cannot migrate a subscription that is already attached to a schedule, or has "
            "ended.",
            param="from_subscription",
        )
    schedule = _blank(world, subscription)
    merge_metadata(schedule, given)
    phase = _phase_of(subscription)
    schedule["phases"] = [phase]
    scheduling.enter(schedule, phase)
    subscription["schedule"] = schedule["id"]
    world.add(schedule)
    world.emit("subscription_schedule.created", schedule)
    return schedule


@operation("GET", _URL, params.SubscriptionScheduleListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer."""
    return listed(
        matching(world.all("subscription_schedule"), asked.params, "customer"), asked.params, _URL
    )


@operation("GET", f"{_URL}/{{id}}", params.SubscriptionScheduleRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("subscription_schedule", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.SubscriptionScheduleUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Give it other phases, among which the one that it is in must still be, or another end."""
    schedule = _active(world, asked.ids["id"])
    given = asked.params
    items.require_known(
        given, frozenset({"end_behavior", "metadata", "phases", "proration_behavior"})
    )
    if "phases" in given:
        phases = _phases(world, schedule, given["phases"])
        current = next(
            (p for p in phases if p["start_date"] == schedule["current_phase"]["start_date"]), None
        )
        if current is None:
            raise Refused(
                "You must include the current phase when you update a schedule's phases.",
                param="phases",
            )
        schedule["phases"] = phases
        scheduling.enter(schedule, current)
    schedule["end_behavior"] = given.get("end_behavior", schedule["end_behavior"])
    merge_metadata(schedule, given)
    world.emit("subscription_schedule.updated", schedule, {})
    return schedule


@operation("POST", f"{_URL}/{{id}}/release", params.SubscriptionScheduleReleaseParams)
def release(world: World, asked: Asked) -> Thing:
    """The subscription runs on as it is, without a schedule."""
    schedule = _active(world, asked.ids["id"])
    scheduling.release(world, schedule, world.now(schedule["customer"]))
    return schedule


@operation("POST", f"{_URL}/{{id}}/cancel", params.SubscriptionScheduleCancelParams)
def cancel(world: World, asked: Asked) -> Thing:
    """The subscription ends with it, now."""
    schedule = _active(world, asked.ids["id"])
    subscription = world.get("subscription", schedule["subscription"])
    now = world.now(schedule["customer"])
    standing.end(world, subscription, now, why="cancellation_requested")
    return schedule


def _active(world: World, identity: str) -> Thing:
    schedule = world.get("subscription_schedule", identity)
    if schedule["status"] != "active":
        raise Refused(f"You cannot change a subscription schedule that is {schedule['status']}.")
    return schedule


def _blank(world: World, subscription: Thing) -> Thing:
    return {
        **nulls(stripe.SubscriptionSchedule),
        "id": world.new_id("sub_sched"),
        "object": "subscription_schedule",
        "billing_mode": dict(subscription["billing_mode"]),
        "created": world.now(subscription["customer"]),
        "customer": subscription["customer"],
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": dict(subscription["automatic_tax"]),
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": subscription["collection_method"],
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "days_until_due": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self", "account": None},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def _phase_of(subscription: Thing) -> Thing:
    period = items.period_of(subscription)
    return _phase(
        subscription["currency"],
        [_item(one["price"]["id"], one["quantity"]) for one in items.of(subscription)],
        {
            "start_date": period.start,
            "end_date": period.end,
            "trial_end": subscription["trial_end"],
            "discounts": [{"discount": identity} for identity in subscription["discounts"]],
        },
    )


def _phases(world: World, schedule: Thing, wanted: list[Thing]) -> list[Thing]:
    """Return phases as they were asked for; each begins where the one before ends."""
    phases: list[Thing] = []
    now = world.now(schedule["customer"])
    for n, one in enumerate(wanted):
        items.require_known(one, _PHASE)
        kept = [_checked_item(world, item, f"phases[{n}][items]") for item in one["items"]]
        start = phases[-1]["end_date"] if phases else one.get("start_date")
        if start is None:
            raise missing(f"phases[{n}][start_date]")
        start = now if start == "now" else start
        end = one.get("end_date") or _end(world, kept, one.get("duration"), start)
        end = now if end == "now" else end
        if end <= start:
            raise Refused("A phase must end after it starts.", param=f"phases[{n}][end_date]")
        currency = world.get("price", kept[0]["price"])["currency"]
        phases.append(_phase(currency, kept, {**one, "start_date": start, "end_date": end}))
    return phases


def _end(world: World, kept: list[Thing], duration: Thing | None, start: int) -> int:
    """Without an end or a duration, a phase lasts one period of its price."""
    recurring = world.get("price", kept[0]["price"])["recurring"]
    return boundary(start, Interval.of(duration or recurring), 1)


def _checked_item(world: World, wanted: Thing, param: str) -> Thing:
    price = items.price_named(world, wanted, param, recurs=True)
    return _item(price["id"], wanted.get("quantity", 1))


def _item(price: str, quantity: int) -> Thing:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price,
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    }


def _phase(currency: str, kept: list[Thing], given: Thing) -> Thing:
    wanted: list[Any] = given.get("discounts") or []
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": None,
        "billing_cycle_anchor": given.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": None,
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [
            {"coupon": None, "discount": None, "promotion_code": None, **one} for one in wanted
        ],
        "end_date": given["end_date"],
        "invoice_settings": None,
        "items": kept,
        "metadata": dict(given.get("metadata") or {}),
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": given["start_date"],
        "transfer_data": None,
        "trial": None,
        "trial_end": given.get("trial_end"),
    }
