"""People who buy packs while something is destroyed; every other one is paid back.

They go from one step to the next only when the one before is known, as people do. Stripe's events
come when they can.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final

from tests.faults.buying import Difference, Kind, Shop
from tests.faults.experiment import Outcome

_PAUSE_SECONDS: Final = 1.0  # two processors have much else to do
_SHOPPERS: Final = 60
_SETTLE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.5
_numbers = count(1)


class Shoppers:
    """Somebody after another buys a pack.

    Attributes:
        expected: of each who has paid, how many packs he keeps.
        troubles: what went wrong with them, each a sentence.
    """

    def __init__(self, shop: Shop, names: Sequence[str]) -> None:
        """Buy nothing yet."""
        self.expected: dict[str, int] = {}
        self.troubles: list[str] = []
        self._shop = shop
        self._names = names
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self) -> None:
        """Begin to buy."""
        self._thread.start()

    def stop(self) -> None:
        """Let nobody new come, and return when whoever came knows how it ended."""
        self._is_over.set()
        self._thread.join()

    def judge(self, outcome: Outcome) -> None:
        """Write down what came of it, once Stripe's events were taken."""
        self._shop.peer.settle(_SETTLE_SECONDS)
        where = {Kind.LOST: outcome.lost, Kind.DOUBLED: outcome.doubled}
        for one in self._differences():
            where.get(one.kind, outcome.breaches).append(one.said)
        outcome.breaches += self.troubles
        kept = sum(self.expected.values())
        back = len(self.expected) - kept
        outcome.notes.append(f"{len(self.expected)} packs were paid for, {back} of them paid back")

    def _differences(self) -> list[Difference]:
        """Return what is not as it should be after a while: an event that was taken takes time."""
        ends_at = time.monotonic() + _SETTLE_SECONDS
        found = list(self._shop.differences(self.expected))
        while found and time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)
            found = list(self._shop.differences(self.expected))
        return found

    def _live(self) -> None:
        for number, name in enumerate(self._names):
            if self._is_over.is_set():
                return
            try:
                self._shop.pay(self._shop.offer(name))
                self.expected[name] = 1
                if number % 2:
                    self._shop.pay_back(name)
                    self.expected[name] = 0
            except Exception as trouble:  # noqa: BLE001 (whatever it is, it is a sentence of the verdict)
                self.troubles.append(f"{name}: {trouble!r}")
            self._is_over.wait(_PAUSE_SECONDS)


@contextmanager
def coming(shop: Shop) -> Iterator[Shoppers]:
    """Let people come and buy while the block runs."""
    prefix = f"shopper{next(_numbers)}"
    shoppers = Shoppers(shop, [shop.arrive(f"{prefix}-{one}") for one in range(_SHOPPERS)])
    shoppers.start()
    try:
        yield shoppers
    finally:
        shoppers.stop()
