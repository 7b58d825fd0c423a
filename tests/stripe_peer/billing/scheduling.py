"""Subscription schedules as time goes on: a phase begins, and the last one ends."""

from tests.stripe_peer.billing import changes, changing, discounts, items, standing
from tests.stripe_peer.billing.changes import Change
from tests.stripe_peer.world import Thing, World


def next_step_at(schedule: Thing) -> int | None:
    """Return when a schedule next does something by itself."""
    phase = schedule["current_phase"]
    return phase["end_date"] if schedule["status"] == "active" and phase is not None else None


def phase_index(schedule: Thing) -> int:
    """Return which phase a schedule is in."""
    starts = [phase["start_date"] for phase in schedule["phases"]]
    return starts.index(schedule["current_phase"]["start_date"])


def step(world: World, schedule: Thing, now: int) -> None:
    """Begin the next phase; after the last, do what `end_behavior` says."""
    following = schedule["phases"][phase_index(schedule) + 1 :]
    subscription = world.get("subscription", schedule["subscription"])
    if following:
        enter(schedule, following[0])
        _apply(world, subscription, following[0], now)
        world.emit("subscription_schedule.updated", schedule)
    elif schedule["end_behavior"] == "cancel":
        schedule |= {"status": "completed", "completed_at": now, "current_phase": None}
        subscription["schedule"] = None
        world.emit("subscription_schedule.completed", schedule)
        standing.end(world, subscription, now, why="cancellation_requested")
    else:
        release(world, schedule, now)


def enter(schedule: Thing, phase: Thing) -> None:
    """Let a schedule be in a phase."""
    schedule["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}


def release(world: World, schedule: Thing, now: int) -> None:
    """Let the subscription run on without its schedule."""
    subscription = world.get("subscription", schedule["subscription"])
    schedule |= {
        "status": "released",
        "released_at": now,
        "released_subscription": subscription["id"],
        "subscription": None,
        "current_phase": None,
    }
    subscription["schedule"] = None
    world.emit("subscription_schedule.released", schedule)


def replacement(subscription: Thing, wanted: list[Thing]) -> list[Thing]:
    """Return the `items` of an update that make a subscription have these and no others."""
    kept = items.of(subscription)
    changed = [
        ({"id": kept[n]["id"]} if n < len(kept) else {})
        | {"price": one["price"], "quantity": one["quantity"]}
        for n, one in enumerate(wanted)
    ]
    gone = [{"id": item["id"], "deleted": True} for item in kept[len(wanted) :]]
    return changed + gone


def _apply(world: World, subscription: Thing, phase: Thing, now: int) -> None:
    given = {
        "items": replacement(subscription, phase["items"]),
        "proration_behavior": phase["proration_behavior"],
    }
    subscription["metadata"] |= phase["metadata"]
    if phase["discounts"]:
        subscription["discounts"] = discounts.redeem(
            world,
            [{name: value for name, value in one.items() if value} for one in phase["discounts"]],
            customer=subscription["customer"],
            subscription=subscription["id"],
            now=now,
        )
    if items.period_of(subscription).end == now:
        _apply_between_periods(world, subscription, given, now)
    else:
        if phase["billing_cycle_anchor"] == "phase_start":
            given["billing_cycle_anchor"] = {"type": "now"}
        changing.change(world, subscription, given, now)


def _apply_between_periods(world: World, subscription: Thing, given: Thing, now: int) -> None:
    """Nothing is left to prorate: the renewal of this very instant invoices what is new."""
    before = changing.seen(subscription)
    after = changes.items_after(world, subscription, given, now)
    is_rhythm_new = items.interval_of(after) != items.interval_of(items.of(subscription))
    fields = {"billing_cycle_anchor": now} if is_rhythm_new else {}
    changes.take_effect(world, subscription, Change(after, fields=fields))
    changing.tell(world, subscription, before)
