"""A shop that takes money, at an emulator of Stripe's: it is asked over HTTP, and told by hand.

Tests decide which events arrive, when, how often and in which order.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import stripe
from django.db import transaction
from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger.models import Entry, Grant
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.packs.models import PackPurchase
from billing.payments import services
from billing.payments.models import Checkout, Purchase
from billing.webhooks.models import Event
from tests.jobs import shop
from tests.stripe_peer.driver import GOOD, Peer

WAYS: Final = """
[payments]
methods = { CNY = ["card", "alipay", "wechat_pay"], USD = ["card"] }
"""
PACKS: Final = """
[[pack]]
code = "plain"
name = { en = "Plain", zh = "普通包" }
credits = "100"
expiry = "P30D"
quantity_max = 50
prices = [{ currency = "USD", list = "10", first = "7" }, { currency = "CNY", list = "66" }]

  [pack.bonus]
  credits = "5"
  expiry = "P7D"
  source = "present"

[[pack]]
code = "pros"
name = { en = "For pros", zh = "专业版专享" }
credits = "100"
prices = [{ currency = "USD", list = "10" }]

[[pack]]
code = "gone"
name = { en = "Gone", zh = "已下架" }
credits = "1"
until = 2020-01-01T00:00:00Z
prices = [{ currency = "USD", list = "10" }]
"""
PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [plan.entitlements]
  concurrency = 100
  packs = ["plain", "gone"]

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业版" }
prices = [
  { currency = "USD", interval = "P1M", list = "20", first = "12" },
  { currency = "USD", interval = "P6M", list = "100" },
  { currency = "USD", interval = "P1Y", list = "180", first = "200" },
  { currency = "CNY", interval = "P1M", list = "128" },
]
  [[plan.allowance]]
  code = "monthly"
  credits = "1000"
  cadence = "monthly"

[[plan]]
code = "tried"
name = { en = "Tried", zh = "试用版" }
trial = { period = "P7D" }
prices = [{ currency = "USD", interval = "P1M", list = "20", first = "12" }]

[[plan]]
code = "team"
name = { en = "Team", zh = "团队版" }
seats_min = 3
seats_max = 15
prices = [{ currency = "USD", interval = "P1M", list = "10", first = "8" }]

[[plan]]
code = "past"
name = { en = "Past", zh = "旧版" }
until = 2020-01-01T00:00:00Z
prices = [{ currency = "USD", interval = "P1M", list = "20" }]
"""
BACK: Final = "https://app.example/back?page={CHECKOUT_SESSION_ID}"


def open_till(
    *parts: str, ways: str = WAYS, packs: str = PACKS, plans: str = PLANS, head: str = ""
) -> None:
    """Put the catalog in force, and bring the emulator's prices in step."""
    shop.open_shop(ways, packs, *parts, plans=plans, head=head)
    services.sync_prices(now=datetime.now(UTC), is_dry=False)


