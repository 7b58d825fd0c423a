"""Events go to the webhook endpoints: signed, repeated until they are taken, held on demand."""

import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from tests.stripe_peer.world import Thing, World, shown

USER_AGENT: Final = "Linggan-Stripe-emulator/1.0"
_TIMEOUT_SECONDS: Final = 20
_PAUSES_MAX: Final = 15
_PAUSE_SECONDS_MAX: Final = 3600.0
_LOG_MAX: Final = 1000
_GOOD: Final = range(200, 300)


@dataclass(order=True)
class Parcel:
    """One event for one endpoint."""

    due: float
    number: int
    event: str = field(compare=False)
    endpoint: str = field(compare=False)
    attempt: int = field(default=0, compare=False)


@dataclass
class Policy:
    """How events travel; a test changes it."""

    hold: bool = False  # they wait for `release`
    copies: int = 1
    delay_seconds: float = 0.0
    drop: int = 0  # so many of the next ones are never sent


class Courier:
    """Takes the world's new events, and carries them one after the other."""

    def __init__(self, world: World, pause_seconds: float) -> None:
        self.world = world
        self.policy = Policy()
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOG_MAX)
        self._pause_seconds = pause_seconds
        self._numbers = itertools.count()
        self._waiting: list[Parcel] = []
        self._held: list[Parcel] = []
        self._busy = 0
        self._changed = threading.Condition()

    def start(self) -> None:
        """Begin to carry."""
        threading.Thread(target=self._carry, daemon=True).start()

    def collect(self) -> None:
        """Take the world's new events; the caller holds the world's lock."""
        for event in self.world.unsent:
            for endpoint in self.world.all("webhook_endpoint"):
                if _listens(endpoint, event["type"]):
                    event["pending_webhooks"] += 1
                    self._accept(event["id"], endpoint["id"])
        self.world.unsent.clear()

    def send_again(self, event: str) -> int:
        """Send one event once more to each endpoint; return to how many."""
        endpoints = [thing["id"] for thing in self.world.all("webhook_endpoint")]
        for endpoint in endpoints:
            self._put(event, endpoint, self.policy.delay_seconds)
        return len(endpoints)

    def release(self, *, seed: int | None, copies: int) -> int:
        """Send what is held, `copies` of each, in the order that `seed` shuffles them to."""
        with self._changed:
            held, self._held = self._held * copies, []
        if seed is not None:
            random.Random(seed).shuffle(held)
        for parcel in held:
            self._put(parcel.event, parcel.endpoint, 0)
        return len(held)

    def forget(self) -> None:
        """Carry nothing of what was to be carried, and in the usual way again."""
        with self._changed:
            self._waiting.clear()
            self._held.clear()
        self.log.clear()
        self.policy = Policy()

    def counts(self) -> dict[str, int]:
        """Return how many wait or are under way, and how many are held."""
        with self._changed:
            return {"waiting": len(self._waiting) + self._busy, "held": len(self._held)}

    def post(self, endpoint: Thing, body: bytes, signature: str | None) -> int:
        """Send one message; return the answer's status, 0 for none at all."""
        place = urlsplit(endpoint["url"])
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}
        if signature is not None:
            headers["Stripe-Signature"] = signature
        way = http.client.HTTPConnection(
            place.hostname or "", place.port or 80, timeout=_TIMEOUT_SECONDS
        )
        try:
            way.request(
                "POST", place.path + (f"?{place.query}" if place.query else ""), body, headers
            )
            answer = way.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        else:
            return answer.status
        finally:
            way.close()

    def _accept(self, event: str, endpoint: str) -> None:
        if self.policy.drop > 0:
            self.policy.drop -= 1
            return
        if self.policy.hold:
            with self._changed:
                self._held.append(Parcel(0, next(self._numbers), event, endpoint))
            return
        for _copy in range(self.policy.copies):
            self._put(event, endpoint, self.policy.delay_seconds)

    def _put(self, event: str, endpoint: str, seconds: float, attempt: int = 0) -> None:
        with self._changed:
            due = time.monotonic() + seconds
            parcel = Parcel(due, next(self._numbers), event, endpoint, attempt)
            heapq.heappush(self._waiting, parcel)
            self._changed.notify()

    def _carry(self) -> None:
        while True:
            parcel = self._next()
            try:
                self._deliver(parcel)
            finally:
                with self._changed:
                    self._busy -= 1

    def _next(self) -> Parcel:
        """Return the parcel whose time has come; until it is delivered, something is under way."""
        with self._changed:
            while True:
                wait = self._waiting[0].due - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    self._busy += 1
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait)

    def _deliver(self, parcel: Parcel) -> None:
        with self.world.lock:
            endpoint = self.world.kinds.get("webhook_endpoint", {}).get(parcel.endpoint)
            event = self.world.kinds.get("event", {}).get(parcel.event)
            if event is None or endpoint is None or endpoint["status"] != "enabled":
                return
            body = written(event)
        status = self.post(endpoint, body, signature_of(body, endpoint["secret"]))
        self.log.append({"event": parcel.event, "type": event["type"], "status": status})
        if status in _GOOD:
            with self.world.lock:
                event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        elif parcel.attempt < _PAUSES_MAX:
            pause = min(self._pause_seconds * 2**parcel.attempt, _PAUSE_SECONDS_MAX)
            self._put(parcel.event, parcel.endpoint, pause, parcel.attempt + 1)


def written(event: Thing) -> bytes:
    """Return an event as it stands in a message."""
    return json.dumps(shown(event), indent=2, ensure_ascii=False).encode()


def signature_of(body: bytes, secret: str, at: int | None = None) -> str:
    """Return the header that `stripe.Webhook.construct_event` accepts."""
    stamp = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def _listens(endpoint: Thing, kind: str) -> bool:
    wanted = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in wanted or kind in wanted)
