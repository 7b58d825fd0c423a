"""How long the outbox waits before it rings again. Pure."""

from datetime import timedelta
from typing import Final

RUNS_MAX: Final = 8
# After the nudge that follows a commit: long enough for a worker to answer, short enough that a
# broker which forgot the nudge costs seconds.
_FIRST: Final = timedelta(seconds=10)
_STEP: Final = timedelta(seconds=15)
_LONGEST: Final = timedelta(minutes=5)
# From the start of a run: longer than an errand lasts, so that one which is at work is not rung.
RUN_GRACE: Final = timedelta(seconds=30)
# Longer than any of ours: what is kept for reading is pruned after it.
KEEP_DONE: Final = timedelta(days=7)


def after_ring(rings: int) -> timedelta:
    """Return how long to wait for a worker after the `rings`-th ring: 10, 15, 30 … 300 s."""
    assert rings >= 1
    return _FIRST if rings == 1 else _doubled(rings - 2)


def after_failure(runs: int) -> timedelta:
    """Return how long to wait after the `runs`-th run went wrong: 15, 30, 60 … 300 s."""
    assert runs >= 1
    return _doubled(runs - 1)


def _doubled(times: int) -> timedelta:
    # Bounded before it is raised to a power: a message may be rung for months.
    return min(_LONGEST, _STEP * (1 << min(times, 10)))