@dataclass
class Till:
    """What a test holds: the emulator, and a client of our own API.

    Attributes:
        is_sandbox: whether its people are of the sandbox, so that their clocks can be moved.
    """

    peer: Peer
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    is_sandbox: bool = False

    # -- people --------------------------------------------------------------------------------
    def ask(
        self,
        body: Mapping[str, object],
        *,
        name: str = "ada",
        key: str | None = None,
        path: str = "/v1/checkout-sessions",
        **headers: str,
    ) -> Any:  # noqa: ANN401 (Django's test response)
        """Ask our API, as a person."""
        return self.client.post(
            path,
            body,
            content_type="application/json",
            headers={
                "Authorization": self._proof_of(name),
                "Idempotency-Key": key or new_id("key"),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    def read(self, path: str, *, name: str = "ada", **headers: str) -> Any:  # noqa: ANN401 (as above)
        """Read from our API, as a person."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers={"Authorization": self._proof_of(name), **more})

    def sell(self, pack: str = "plain", *, quantity: int = 1, name: str = "ada") -> Checkout:
        """Return an open checkout of a pack."""
        body = {"pack": pack, "quantity": quantity, "success_url": BACK}
        answer = self.ask(body, name=name)
        assert answer.status_code == 201, answer.content
        return Checkout.objects.get(pk=answer.json()["id"])

    def buy(self, pack: str = "plain", *, number: str = GOOD, **more: Any) -> Checkout:  # noqa: ANN401 (of `sell`)
        """Return a checkout that was paid on its page; nobody has told us so."""
        checkout = self.sell(pack, **more)
        self.peer.pay(checkout.url, number)
        return checkout

    # -- Stripe --------------------------------------------------------------------------------
    def events(self, *types: str) -> list[dict[str, Any]]:
        """Return what the emulator has to tell, the oldest first; of these types, or all."""
        told = self.peer.objects().get("event", [])
        return [event for event in told if not types or event["type"] in types]

    def session_of(self, checkout: Checkout) -> dict[str, Any]:
        """Return the page as the emulator keeps it."""
        sessions = self.peer.objects()["checkout.session"]
        return next(one for one in sessions if one["id"] == checkout.stripe_id)

    def tell(self, event: Mapping[str, Any], **signing: Any) -> int:  # noqa: ANN401 (of `send`)
        """Let an event arrive; return the status that answered."""
        return self.send(json.dumps(event), **signing)

    def send(
        self,
        body: str,
        *,
        secret: str | None = None,
        at: datetime | None = None,
        signature: str | None = None,
    ) -> int:
        """Let a message arrive, signed with `secret` at `at`; return the status."""
        if signature is None:
            seconds = int((at or datetime.now(UTC)).timestamp())
            signature = signature_of(body, secret or self.peer.secret, seconds)
        answer = self.client.post(
            "/webhooks/stripe",
            body.encode(),
            content_type="application/json",
            headers={"Stripe-Signature": signature},
        )
        return int(answer.status_code)

    # -- our worker ----------------------------------------------------------------------------
    def work(self) -> list[str]:
        """Apply what the inbox has left to do, in order; return what went wrong."""
        failed = []
        waiting = Message.objects.filter(task=TaskName.APPLY_STRIPE_EVENT, ring_at__isnull=False)
        for message in waiting.order_by("pk"):
            try:
                services.apply(now=datetime.now(UTC), **message.arguments)
            except Exception as problem:  # noqa: BLE001 (what a worker would write down)
                failed.append(f"{type(problem).__name__}: {problem}")
            else:
                Message.objects.filter(pk=message.pk).update(
                    ring_at=None, done_at=datetime.now(UTC)
                )
        return failed

    def forget_messages(self) -> None:
        """Let every worker have given up."""
        Message.objects.filter(ring_at__isnull=False).update(
            ring_at=None, dead_at=datetime.now(UTC), error="given up"
        )

    def settle(self, events: Iterable[Mapping[str, Any]] | None = None) -> None:
        """Let events arrive, all if none are said, and have them applied."""
        for event in self.events() if events is None else events:
            assert self.tell(event) == 200
        assert self.work() == []

    def _proof_of(self, name: str) -> str:
        """Return by what a person is known."""
        now = datetime.now(UTC)
        token = tokens.sign(name, lifetime=timedelta(hours=1), is_sandbox=self.is_sandbox, now=now)
        return f"Bearer {token}"


def signature_of(body: str, secret: str, seconds: int) -> str:
    """Return the header by which Stripe proves a message, as its own library makes it."""
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, seconds)
    return header


@contextmanager
def undone() -> Iterator[None]:
    """Take back all that is done inside, commits too: a test lives many histories."""
    world = transaction.atomic()
    world._from_testcase = True  # type: ignore[attr-defined]  # lets `durable=True` run inside it
    with world:
        yield
        transaction.set_rollback(True)


def facts_of(account: Account) -> dict[str, list[Any]]:
    """Return all that money has moved for an account, without ids and instants of our own."""
    return {
        "purchases": list(
            Purchase.objects.filter(account=account)
            .order_by("fact")
            .values_list(
                *("kind", "fact", "stripe_id", "amount_micros", "currency"),
                *("credited_micros", "refunded_micros", "disputed_micros", "taken_micros"),
            )
        ),
        "packs": list(
            PackPurchase.objects.filter(account=account)
            .order_by("fact")
            .values_list("pack", "quantity", "fact", "paid_micros", "paid_currency")
        ),
        "grants": sorted(
            Grant.objects.filter(wallet__account=account).values_list(
                *("source", "amount_micros", "available_micros", "revoked_micros")
            )
        ),
        "entries": sorted(
            Entry.objects.filter(wallet__account=account).values_list(
                "kind", "target", "amount_micros"
            )
        ),
        "checkouts": sorted(
            Checkout.objects.filter(account=account).values_list("stripe_id", "state")
        ),
        "events": sorted(
            Event.objects.filter(account=account, type__startswith="payment.").values_list("type")
        ),
    }
