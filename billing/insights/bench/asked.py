"""What a bench is asked for: how long, how many, and whom it tells meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing.insights.bench.figures import Effort


def _tell_nobody(_row: object) -> None:
    """Tell nobody before the end."""


def _add_nothing_up() -> None:
    """Leave the dashboard's days as they are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told; each case takes what it needs of it.

    Attributes:
        now: stamped on what is written.
        calls: how often each page of the console is opened.
        rate: how many errands a second are sent.
        workers: how many processes of a worker do them.
        minutes: how long memory is watched.
        sizes: numbers of entries, which grow.
        tell: is called with each row that is there before the end.
        add_up: has the days that the dashboard tells of be added up.
    """

    now: datetime
    effort: Effort = field(default_factory=Effort)
    calls: int = 20
    accounts: int = 100_000
    jobs: int = 10_000
    orders: int = 300
    seed: int = 1
    listeners: int = 1000
    rate: float = 200.0
    workers: int = 1
    minutes: float = 2.0
    sizes: Sequence[int] = (10_000, 100_000)
    tell: Callable[[object], None] = _tell_nobody
    add_up: Callable[[], None] = _add_nothing_up
