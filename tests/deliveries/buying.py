"""Customers buy over the platform's API, and pay at the emulator's pages, as their stories say.

Nobody tells the product what came of it: all events wait until everything has happened.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from tests.deliveries.plan import Back, Story, Way
from tests.stripe_peer import driver
from tests.stripe_peer.driver import Peer

_TIMEOUT_SECONDS: Final = 60
_HOME: Final = "https://platform.example/home"
PACK: Final = "hundred"
PLAN: Final = "pro"


class Buyers:
    """All customers of one run.

    Attributes:
        payments: by story number the payment that succeeded; none: he never paid.
    """

    def __init__(self, peer: Peer, *, port: int, tokens: Mapping[int, str]) -> None:
        self.payments: dict[int, str] = {}
        self._peer = peer
        self._port = port
        self._tokens = tokens

    def buy(self, story: Story) -> None:
        """Let a customer order and pay, as far as his story goes."""
        self._pay(story, self._open(story))
        if payment := self._latest(story, "succeeded"):
            self.payments[story.number] = payment

    def take_back(self, story: Story) -> None:
        """Let money go back to him, or be asked for by his bank."""
        if payment := self.payments.get(story.number):
            _BACK[story.back](self._peer, payment)

    def _open(self, story: Story) -> str:
        order: dict[str, Any] = {"pack": PACK, "quantity": story.quantity}
        if story.way == Way.PLAN:
            order = {"plan": PLAN, "interval": "P1M"}
        body = json.dumps({**order, "success_url": _HOME, "cancel_url": _HOME})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        headers = {
            "Authorization": f"Bearer {self._tokens[story.number]}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"story-{story.number}",
        }
        connection.request("POST", "/v1/checkout-sessions", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        assert answer.status in (HTTPStatus.OK, HTTPStatus.CREATED), told
        return str(told["url"])

    def _pay(self, story: Story, url: str) -> None:
        peer = self._peer
        if story.way == Way.LEFT:
            return
        if story.way == Way.DECLINED:
            peer.pay(url, number=driver.DECLINED)
        if story.way == Way.CHALLENGED:
            peer.decide(peer.pay(url, number=driver.CHALLENGED))
        elif story.way in (Way.WALLET, Way.WALLET_FAILED):
            peer.decide(peer.pay(url, method="alipay"), "later")
            outcome = "succeeded" if story.way == Way.WALLET else "failed"
            peer.end_payment(self._latest(story, "processing"), outcome)
        else:
            peer.pay(url)

    def _latest(self, story: Story, status: str) -> str:
        """Return the customer's newest payment of that status; "": there is none."""
        objects = self._peer.objects()
        [customer] = [one["id"] for one in objects["customer"] if one["name"] == story.name]
        found = [
            one["id"]
            for one in objects.get("payment_intent", ())
            if one["customer"] == customer and one["status"] == status
        ]
        return found[-1] if found else ""


def _refund(peer: Peer, payment: str, *amounts: int | None) -> None:
    for amount in amounts:
        peer.refund(payment, **({} if amount is None else {"amount": amount}))


def _fail(peer: Peer, payment: str) -> None:
    refund = peer.refund(payment, amount=700)
    peer.end_refund(str(refund["id"]), "failed")


def _dispute(peer: Peer, payment: str, *, is_won: bool) -> None:
    dispute = peer.dispute(payment)
    peer.end_dispute(str(dispute["id"]), is_won=is_won)


def _part_then_lost(peer: Peer, payment: str) -> None:
    _refund(peer, payment, 333)
    _dispute(peer, payment, is_won=False)


_BACK: Final[Mapping[Back, Callable[[Peer, str], object]]] = {
    Back.NOTHING: lambda _peer, _payment: None,
    Back.PART: lambda peer, payment: _refund(peer, payment, 333),
    Back.PARTS: lambda peer, payment: _refund(peer, payment, 333, 334),
    Back.ALL: lambda peer, payment: _refund(peer, payment, 1, None),
    Back.FAILED: _fail,
    Back.OPEN: lambda peer, payment: peer.dispute(payment),
    Back.WON: lambda peer, payment: _dispute(peer, payment, is_won=True),
    Back.LOST: lambda peer, payment: _dispute(peer, payment, is_won=False),
    Back.PART_THEN_LOST: _part_then_lost,
    Back.INQUIRY: lambda peer, payment: peer.dispute(payment, is_inquiry=True),
}
