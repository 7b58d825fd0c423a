"""What an operation did is undone when it is refused half-way."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World

_SHARED = ("coupon", "promotion_code")  # how often they were redeemed is nobody's own


@contextmanager
def all_or_nothing(world: World, customer: str) -> Iterator[None]:
    """Put back a customer's things, and all events, if what happens inside is refused."""
    known = {kind: set(things) for kind, things in world.kinds.items()}
    unsent = len(world.unsent)
    # Prices are not a customer's own: his items must go on to name the very same ones.
    shared = {id(price): price for price in world.all("price")}
    before = copy.deepcopy(_things_of(world, customer), shared)
    try:
        yield
    except Refused:
        for kind, things in world.kinds.items():
            for identity in things.keys() - known.get(kind, set()):
                del things[identity]
        for thing in before:
            world.add(thing)
        del world.unsent[unsent:]
        raise


def _things_of(world: World, customer: str) -> list[Thing]:
    kinds = [things for kind, things in world.kinds.items() if kind != "event"]
    own = [
        thing
        for things in kinds
        for thing in things.values()
        if customer in (thing.get("customer"), thing.get("id")) or thing.get("object") in _SHARED
    ]
    ids = {thing["id"] for thing in own}
    parts = [
        thing
        for things in kinds
        for thing in things.values()
        if thing.get("subscription") in ids or thing.get("invoice") in ids
    ]
    return [*own, *(part for part in parts if part["id"] not in ids)]
