"""No request of ours reaches what is not public: by no spelling, redirect or lie of a name server.

Each is tried at every place where others name an address: webhooks, inputs of jobs, outputs of
backends, the key set. What listens on the loopback must see no connection at all.
"""

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from pytest_django import Settings
from rest_framework.exceptions import ValidationError

from billing import egress
from billing.accounts import services as accounts
from billing.accounts.authentication import Caller
from billing.accounts.keys import KeysAway, KeySet
from billing.accounts.models import Account
from billing.egress import FetchPolicy, Policy, Unreachable
from billing.jobs.shapes import JobIn, read_order
from billing.webhooks import services
from billing.webhooks.errors import UrlRefused
from billing.webhooks.models import Delivery
from plans.errors import InvalidSpec
from tests.egress.file_server import FileServer, leading
from tests.egress.name_server import NameServer, name_server, system_asking
from tests.egress.spellings import CLOSED, urls
from tests.outbox.cast import now

__all__ = ["name_server", "now"]
PUBLIC = "93.184.215.14"
QUICK = FetchPolicy(timeout_seconds=5)


class Canary:
    """Listens on the loopback, in both families, and counts who comes."""

    def __init__(self) -> None:
        self.visitors: list[object] = []
        four = socket.create_server(("127.0.0.1", 0))
        self.port: int = four.getsockname()[1]
        self._sockets = [four]
        with suppress(OSError):  # a machine without IPv6 has one way in less
            self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listening in self._sockets:
            threading.Thread(target=self._count, args=(listening,), daemon=True).start()

    def _count(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, visitor = listening.accept()
                self.visitors.append(visitor)
                connection.close()

    def close(self) -> None:
        """Listen no more."""
        for listening in self._sockets:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()


@dataclass
class Wire:
    """What was connected to; a public address is noted and refused, for a test calls nobody."""

    called: list[str]


@pytest.fixture
def canary() -> Iterator[Canary]:
    """Return what must not be called."""
    listening = Canary()
    yield listening
    listening.close()


@pytest.fixture(autouse=True)
def wire(monkeypatch: pytest.MonkeyPatch, name_server: NameServer) -> Wire:
    """Have names resolved by the lying server alone, and nobody outside called."""
    real, seen = socket.create_connection, Wire([])

    def connect(address: tuple[str, int], *more: Any, **options: Any) -> socket.socket:  # noqa: ANN401 (as in the library)
        seen.called.append(address[0])
        if address[0] == PUBLIC:
            raise ConnectionRefusedError
        return real(address, *more, **options)

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(socket, "getaddrinfo", system_asking(name_server))
    return seen


@pytest.fixture
def account(db: None, now: datetime) -> Account:
    """Return Ada's account."""
    return accounts.ensure_account("ada", zone="UTC", now=now)


def test_the_spellings_are_many_and_the_canary_sings(canary: Canary, wire: Wire) -> None:
    assert len(urls(canary.port)) >= 400
    assert len(set(urls(canary.port))) == len(urls(canary.port))

    socket.create_connection(("127.0.0.1", canary.port)).close()

    assert wire.called == ["127.0.0.1"]


@pytest.mark.django_db(transaction=True)
def test_no_webhook_goes_inside(
    account: Account, canary: Canary, wire: Wire, now: datetime
) -> None:
    taken = []
    for url in urls(canary.port):
        try:
            with transaction.atomic():
                endpoint = services.create_endpoint(account=account, url=url, now=now)
                delivery = services.send_test(endpoint, now=now)
        except UrlRefused:
            continue
        services.deliver(delivery.pk, now=now)
        services.delete_endpoint(endpoint, now=now)
        taken.append(url)

    assert taken  # a name is judged when it is called
    assert Delivery.objects.exclude(last_trouble="address").exists() is False
    assert (canary.visitors, wire.called) == ([], [])


def _pointer_of_refusal(name: str, url: str) -> str:
    """Return what is refused of an order with this input; empty: nothing."""
    caller = Caller(
        kind="user",
        account=None,
        scopes=frozenset(),
        name="ada",
        key_id="",
        acts_for="",
        is_sandbox=False,
    )
    try:
        read_order(JobIn, {"model": "m", "inputs": {"prompt": "x", name: url}}, caller=caller)
    except InvalidSpec as refusal:
        complaints: Any = refusal.facts["errors"]
        return ",".join(complaint["pointer"] for complaint in complaints)
    except ValidationError as refusal:
        detail: Any = refusal.detail
        return ",".join(f"/inputs/{each}" for each in detail["inputs"])
    return ""


@pytest.mark.parametrize("name", ["image_url", "last_image_url", "video_url"])
def test_no_input_of_a_job_leads_inside_by_its_spelling(
    canary: Canary, wire: Wire, name: str
) -> None:
    refused = {url: _pointer_of_refusal(name, url) for url in urls(canary.port)}

    assert set(refused.values()) == {"", f"/inputs/{name}"}
    through = [url for url, pointer in refused.items() if not pointer]
    # Names that could be anybody's: where they lead is seen when they are called.
    assert {urlsplit(url).hostname for url in through} <= {
        *(
            "example.com",
            "127.0.0.1.nip.io",
            "7f000001.nip.io",
            "localtest.me",
            "inside.example.com",
        ),
        *("127.0.0.1.example.com", "0x7f000001.example.com", "xn--lcalhost-54a.example.com"),
        *("localtest.me", "a.b.c.d.e"),
    }
    assert (canary.visitors, wire.called) == ([], [])


def test_no_output_is_fetched_from_inside(canary: Canary, wire: Wire) -> None:
    for url in urls(canary.port):
        with pytest.raises(Unreachable) as refused:
            egress.fetch(url, io.BytesIO(), bytes_max=10, policy=QUICK)
        assert refused.value.trouble == "address", url

    assert (canary.visitors, wire.called) == ([], [])


def test_no_redirect_of_an_output_leads_inside(canary: Canary, wire: Wire) -> None:
    with FileServer() as server:
        here = egress.trusting(QUICK, server.url())
        spelt = [url for url in urls(canary.port) if url.isascii() and url.isprintable()]
        for number, url in enumerate(spelt):
            server.plays[f"/{number}"] = leading(url)
            with pytest.raises(Unreachable):
                egress.fetch(server.url(f"/{number}"), io.BytesIO(), bytes_max=10, policy=here)

        assert len(server.requests) >= len(spelt) >= 300

    assert canary.visitors == []


def test_no_key_set_is_fetched_from_inside(canary: Canary, wire: Wire, settings: Settings) -> None:
    assert settings.JWT_JWKS_ALLOWED_CIDRS == []
    for url in urls(canary.port):
        with pytest.raises(KeysAway):
            KeySet(url).find("any")

    assert (canary.visitors, wire.called) == ([], [])


Call = Callable[[str], object]


def _posts(url: str) -> object:
    return egress.post(url, headers={}, body=b"{}", policy=Policy(timeout_seconds=5))


def _fetches(url: str) -> object:
    return egress.fetch(url, io.BytesIO(), bytes_max=10, policy=QUICK)


def _trouble(call: Call, url: str) -> str:
    with pytest.raises(Unreachable) as refused:
        call(url)
    return refused.value.trouble


@pytest.mark.parametrize("call", [_posts, _fetches])
def test_no_name_leads_inside_whatever_else_it_stands_for(
    canary: Canary, wire: Wire, name_server: NameServer, call: Call
) -> None:
    cases = 0
    for address in CLOSED:
        for number, answer in enumerate(([address], [address, PUBLIC], [PUBLIC, address])):
            name = f"n{number}.example.com"
            name_server.answers[name] = [answer]
            assert _trouble(call, f"https://{name}:{canary.port}/") == "address", answer
            cases += 1

    assert cases >= 120
    assert (canary.visitors, wire.called) == ([], [])


@pytest.mark.parametrize("call", [_posts, _fetches])
@pytest.mark.parametrize("first", ["public", "SERVFAIL", "NXDOMAIN", "empty"])
def test_a_name_that_stands_for_the_loopback_at_the_second_look_gains_nothing(
    canary: Canary, wire: Wire, name_server: NameServer, call: Call, first: str
) -> None:
    answers = {"public": [PUBLIC], "empty": []}
    name_server.answers["turns.example.com"] = [answers.get(first, first), ["127.0.0.1"]]
    url = f"https://turns.example.com:{canary.port}/"

    assert _trouble(call, url) == "connection"
    # Looked up once: had it been connected to by its name, it would have been asked again.
    assert name_server.asked["turns.example.com"] == 2
    assert wire.called == ([PUBLIC] if first == "public" else [])
    assert _trouble(call, url) == "address"
    assert wire.called == ([PUBLIC] if first == "public" else [])
    assert canary.visitors == []


@pytest.mark.parametrize("call", [_posts, _fetches])
@pytest.mark.parametrize(
    "answer",
    [
        *([PUBLIC, "::1"], ["127.0.0.1", "2606:4700::1111"], ["inside.test"], ["localhost"]),
        *(["alias.example.com"], ["alias.example.com", PUBLIC]),
    ],
)
def test_mixed_families_and_aliases_lead_nowhere(
    canary: Canary, wire: Wire, name_server: NameServer, call: Call, answer: list[str]
) -> None:
    name_server.answers["alias.example.com"] = [["further.example.com"]]
    name_server.answers["mixed.example.com"] = [answer]

    assert _trouble(call, f"https://mixed.example.com:{canary.port}/") == "address"

    assert (canary.visitors, wire.called) == ([], [])
