"""The emulator as a test holds it: started, paid at, put out of order, asked what it knows.

with running() as peer:
peer.listen("http://127.0.0.1:8000/webhooks/stripe")
peer.pay(session.url, number="4242424242424242")
peer.settle()
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import stripe

KEY: Final = "sk_test_emulator_of_linggan"
SECRET: Final = "whsec_emulator_of_linggan"
GOOD: Final = "4242424242424242"
DECLINED: Final = "4000000000000002"
DECLINED_LATER: Final = "4000000000000341"  # it can be kept, and every payment fails
CHALLENGED: Final = "4000002500003155"  # 3-D Secure
DISPUTED: Final = "4000000000000259"
_ROOT: Final = Path(__file__).resolve().parents[2]
_START_SECONDS: Final = 120.0
_SETTLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Shown:
    """What a browser would have been shown: a page, or where it was sent on."""

    status: int
    location: str
    html: str


class Unsettled(Exception):
    """Some webhook was not taken in time."""


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows nobody: where a payer is sent is what a test wants to know."""

    def redirect_request(self, *_arguments: object) -> None:
        """Stay."""


class Peer:
    """One running emulator."""

    def __init__(self, url: str, key: str = KEY, secret: str = SECRET) -> None:
        self.url = url
        self.key = key
        self.secret = secret
        self._opener = urllib.request.build_opener(_Still)

    def client(self, **options: Any) -> stripe.StripeClient:  # noqa: ANN401 (the client's own)
        """Return a client of stripe-python that speaks to it."""
        return stripe.StripeClient(self.key, base_addresses={"api": self.url}, **options)

    # -- payers --------------------------------------------------------------------------------
    def pay(self, url: str, number: str = GOOD, **fields: str) -> Shown:
        """Send the form of a hosted page; whoever is asked for 3-D Secure is not answered yet."""
        return self._form(url, {"number": number, "email": "payer@example.com", **fields})

    def decide(self, shown: Shown, outcome: str = "complete") -> Shown:
        """Answer the bank or the wallet that a payer was sent to: complete, fail, later."""
        return self._form(shown.location, {"outcome": outcome})

    def look(self, url: str, language: str = "en") -> Shown:
        """Return what a page shows."""
        return self._open(urllib.request.Request(url, headers={"Accept-Language": language}))  # noqa: S310 (loopback)

    # -- the Dashboard, the banks, time --------------------------------------------------------
    def refund(self, payment: str, **facts: object) -> dict[str, Any]:
        """Refund a payment intent in the Dashboard: amount, reason, status."""
        return self.turn("POST", f"/payments/{payment}/refund", **facts)

    def end_refund(self, refund: str, status: str) -> dict[str, Any]:
        """Let a refund succeed, or fail and bring the money back to us."""
        return self.turn("POST", f"/refunds/{refund}", status=status)

    def dispute(self, payment: str, **facts: object) -> dict[str, Any]:
        """Dispute a payment intent: reason, amount, is_inquiry."""
        return self.turn("POST", f"/payments/{payment}/dispute", **facts)

    def end_dispute(self, dispute: str, *, is_won: bool) -> dict[str, Any]:
        """Decide a dispute."""
        return self.turn("POST", f"/disputes/{dispute}", is_won=is_won)

    def end_payment(self, payment: str, outcome: str) -> dict[str, Any]:
        """Let a wallet's late payment end: succeeded or failed."""
        return self.turn("POST", f"/payments/{payment}", outcome=outcome)

    def advance(self, seconds: int) -> int:
        """Put the world's clock forward; return what it says, in seconds since 1970."""
        return int(self.turn("POST", "/clock", seconds=seconds)["now"])

    # -- webhooks ------------------------------------------------------------------------------
    def listen(self, url: str) -> None:
        """Have the events sent to an address, signed with `secret`."""
        self.turn("POST", "/webhooks/endpoint", url=url, secret=self.secret)

    def travel(self, **policy: object) -> None:
        """Say how events travel from now on: hold, copies, delay_seconds, drop."""
        self.turn("POST", "/webhooks/policy", **policy)

    def release(self, *, seed: int | None = None, copies: int = 1) -> int:
        """Send what is held, shuffled by a seed; return how many messages that is."""
        return int(self.turn("POST", "/webhooks/release", seed=seed, copies=copies)["sent"])

    def send_again(self, event: str) -> None:
        """Send an event once more."""
        self.turn("POST", f"/webhooks/again/{event}")

    def forge(self, event: str, how: str) -> list[int]:
        """Send a forged event (see `knobs.forged`); return the statuses that answered."""
        answers: list[int] = self.turn("POST", "/webhooks/forge", event=event, how=how)["answers"]
        return answers

    def settle(self, timeout_seconds: float = _SETTLE_SECONDS) -> None:
        """Wait until every event that is not held was taken.

        Raises:
            Unsettled: it took too long; the message says what was answered.
        """
        end = time.monotonic() + timeout_seconds
        while (told := self.turn("GET", "/webhooks"))["waiting"]:
            if time.monotonic() > end:
                raise Unsettled(f"{told['waiting']} events wait; the last: {told['log'][-3:]}")
            time.sleep(_LOOK_SECONDS)

    # -- the wire ------------------------------------------------------------------------------
    def break_next(self, kind: str, **where: object) -> None:
        """Order a fault: kind (see `faults.KINDS`), method, path, skip, times, seconds."""
        self.turn("POST", "/faults", kind=kind, **where)

    def mend(self) -> None:
        """Take back every fault."""
        self.turn("DELETE", "/faults")

    def reset(self) -> None:
        """Forget everything: objects, answers, faults, endpoints, events."""
        self.turn("POST", "/reset")

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        """Return all that was made, by kind."""
        return self.turn("GET", "/objects")

    def requests(self) -> list[str]:
        """Return the operations that were asked for: "POST /v1/customers"."""
        asked: list[str] = self.turn("GET", "/requests")["requests"]
        return asked

    def turn(self, method: str, knob: str, /, **facts: object) -> dict[str, Any]:
        """Turn one knob.

        Raises:
            RuntimeError: the emulator refused; the message is its own.
        """
        body = json.dumps(facts).encode() if method == "POST" else None
        request = urllib.request.Request(  # noqa: S310 (loopback)
            f"{self.url}/_emulator{knob}", data=body, method=method
        )
        try:
            with self._opener.open(request, timeout=_SETTLE_SECONDS) as answer:
                told: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(refusal.read().decode()) from None
        return told

    def _form(self, url: str, fields: dict[str, str]) -> Shown:
        body = urllib.parse.urlencode(fields).encode()
        return self._open(urllib.request.Request(url, data=body))  # noqa: S310 (loopback)

    def _open(self, request: urllib.request.Request) -> Shown:
        try:
            with self._opener.open(request, timeout=_SETTLE_SECONDS) as answer:
                return Shown(answer.status, "", answer.read().decode())
        except urllib.error.HTTPError as other:
            location = other.headers.get("Location", "")
            return Shown(other.code, location, other.read().decode())


@contextmanager
def running(*words: str, key: str = KEY) -> Iterator[Peer]:
    """Run an emulator in a process of its own.

    Args:
        words: more of its arguments: "--pause-seconds", "0.05".
    """
    process = subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "tests.stripe_peer", "--key", key, *words],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Peer(_address(process), key)
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None, "it was asked for"
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None, "it was asked for"
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"The emulator ended with {process.wait(_START_SECONDS)}.")
    return str(json.loads(line)["url"])
