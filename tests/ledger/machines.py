"""What a Hypothesis machine on a database needs, and the ledger's model of itself."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine


class DatabaseMachine(RuleBasedStateMachine):
    """A machine whose every history is rolled back.

    Hypothesis runs many histories inside one test, and Django rolls back once per test:
    without this, the second history would find the rows of the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._world = transaction.atomic()
        self._world._from_testcase = True  # type: ignore[attr-defined]  # lets durable blocks run inside
        self._world.__enter__()

    def teardown(self) -> None:
        """Roll the history back."""
        transaction.set_rollback(True)
        self._world.__exit__(None, None, None)


@dataclass
class ModelLot:
    """Credits that arrived together, in the model."""

    free: int
    expires_at: datetime | None
    begins_at: datetime
    priority: int
    held: int = 0
    spent: int = 0
    gone: int = 0


@dataclass
class ModelWallet:
    """A wallet as simple as it can be said; it shares no line with the product."""

    lots: dict[str, ModelLot] = field(default_factory=dict)
    holds: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def expire(self, now: datetime) -> None:
        """Lose what has expired by `now`."""
        for lot in self.lots.values():
            if lot.expires_at is not None and lot.expires_at <= now:
                lot.gone += lot.free
                lot.free = 0

    def spendable(self, now: datetime) -> int:
        """Return what a hold could take at `now`."""
        self.expire(now)
        return sum(lot.free for lot in self.lots.values() if lot.begins_at <= now)

    def hold(self, name: str, amount: int, now: datetime) -> None:
        """Take from what expires first, as the default catalog says."""
        self.expire(now)
        parts = []
        far = datetime.max.replace(tzinfo=now.tzinfo)
        order = sorted(
            self.lots.items(),
            key=lambda one: (one[1].expires_at or far, one[1].priority, one[1].begins_at, one[0]),
        )
        for lot_id, lot in order:
            part = min(lot.free, amount) if lot.begins_at <= now else 0
            if part:
                lot.free -= part
                lot.held += part
                amount -= part
                parts.append((lot_id, part))
        assert amount == 0
        self.holds[name] = parts

    def end(self, name: str, captured: int, now: datetime) -> None:
        """Spend the first `captured`, give the rest back; what has expired meanwhile is gone."""
        self.expire(now)
        for lot_id, part in self.holds.pop(name):
            lot = self.lots[lot_id]
            spent = min(part, captured)
            captured -= spent
            lot.held -= part
            lot.spent += spent
            rest = part - spent
            if lot.expires_at is not None and lot.expires_at <= now:
                lot.gone += rest
            else:
                lot.free += rest
