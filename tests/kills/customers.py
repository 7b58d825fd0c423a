"""Those who order while everything is being killed: over HTTP, as a platform's frontend would.

What became of a request that was not answered is found out as the contract says: it is sent again
under its key, until there is an answer.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.kills.plan import Order

_ANSWER_SECONDS: Final = 15
_PAUSE_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 300
_IN_PROGRESS: Final = "idempotency_in_progress"


@dataclass(frozen=True, slots=True)
class Answered:
    """What was heard in the end, and how often it had to be asked."""

    status: int
    body: dict[str, Any]


@dataclass
class Heard:
    """All that the customers know for sure.

    Attributes:
        jobs: the id of the job that was accepted, by the number of its order.
        changed: orders that were answered with another job when they were sent again.
        canceled: the answers to wishes to cancel, by the number of the order.
        claims: grants of check-ins, with their credits, by customer.
        refused: what should not have been refused, and was.
    """

    jobs: dict[int, str] = field(default_factory=dict)
    changed: list[int] = field(default_factory=list)
    canceled: dict[int, int] = field(default_factory=dict)
    claims: dict[int, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)


class Customers:
    """Several threads with one list of orders.

    Attributes:
        may_order: cleared while the service has enough to do.
    """

    def __init__(
        self, port: int, tokens: Sequence[str], orders: Sequence[Order], *, threads: int
    ) -> None:
        self.heard = Heard()
        self.may_order = threading.Event()
        self.may_order.set()
        self._port = port
        self._tokens = tokens
        self._coming = iter(orders)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begin to order."""
        for thread in self._threads:
            thread.start()

    @property
    def are_done(self) -> bool:
        """Whether every order has its answer, or was given up."""
        return not any(thread.is_alive() for thread in self._threads)

    def balance(self, customer: int) -> dict[str, Any]:
        """Read what a customer has."""
        return self._ask(customer, "GET", "/v1/balance", None, key="").body

    def _live(self) -> None:
        while (order := self._next()) is not None:
            self.may_order.wait()
            try:
                self._place(order)
            except Exception as trouble:  # noqa: BLE001 (one broken order must not silence the rest)
                self._refused(f"order {order.number}: {type(trouble).__name__}: {trouble}")

    def _next(self) -> Order | None:
        with self._lock:
            return next(self._coming, None)

    def _place(self, order: Order) -> None:
        if order.claims:
            self._claim(order)
        job = self._order(order)
        if job is None:
            return
        with self._lock:
            self.heard.jobs[order.number] = job
        if order.repeated and self._order(order) != job:
            with self._lock:
                self.heard.changed.append(order.number)
        if order.cancels_after is not None:
            threading.Event().wait(order.cancels_after)
            path, key = f"/v1/jobs/{job}/cancel", f"cancel-{order.number}"
            answer = self._ask(order.customer, "POST", path, {}, key=key)
            with self._lock:
                self.heard.canceled[order.number] = answer.status

    def _order(self, order: Order) -> str | None:
        spec = {
            "model": "m",
            "seconds": order.seconds,
            "inputs": {"prompt": order.prompt},
            "metadata": {"order": str(order.number)},
        }
        key = f"order-{order.number}"
        answer = self._ask(order.customer, "POST", "/v1/jobs", spec, key=key)
        if answer.status != http.HTTPStatus.CREATED:
            self._refused(f"order {order.number}: {answer.status} {answer.body}")
            return None
        return str(answer.body["id"])

    def _claim(self, order: Order) -> None:
        key = f"claim-{order.number}"
        answer = self._ask(order.customer, "POST", "/v1/check-in", {}, key=key)
        if answer.status != http.HTTPStatus.OK:
            self._refused(f"check-in {order.number}: {answer.status} {answer.body}")
            return
        with self._lock:
            claims = self.heard.claims.setdefault(order.customer, {})
            claims[answer.body["id"]] = answer.body["credits"]

    def _ask(self, customer: int, method: str, path: str, body: object, *, key: str) -> Answered:
        """Return the answer to a request, however often it must be sent."""
        headers = {
            "Authorization": f"Bearer {self._tokens[customer]}",
            "Content-Type": "application/json",
        }
        if key:
            headers["Idempotency-Key"] = key
        content = None if body is None else json.dumps(body).encode()
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            try:
                answer = self._once(method, path, content, headers)
            except (OSError, http.client.HTTPException, ValueError) as silence:
                why = type(silence).__name__
            else:
                if answer.status < 500 and answer.body.get("code") != _IN_PROGRESS:
                    return answer
                why = str(answer.body.get("code") or answer.status)
            with self._lock:
                self.heard.unanswered[why] += 1
            threading.Event().wait(_PAUSE_SECONDS)
        raise TimeoutError(f"{method} {path} had no answer in {_PATIENCE_SECONDS} s")

    def _once(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return Answered(answer.status, json.loads(answer.read()))
        finally:
            connection.close()

    def _refused(self, sentence: str) -> None:
        with self._lock:
            self.heard.refused.append(sentence)
