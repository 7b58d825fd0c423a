"""How much a wallet is given by itself in one day before somebody has to look. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime


@dataclass(slots=True)
class Automatic:
    """The grants that came by themselves on one day, and whether they go on.

    It stops a rule that has gone wrong and gives again and again; it is no price and no quota.

    Attributes:
        most: so many a day; None: whoever only looks does not stop anything.
        on, count: the day in UTC that was counted last, and how many it had.
        halted_at: since when nothing more comes by itself; None: it does.
    """

    most: int | None = None
    on: date | None = None
    count: int = 0
    halted_at: datetime | None = None

    def admits(self, at: datetime) -> bool:
        """Count one more at `at`, or halt; say which."""
        if self.halted_at is not None:
            return False
        if not self.has_room(at):
            self.halted_at = at
            return False
        self._begin(at)
        self.count += 1
        return True

    def has_room(self, at: datetime) -> bool:
        """Say whether one more on the day of `at` stays within the bound."""
        count = self.count if self.on == at.astimezone(UTC).date() else 0
        return self.most is None or count < self.most

    def _begin(self, at: datetime) -> None:
        day = at.astimezone(UTC).date()
        if self.on != day:
            self.on, self.count = day, 0
