"""The pieces of the wallet's model: what arrived together, and what is set aside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FAR = datetime.max.replace(tzinfo=UTC)


@dataclass
class ModelLot:
    """Credits that arrived together, in the model; it is named by its business fact."""

    free: int
    begins_at: datetime
    expires_at: datetime | None
    priority: int
    scope: Mapping[str, str] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    series: str = ""
    with_subscription: bool = False
    ends_after_use: timedelta | None = None
    is_lent: bool = False
    has_begun: bool = True
    held: int = 0
    spent: int = 0
    sent: int = 0  # to another wallet, or back to whom it was lent from
    owed: int = 0  # of what was spent, after it was taken back

    def key(self, now: datetime) -> tuple[int, datetime, int, datetime]:
        """Return its place: narrower scope, earlier end, lower priority, older."""
        ends_at = self.expires_at
        if ends_at is None and self.ends_after_use is not None:
            ends_at = now + self.ends_after_use
        return (-len(self.scope), ends_at or FAR, self.priority, self.begins_at)

    @property
    def terms(self) -> tuple[object, ...]:
        """Return all that tells its credits apart from others, to their owner."""
        return (
            *(self.begins_at, self.expires_at, self.priority, frozenset(self.scope.items())),
            *(self.locks, self.series, self.with_subscription, self.is_lent),
        )

    def is_over(self, at: datetime) -> bool:
        """Say whether its end has come."""
        return self.expires_at is not None and self.expires_at <= at

    def pays(self, facts: Mapping[str, str], standing: frozenset[str]) -> bool:
        """Say whether it may pay such an order of such an account."""
        fits = all(facts.get(name) == value for name, value in self.scope.items())
        return self.has_begun and fits and not self.locks & standing

    def end(self) -> None:
        """Lose what is free of it, or send it back."""
        if self.is_lent:
            self.sent += self.free
        self.free = 0


@dataclass
class ModelHold:
    """Credits set aside, and when they come back by themselves."""

    parts: list[tuple[str, int]]
    ends_at: datetime = FAR
