"""Clients who ask for all kinds of things over HTTP while something is destroyed.

Each request is written down before it is sent, with a key of its own. One that was not answered is
left as unknown, and asked again under its key only when all is over.
"""

import http.client
import json
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count, takewhile
from random import Random
from typing import Any, Final

from tests.faults.books import Ask, Told, Written, told_by
from tests.kills.plan import SECONDS_MAX

CLIENTS: Final = 10
# The last customers have nothing: whatever they order is refused.
POOR: Final = 2
_WEIGHTS: Final = {Ask.SUBMIT: 45, Ask.CANCEL: 15, Ask.CLAIM: 10, Ask.GRANT: 30}
_ANSWER_SECONDS: Final = 25.0
_PAUSE_SECONDS: Final = 0.15
_SUBMIT_EVERY_SECONDS: Final = 0.35  # what two processors can carry out beside all else
_PATIENCE_SECONDS: Final = 240.0
_RESOLVERS: Final = 8
_GOOD_AGAIN: Final = 8  # acknowledgements in a row that count as being well
_WELL_SECONDS: Final = 1.5
_GIFT_MAX: Final = 40


@dataclass(frozen=True)
class People:
    """Who asks: their names, their tokens, and the key of their platform's server."""

    names: Sequence[str]
    tokens: Sequence[str]
    service_key: str


