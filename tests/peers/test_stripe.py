"""Two emulators of Stripe, written by strangers, agree in what both can: ours and localstripe.

localstripe is free software under another licence than ours: it runs as a program of its own, on
loopback, and nothing of it is imported.
"""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from tests.payments.peer.receiver import Receiver
from tests.stripe_peer.driver import CHALLENGED, DECLINED_LATER, GOOD, running

KEY = "sk_test_of_both"
SECRET = "whsec_of_both"
PATIENCE_SECONDS = 120


@dataclass
class Server:
    """One of the two; `card_only` is how it is told that nobody is sent to a wallet."""

    url: str
    is_ours: bool
    card_only: dict[str, Any] = field(default_factory=dict)

    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(KEY, base_addresses={"api": self.url}, max_network_retries=0)

    def answer_bank(self, intent: stripe.PaymentIntent, *, is_passed: bool) -> None:
        """Say yes or no to 3-D Secure, each in its own way."""
        if self.is_ours:
            fields = {"outcome": "complete" if is_passed else "fail"}
            self.post(f"/authorize/{intent.id}", fields)
        else:
            facts = {"client_secret": str(intent.client_secret), "success": str(is_passed).lower()}
            self.post(f"/v1/payment_intents/{intent.id}/_authenticate", facts)

    def listen(self, url: str) -> None:
        """Have events sent to an address."""
        if self.is_ours:
            self.post("/_emulator/webhooks/endpoint", {"url": url, "secret": SECRET}, is_json=True)
        else:
            self.post("/_config/webhooks/both", {"url": url, "secret": SECRET})

    def post(self, path: str, facts: dict[str, str], *, is_json: bool = False) -> None:
        body = json.dumps(facts) if is_json else urllib.parse.urlencode(facts)
        kind = "application/json" if is_json else "application/x-www-form-urlencoded"
        way = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        way.request("POST", path, body, {"Content-Type": kind, "Authorization": f"Bearer {KEY}"})
        status = way.getresponse().status
        way.close()
        assert status in (200, 303), status


@contextlib.contextmanager
def localstripe() -> Iterator[Server]:
    """Run it on loopback: its own command would listen on every address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        words = ["-b", f"127.0.0.1:{port}", "-k", "aiohttp.GunicornWebWorker"]
        process = subprocess.Popen(  # noqa: S603 (built above)
            [sys.executable, "-m", "gunicorn", *words, "localstripe.server:app"], cwd=folder
        )
        try:
            _wait_for(port)
            yield Server(f"http://127.0.0.1:{port}", is_ours=False)
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < end, "localstripe did not start"
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module", params=["ours", "localstripe"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "localstripe":
        with localstripe() as other:
            yield other
    else:
        with running("--pause-seconds", "0.1", key=KEY) as peer:
            card_only = {"allowed_payment_method_types": ["card"]}
            yield Server(peer.url, is_ours=True, card_only=card_only)


def charged(server: Server, number: str = GOOD) -> stripe.PaymentIntent:
    """Charge a customer's card 10 dollars."""
    v1: Any = server.client().v1
    customer = v1.customers.create({"email": "payer@example.com"})
    digits = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    method = v1.payment_methods.create({"type": "card", "card": digits})
    v1.payment_methods.attach(method.id, {"customer": customer.id})
    wanted = {"amount": 1000, "currency": "usd", "customer": customer.id}
    wanted |= {"payment_method": method.id, "confirm": True, **server.card_only}
    intent: stripe.PaymentIntent = v1.payment_intents.create(wanted)
    return intent


def charge_of(server: Server, intent: stripe.PaymentIntent) -> stripe.Charge:
    charge = intent.latest_charge
    identity = charge if isinstance(charge, str) else charge.id if charge else ""
    return server.client().v1.charges.retrieve(identity)


def test_a_good_card_pays(server: Server) -> None:
    intent = charged(server)

    assert (intent.status, intent.amount, intent.currency) == ("succeeded", 1000, "usd")
    charge = charge_of(server, intent)
    assert (charge.status, charge.paid, charge.amount_refunded) == ("succeeded", True, 0)


def test_a_card_that_could_be_kept_declines(server: Server) -> None:
    with pytest.raises(stripe.CardError) as declined:
        charged(server, DECLINED_LATER)

    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")


def test_the_bank_asks_and_yes_pays(server: Server) -> None:
    intent = charged(server, CHALLENGED)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"

    server.answer_bank(intent, is_passed=True)

    assert server.client().v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_the_bank_asks_and_no_pays_nothing(server: Server) -> None:
    intent = charged(server, CHALLENGED)

    server.answer_bank(intent, is_passed=False)

    after = server.client().v1.payment_intents.retrieve(intent.id)
    assert (after.status, after.payment_method) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"


def test_money_goes_back_in_parts(server: Server) -> None:
    v1 = server.client().v1
    intent = charged(server)
    first = v1.refunds.create({"payment_intent": intent.id, "amount": 300})
    assert (first.status, first.amount, first.currency) == ("succeeded", 300, "usd")
    after = charge_of(server, intent)
    assert (after.amount_refunded, after.refunded) == (300, False)

    v1.refunds.create({"payment_intent": intent.id, "amount": 700})

    after = charge_of(server, intent)
    assert (after.amount_refunded, after.refunded) == (1000, True)
    amounts = [refund.amount for refund in v1.refunds.list({"payment_intent": intent.id}).data]
    assert sorted(amounts) == [300, 700]


def test_a_paid_intent_cannot_be_canceled(server: Server) -> None:
    intent = charged(server)

    with pytest.raises(stripe.InvalidRequestError):
        server.client().v1.payment_intents.cancel(intent.id)

    assert server.client().v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_what_is_not_there_is_404(server: Server) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        server.client().v1.customers.retrieve("cus_nobody")

    assert refusal.value.http_status == 404


def test_events_are_signed_so_that_stripe_python_believes_them(server: Server) -> None:
    with Receiver(SECRET) as receiver:
        server.listen(receiver.url)
        charged(server)
        wanted = {"customer.created", "payment_intent.succeeded"}
        end = time.monotonic() + PATIENCE_SECONDS
        while not wanted <= set(receiver.types) and time.monotonic() < end:
            time.sleep(0.1)

        assert wanted <= set(receiver.types)
        assert receiver.refused == []
