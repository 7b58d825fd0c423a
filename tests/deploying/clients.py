"""A server of the platform that gives credits, whatever happens to the processes that it asks.

What became of a request is told by how it ended: an answer; refused at the door, so that nothing
can have happened; or let in and never answered, which nobody can tell from a lost answer.
"""

import http.client
import itertools
import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

_ANSWER_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.05
CREDITS_EACH: Final = 3


@dataclass
class Heard:
    """What the clients know.

    Attributes:
        answered: how often which status was heard.
        refused: how often a door was shut.
        cut: what was let in and got no answer.
    """

    answered: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    cut: list[str] = field(default_factory=list)


class Clients:
    """Threads that ask for one grant after another, each until it is answered, under its key."""

    def __init__(self, ports: Sequence[int], secret: str, accounts: Sequence[str]) -> None:
        self.heard = Heard()
        self._ports = ports
        self._name = uuid.uuid4()  # no key is another client's
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._accounts = accounts
        self._coming = itertools.count()
        self._have_enough = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(24)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def hear(self, more: int) -> Callable[[], bool]:
        """Return what says whether so many more were answered than by now."""
        count = self.heard.answered.total() + more
        return lambda: self.heard.answered.total() >= count

    def wait(self) -> Heard:
        """Begin nothing new; return what was heard once each grant has its answer."""
        self._have_enough.set()
        for thread in self._threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), self.heard
        return self.heard

    def _live(self) -> None:
        while not self._have_enough.is_set():
            with self._lock:
                number = turn = next(self._coming)
            while not self._ask(number, self._ports[turn % len(self._ports)]):
                turn += 1
                threading.Event().wait(_PAUSE_SECONDS)

    def _ask(self, number: int, port: int) -> bool:
        """Return whether there was an answer."""
        account = self._accounts[number % len(self._accounts)]
        said = {"credits": str(CREDITS_EACH), "source": "promotion", "reason": "a rolling update"}
        named = {**self._headers, "X-Account": account, "Idempotency-Key": f"{self._name}-{number}"}
        connected = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
        try:
            connected.connect()
        except ConnectionRefusedError:
            with self._lock:
                self.heard.refused += 1
            return False
        try:
            connected.request(
                "POST", "/v1/grants", json.dumps(said), {**named, "Connection": "close"}
            )
            status = connected.getresponse().status
        except (OSError, http.client.HTTPException) as problem:
            with self._lock:
                self.heard.cut.append(f"{number}: {type(problem).__name__}")
            return False
        finally:
            connected.close()
        with self._lock:
            self.heard.answered[status] += 1
        return status == http.HTTPStatus.CREATED