class Load:
    """Some clients and their books.

    Attributes:
        active: how many of the clients ask at this time.
        insists: whether a client asks the same again, under its key, until he knows.
        ports: where the API is; each request goes to any of them.
    """

    def __init__(
        self, people: People, numbers: Iterator[int], *, port: int, chance: str, clients: int
    ) -> None:
        """Be silent at first.

        Args:
            numbers: gives each request of a whole run a number of its own.
            port: the API's.
        """
        self.people = people
        self.books: list[Written] = []
        self.active = min(clients, CLIENTS)
        self.insists = False
        self._numbers = numbers
        self._turns = count()
        self.ports: Sequence[int] = [port]
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._next_submit = 0.0
        self._threads = [
            threading.Thread(target=self._live, args=(one, Random(f"{chance} {one}")), daemon=True)
            for one in range(clients)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask nothing new, and return when the last answer was heard or waited for."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def resolve(self) -> None:
        """Ask what is unknown again under its key, until it is known or patience ends."""
        unknown = [one for one in self.books if one.told == Told.UNKNOWN]
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        with ThreadPoolExecutor(_RESOLVERS) as pool:
            try:
                list(pool.map(partial(self._resolve, ends_at=ends_at), unknown))
            except BaseException:
                pool.shutdown(
                    wait=False, cancel_futures=True
                )  # whoever ends the run waits for none
                raise

    def forget(self, numbers: Collection[int]) -> None:
        """Take requests out of the books: what they brought about was lost, and is told so."""
        with self._lock:
            self.books[:] = [one for one in self.books if one.number not in numbers]

    def repeat(self, written: Written) -> tuple[int, dict[str, Any]]:
        """Ask once more under the same key; return the answer, which is not written down."""
        return self._once("POST", written.path, written.body, self._headers(written))

    def balance(self, customer: int) -> dict[str, Any]:
        """Read what a customer has."""
        headers = {"Authorization": f"Bearer {self.people.tokens[customer]}"}
        status, told = self._once("GET", "/v1/balance", None, headers)
        assert status == http.HTTPStatus.OK, told
        return told

    def recovery(self, since: float, *, patience_seconds: float = 120.0) -> float | None:
        """Wait until all goes well again; return how many seconds after `since` it began to.

        That is the first acknowledgement after the last failure that any client has heard. None:
        it did not go well in time.
        """
        ends_at = time.monotonic() + patience_seconds
        while time.monotonic() < ends_at:
            with self._lock:
                heard = [one for one in self._asked_since(since) if one.heard_at > since]
            failed = [one.heard_at for one in heard if one.at_first == Told.UNKNOWN]
            last = max(failed, default=since)
            good = sorted(
                one.heard_at
                for one in heard
                if one.at_first == Told.ACKNOWLEDGED
                and one.heard_at > last
                and one.asked_at > since
            )
            if len(good) >= _GOOD_AGAIN and time.monotonic() - last > _WELL_SECONDS:
                return good[0] - since
            time.sleep(0.1)
        return None

    def _asked_since(self, since: float) -> list[Written]:
        """Return what may have been heard since an instant; the books are in order of asking."""
        started = since - _ANSWER_SECONDS
        return list(takewhile(lambda one: one.asked_at > started, reversed(self.books)))

    def live_for(self, seconds: float) -> None:
        """Let them go on for a while."""
        threading.Event().wait(seconds)

    # -- a client ------------------------------------------------------------------------------
    def _live(self, place: int, random: Random) -> None:
        while not self._is_over.is_set():
            if place >= self.active:
                self._is_over.wait(_PAUSE_SECONDS)
                continue
            ask = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            written = self._write_down(ask, random)
            if written is not None:
                self._try(written)
            self._is_over.wait(_PAUSE_SECONDS)
            while written is not None and self._asks_again(written, place):
                self._try(written)
                self._is_over.wait(_PAUSE_SECONDS)

    def _asks_again(self, written: Written, place: int) -> bool:
        is_unknown = written.told == Told.UNKNOWN and place < self.active
        return self.insists and is_unknown and not self._is_over.is_set()

    def _write_down(self, ask: Ask, random: Random) -> Written | None:
        """Think of a request and enter it into the books; None: not now."""
        customer = random.randrange(len(self.people.names))
        with self._lock:
            if ask == Ask.SUBMIT:
                now = time.monotonic()
                if now < self._next_submit:
                    return None
                self._next_submit = now + _SUBMIT_EVERY_SECONDS
                written = self._order(next(self._numbers), customer, random)
            elif ask == Ask.CANCEL:
                done = [one for one in self.books[-60:] if one.ask == Ask.SUBMIT]
                done = [one for one in done if one.at_first == Told.ACKNOWLEDGED]
                if not done:
                    return None
                written = _cancellation(next(self._numbers), random.choice(done))
            elif ask == Ask.GRANT:
                written = _gift(
                    next(self._numbers),
                    random.randrange(len(self.people.names) - POOR),
                    random.randint(1, _GIFT_MAX),
                )
            else:
                number = next(self._numbers)
                customer = random.randrange(len(self.people.names) - POOR)
                written = _written(number, customer, ask, "/v1/check-in", {})
            self.books.append(written)
        return written

    def _order(self, number: int, customer: int, random: Random) -> Written:
        seconds = random.randint(1, SECONDS_MAX)
        spec = {
            "model": "m",
            "seconds": seconds,
            "inputs": {"prompt": f"[plain] order {number}"},
            "metadata": {"order": str(number)},
        }
        written = _written(number, customer, Ask.SUBMIT, "/v1/jobs", spec)
        written.seconds = seconds
        return written

    def _try(self, written: Written) -> None:
        """Send a request once; what is heard is written down."""
        status, answer = self._ask(written)
        with self._lock:
            if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
                known = status == http.HTTPStatus.SERVICE_UNAVAILABLE and answer["Retry-After"]
                written.is_told_badly = written.is_told_badly or not known
            if written.times == 1:
                written.at_first = told_by(status, answer)
                written.heard_at = time.monotonic()
            if status:
                written.status, written.answer = status, answer

    def _ask(self, written: Written) -> tuple[int, dict[str, Any]]:
        written.times += 1
        try:
            return self._once("POST", written.path, written.body, self._headers(written))
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}

    def _resolve(self, written: Written, *, ends_at: float) -> None:
        while written.told == Told.UNKNOWN and time.monotonic() < ends_at:
            self._try(written)
            if written.told == Told.UNKNOWN:
                time.sleep(0.3)

    def _headers(self, written: Written) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": written.key}
        if written.ask == Ask.GRANT:
            headers["X-Account"] = self.people.names[written.customer]
            return {**headers, "Authorization": f"Bearer {self.people.service_key}"}
        return {**headers, "Authorization": f"Bearer {self.people.tokens[written.customer]}"}

    def _turn(self) -> int:
        """Return where the next request goes: to each in turn, as a proxy sends them."""
        ports = self.ports
        return ports[next(self._turns) % len(ports)]

    def _once(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._turn(), timeout=_ANSWER_SECONDS)
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
                told["Retry-After"] = answer.headers.get("Retry-After", "")
            return answer.status, told
        finally:
            connection.close()


def _written(number: int, customer: int, ask: Ask, path: str, body: dict[str, Any]) -> Written:
    return Written(number, customer, ask, path, body, f"{ask}-{number}", time.monotonic())


def _cancellation(number: int, order: Written) -> Written:
    path = f"/v1/jobs/{order.answer['id']}/cancel"
    written = _written(number, order.customer, Ask.CANCEL, path, {})
    written.of = order.number
    return written


def _gift(number: int, customer: int, credits_: int) -> Written:
    body = {"credits": str(credits_), "source": "faults", "reason": f"request {number}"}
    written = _written(number, customer, Ask.GRANT, "/v1/grants", body)
    written.credits = credits_
    return written
