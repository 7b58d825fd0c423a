"""A queue of accounts before slots that are always busy, as `fairness` orders it, or by age."""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from billing.jobs import fairness

COST_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Order:
    """What an account orders."""

    account: str
    weight: int = 1
    cost_ms: int = COST_MS


@dataclass(slots=True)
class FairRoom:
    """One lane at one backend: orders come, and one after the other is started.

    Attributes:
        started: what was started, in that order.
    """

    clock: int = 0
    started: list[Order] = field(default_factory=list)
    _waiting: list[tuple[int, int, Order]] = field(default_factory=list)
    _turns: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    _number: int = 0

    def come(self, order: Order) -> int:
        """Let an order come; return its turn."""
        own = self._turns[order.account]
        turn = fairness.turn(
            started=self.clock,
            last=own[-1] if own else 0,
            cost_ms=order.cost_ms,
            weight=order.weight,
        )
        own.append(turn)
        self._number += 1
        heapq.heappush(self._waiting, (turn, self._number, order))
        return turn

    def leave(self, account: str) -> int:
        """Cancel the account's last order; return the turn that it had."""
        turn = self._turns[account].pop()
        self._waiting = [
            one for one in self._waiting if one[0] != turn or one[2].account != account
        ]
        heapq.heapify(self._waiting)
        return turn

    def start(self, count: int = 1) -> list[Order]:
        """Start so many of those that wait; return them."""
        found = [heapq.heappop(self._waiting) for _start in range(min(count, len(self._waiting)))]
        for turn, _number, order in found:
            self.clock = max(self.clock, turn)
            self._turns[order.account].popleft()
        self.started += [order for _turn, _number, order in found]
        return [order for _turn, _number, order in found]


@dataclass(slots=True)
class QueueByAge:
    """The control: whoever came first goes first."""

    started: list[Order] = field(default_factory=list)
    _waiting: list[Order] = field(default_factory=list)

    def come(self, order: Order) -> int:
        """Let an order come."""
        self._waiting.append(order)
        return len(self._waiting)

    def start(self, count: int = 1) -> list[Order]:
        """Start so many of those that wait; return them."""
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        self.started += found
        return found


def first_starts(started: Sequence[Order]) -> dict[str, int]:
    """Return of which start the first order of each account was, from 1 on."""
    found: dict[str, int] = {}
    for number, order in enumerate(started, 1):
        found.setdefault(order.account, number)
    return found


def counts(started: Sequence[Order]) -> Counter[str]:
    """Return how many orders of each account were started."""
    return Counter(order.account for order in started)


def town() -> list[Order]:
    """Return 10,000 orders that came before anything was started: half of them one account's.

    It has the plan of weight 4, as a hundred others; forty have 16, and a thousand are free.
    """
    whale = [Order("whale", 4)] * 5000
    mates = [Order(f"mate{n}", 4) for n in range(100) for _job in range(10)]
    large = [Order(f"large{n}", 16) for n in range(40) for _job in range(50)]
    free = [Order(f"free{n}", 1) for n in range(1000) for _job in range(2)]
    return [*whale, *mates, *large, *free]
