"""Test clocks: https://docs.stripe.com/api/test_clocks."""

from typing import Final

from stripe.params import test_helpers as params

from tests.stripe_peer.billing import items, standing
from tests.stripe_peer.billing.periods import DAY
from tests.stripe_peer.listing import listed
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.timetable import run_until
from tests.stripe_peer.world import TEST_CLOCK, Thing, World, shown

_URL: Final = "/v1/test_helpers/test_clocks"
_KEPT_SECONDS: Final = 30 * DAY
_FREE_SECONDS: Final = 2 * 366 * DAY  # how far a clock without subscriptions may go at once
_OWNERS: Final = ("test_clock", "_test_clock", "customer", "subscription")
_INTERVALS: Final = 2  # how many of the shortest subscription it may go otherwise


@operation("POST", _URL, params.TestClockCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make a clock that stands at `frozen_time`."""
    if "customer" in asked.params:
        raise items.not_here("test clocks for customers who are there already")
    clock: Thing = {
        "id": world.new_id("clock"),
        "object": TEST_CLOCK,
        "created": world.now(),
        "deletes_after": world.now() + _KEPT_SECONDS,
        "frozen_time": asked.params["frozen_time"],
        "livemode": False,
        "name": asked.params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    world.add(clock)
    world.emit("test_helpers.test_clock.created", clock)
    return clock


@operation("GET", _URL, params.TestClockListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """The newest first."""
    return listed(world.all(TEST_CLOCK), asked.params, _URL)


@operation("GET", f"{_URL}/{{id}}", params.TestClockRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get(TEST_CLOCK, asked.ids["id"])


@operation("DELETE", f"{_URL}/{{id}}", params.TestClockDeleteParams)
def delete(world: World, asked: Asked) -> Thing:
    """All that lived under it goes too."""
    clock = world.get(TEST_CLOCK, asked.ids["id"])
    gone = {clock["id"]}
    gone |= {one["id"] for one in world.all("customer") if one.get("test_clock") == clock["id"]}
    gone |= {one["id"] for one in world.all("subscription") if one["test_clock"] == clock["id"]}
    for kind, things in world.kinds.items():
        if kind not in ("event", TEST_CLOCK):
            for identity, thing in list(things.items()):
                if gone & {thing.get(name) for name in _OWNERS}:
                    del things[identity]
    world.emit("test_helpers.test_clock.deleted", clock)
    del world.kinds[TEST_CLOCK][clock["id"]]
    return {"id": clock["id"], "object": TEST_CLOCK, "deleted": True}


@operation("POST", f"{_URL}/{{id}}/advance", params.TestClockAdvanceParams)
def advance(world: World, asked: Asked) -> Thing:
    """Let time pass, and all that falls due in it happen, each thing at its own instant.

    The answer says `advancing`, as Stripe's does; whoever asks again finds the clock `ready`.
    """
    clock = world.get(TEST_CLOCK, asked.ids["id"])
    until = asked.params["frozen_time"]
    _check(world, clock, until)
    details = {"advancing": {"target_frozen_time": until}}
    clock |= {"status": "advancing", "status_details": details}
    answer = shown(clock)
    world.emit("test_helpers.test_clock.advancing", clock)
    run_until(world, clock["id"], until)
    clock |= {"status": "ready", "status_details": {}}
    world.emit("test_helpers.test_clock.ready", clock)
    return answer


def _check(world: World, clock: Thing, until: int) -> None:
    if until <= clock["frozen_time"]:
        raise Refused(
            "A test clock can only be advanced to a time after its frozen time.",
            param="frozen_time",
        )
    shortest = [
        items.interval_of(items.of(one)).shortest_seconds
        for one in world.all("subscription")
        if one["test_clock"] == clock["id"] and one["status"] in standing.LIVING
    ]
    # The shortest month is no measure for two of them: 31 days each are allowed.
    most = _INTERVALS * min(shortest) * 31 // 28 if shortest else _FREE_SECONDS
    if until - clock["frozen_time"] > most:
        raise Refused(
            "You can only advance a test clock up to two intervals from its frozen time, of the "
            "shortest subscription under it; without subscriptions, up to two years.",
            param="frozen_time",
        )
