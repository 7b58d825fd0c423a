"""The platform at which processes are cut off, and all that stands around it on this machine."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db import transaction

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.outbox.models import Message
from billing.webhooks import services as webhooks
from billing.webhooks.models import Endpoint
from tests import factories
from tests.corrections import desk
from tests.egress.receiver import Receiver
from tests.faults.crashing.child import Errand, Request, port_of
from tests.faults.crashing.studio import SECRET, Studio
from tests.faults.proxy.cutting import Proxy
from tests.faults.proxy.words import HttpTalk, PostgresTalk, RedisTalk
from tests.jobs.fleet_story import film
from tests.payments import till as tills
from tests.payments.till import Till
from tests.servers import Servers
from tests.stripe_peer.driver import Peer

_PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [[plan.allowance]]
  code = "day"
  cadence = "daily"
  mode = "claimed"
  credits = "10"
  zone = "UTC"
  [plan.entitlements]
  concurrency = 100
  packs = true

[[plan]]
code = "small"
name = { en = "Small", zh = "小型版" }
prices = [{ currency = "USD", interval = "P1M", list = "10" }]
  [[plan.allowance]]
  code = "monthly"
  credits = "100"
  cadence = "monthly"

[[plan]]
code = "large"
name = { en = "Large", zh = "大型版" }
prices = [{ currency = "USD", interval = "P1M", list = "40" }]
  [[plan.allowance]]
  code = "monthly"
  credits = "600"
  cadence = "monthly"
"""
_PACKS: Final = """
[[pack]]
code = "plain"
name = { en = "Plain", zh = "普通包" }
credits = "100"
expiry = "P30D"
prices = [{ currency = "USD", list = "10" }]
"""
_RULES: Final = """
[transfers]
sources = ["goodwill"]

[payments.cooling_off]
within = "P7D"

[change_policy]
upgrade = { when = "now", credits = "replace" }

[corrections]
adjustment_max = "500"
adjustment_day_max = "1000000"
"""


@dataclass
class World:
    """Who stands around the service."""

    studio: Studio
    receiver: Receiver
    peer: Peer
    proxy: Proxy
    led: Mapping[int, str]
    operators: tuple[User, User] = field(init=False)
    secret: str = field(init=False)
    _events_seen: int = 0

    def __post_init__(self) -> None:
        """Open the shop."""
        self.renew()
        self.operators = _operator("grace"), _operator("rosa")
        scopes = ("grants:write", "jobs:write")
        self.secret = accounts.create_api_key("platform", scopes, now=now())[1]

    def renew(self) -> None:
        """Have Stripe know the prices, and nothing else."""
        self.peer.reset()
        tills.open_till(_RULES, packs=_PACKS, plans=_PLANS)
        self._events_seen = len(self.till.events())

    # -- people --------------------------------------------------------------------------------
    def customer(self, *, has: int = 0, is_sandbox: bool = False) -> Account:
        """Return a new account with so many whole credits."""
        account = factories.new_account(new_id("person"), is_sandbox=is_sandbox)
        factories.settle(account)
        if has:
            factories.give(account, has)
        return account

    def asks(self, account: Account, path: str, **body: object) -> Request:
        """Return a request of the account's owner, with a key of its own."""
        token = tokens.sign(
            account.external_id,
            lifetime=timedelta(hours=6),
            is_sandbox=account.is_sandbox,
            now=now(),
        )
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id("key")}
        return Request("POST", path, json.dumps(body), headers)

    def server_asks(self, account: Account, path: str, **body: object) -> Request:
        """Return a request of the platform's own server for an account."""
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "X-Account": account.external_id,
            "Idempotency-Key": new_id("key"),
        }
        return Request("POST", path, json.dumps(body), headers)

    def listens(self, account: Account) -> Endpoint:
        """Have the account's events told to the receiver; whoever is told has answered before."""
        with transaction.atomic():
            made = webhooks.create_endpoint(
                account=None, url=self.receiver.url, is_sandbox=account.is_sandbox, now=now()
            )
        Endpoint.objects.filter(pk=made.pk).update(prompt_from=now())
        return made

    # -- the backend ---------------------------------------------------------------------------
    def reports(self) -> list[tuple[str, Request]]:
        """Return the last words of the studio on all that is in flight, by prediction."""
        return [
            (
                body["id"],
                Request("POST", path, json.dumps(body), {"Authorization": f"Bearer {SECRET}"}),
            )
            for path, body in self.studio.words(film())
        ]

    # -- Stripe --------------------------------------------------------------------------------
    @property
    def till(self) -> Till:
        """The shop as the tests of payments hold it."""
        return Till(self.peer)

    def news(self, *types: str) -> list[dict[str, Any]]:
        """Return what Stripe has to tell since this was asked last, the oldest first."""
        told = self.till.events()
        new, self._events_seen = told[self._events_seen :], len(told)
        return [event for event in new if not types or event["type"] in types]

    def tells(self, event: Mapping[str, Any]) -> Request:
        """Return Stripe's call about an event."""
        body = json.dumps(event)
        signature = tills.signature_of(body, self.peer.secret, int(now().timestamp()))
        return Request("POST", "/webhooks/stripe", body, {"Stripe-Signature": signature})


def _operator(name: str) -> User:
    """Return somebody who may ask for adjustments, and approve those of others."""
    person, _is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    words = [f"{verb}_{what}" for verb in ("request", "approve") for what in desk.KINDS]
    person.user_permissions.set(Permission.objects.filter(codename__in=words))
    return User.objects.get(pk=person.pk)


def now() -> datetime:
    """Return the real instant."""
    return datetime.now(UTC)


def errand(task: str) -> Errand:
    """Return the one open message of a task."""
    found = list(Message.objects.filter(task=task, ring_at__isnull=False))
    assert len(found) == 1, f"{task}: {found}"
    return Errand(found[0].pk)


@contextmanager
def running(servers: Servers, peer: Peer) -> Iterator[World]:
    """Have all of it run on this machine."""
    studio = Studio()
    with Receiver() as receiver:
        ports = {
            "postgres": servers.postgres.port,
            "redis": port_of(servers.valkey.url),
            "gpu": studio.port,
            "stripe": port_of(peer.url),
            "receiver": receiver.port,
        }
        talks = {"postgres": PostgresTalk, "redis": RedisTalk}
        proxy = Proxy({name: (port, talks.get(name, HttpTalk)) for name, port in ports.items()})
        settings.STRIPE_SECRET_KEY = peer.key
        settings.STRIPE_API_BASE = peer.url
        settings.STRIPE_WEBHOOK_SECRETS = [peer.secret]
        settings.BACKENDS = {"studio": _entry(studio)}
        yield World(studio, receiver, peer, proxy, {port: name for name, port in ports.items()})
        proxy.close()
    studio.close()


def _entry(studio: Studio) -> dict[str, object]:
    return {
        "kind": "cog",
        "url": f"http://127.0.0.1:{studio.port}",
        "secret": SECRET,
        "models": ["m"],
        "concurrency": 1000,
        "sandbox": True,
        "deadline_seconds": 86_400,
        "absent_grace_seconds": 60,
    }
