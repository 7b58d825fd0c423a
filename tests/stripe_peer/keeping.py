"""The state in a file, so that what a laptop's demo has sold is still there tomorrow."""

import pickle
from pathlib import Path

from tests.stripe_peer.world import World


def keep(world: World, place: Path) -> None:
    """Write all that the world remembers; a reader finds the old or the new, never a half."""
    half = place.with_suffix(".half")
    half.write_bytes(pickle.dumps((world.kinds, world.answers, world.ahead_seconds)))
    half.replace(place)


def recall(world: World, place: Path) -> None:
    """Remember what was written, if anything was."""
    if place.exists():
        memory = pickle.loads(place.read_bytes())  # noqa: S301 (written by `keep`)
        world.kinds, world.answers, world.ahead_seconds = memory
    place.parent.mkdir(parents=True, exist_ok=True)
