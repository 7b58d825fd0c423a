"""How many attempts a backend has at once: fewer when it says that it is full, slowly more. Pure.

Additive increase, multiplicative decrease, as TCP finds the width of a road that nobody knows;
the decrease goes straight to what was really in flight, for the backend has just shown that.
"""

from dataclasses import dataclass
from typing import Final

GROWS_AFTER: Final = 10  # good ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What was learnt of a backend's width.

    Attributes:
        learnt: how many attempts it takes at once; None: as many as are configured.
        good_ends: how many videos it has made since that number changed.
    """

    learnt: int | None = None
    good_ends: int = 0

    def open(self, ceiling: int) -> int:
        """Return how many attempts it may have at once, of `ceiling` that are configured."""
        return ceiling if self.learnt is None else min(self.learnt, ceiling)


def refused(slots: Slots, *, in_flight: int, ceiling: int) -> Slots:
    """Return the slots after "I am full": about what it had then, and never below one.

    Args:
        in_flight: how many attempts it has without the one that it did not take.
    """
    return Slots(learnt=max(1, min(slots.open(ceiling), in_flight)))


def made(slots: Slots, *, ceiling: int) -> Slots:
    """Return the slots after a good end: each GROWS_AFTER of them open one slot more."""
    if slots.learnt is None:
        return slots
    if slots.good_ends + 1 < GROWS_AFTER:
        return Slots(learnt=slots.learnt, good_ends=slots.good_ends + 1)
    wider = slots.learnt + 1
    return Slots() if wider >= ceiling else Slots(learnt=wider)
