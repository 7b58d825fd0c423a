"""Faults that a test orders: the n-th request that fits goes wrong in one chosen way."""

import re
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = {
    "error_before": "nothing is done, and 500 is answered",
    "error_after": "it is done, and 500 is answered; the same key is later told what was done",
    "error_kept": "it is done, and 500 is answered, to the same key too",
    "cut_before": "nothing is done, and the connection ends",
    "cut_after": "it is done, and the connection ends",
    "hang_after": "it is done, and nothing is answered for `seconds`",
    "delay": "it is done after `seconds`; until then its key is in use",
    "rate_limit": "nothing is done, and 429 is answered",
}


@dataclass
class Fault:
    """One order; `skip` requests that fit pass before `times` of them go wrong."""

    kind: str
    method: str = ""
    path: str = ".*"
    skip: int = 0
    times: int = 1
    seconds: float = 0.0

    def fits(self, method: str, path: str) -> bool:
        """Say whether a request is one that this order speaks of."""
        return self.method in ("", method) and re.fullmatch(self.path, path) is not None


class Faults:
    """The orders that still stand."""

    def __init__(self) -> None:
        self.orders: list[Fault] = []

    def order(self, words: dict[str, Any]) -> Fault:
        """Keep one order.

        Raises:
            ValueError: there is no such kind of fault.
        """
        fault = Fault(**words)
        if fault.kind not in KINDS:
            raise ValueError(f"There is no fault {fault.kind}; there are: {', '.join(KINDS)}.")
        self.orders.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        for fault in self.orders:
            if not fault.fits(method, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.orders.remove(fault)
            return fault
        return None
