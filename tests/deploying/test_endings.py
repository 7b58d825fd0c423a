"""Ending and replacing the processes of production while they work: nothing is lost or doubled."""

import http.client
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
import yaml
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from billing.accounts import scopes, services
from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.models import Grant
from billing.outbox.models import Message
from billing.webhooks import services as webhooks
from config.embedded.processes import free_port
from plans.credits import MICROS
from tests import factories
from tests.deploying.clients import CREDITS_EACH, Clients, Heard
from tests.deploying.conftest import Place, ask, command_of_the_image, until
from tests.kills.machines import Machine

pytestmark = pytest.mark.django_db(transaction=True)
_COMPOSE: Final = Path(__file__).parents[2] / "docker-compose.yml"
_ACCOUNTS: Final = tuple(f"user{number}" for number in range(12))
_HELD_SECONDS: Final = 0.4


@pytest.fixture(scope="module")
def secret(place: Place, django_db_blocker: DjangoDbBlocker) -> str:
    """A key of the platform's server; accounts and catalog are there."""
    place.postgres.promote()
    with django_db_blocker.unblock(), place.inside():
        factories.publish_kling()
        for name in _ACCOUNTS:
            factories.new_account(name)
        return services.create_api_key("shop", sorted(scopes.ALL), now=timezone.now())[1]


@pytest.fixture
def books(place: Place, secret: str) -> Iterator[list[Heard]]:
    """Whoever was answered has what he asked for, once, and every invariant holds."""
    heard: list[Heard] = []
    with place.inside():
        before = _credits()
    yield heard
    with place.inside():
        assert _credits() - before == heard[0].answered[201] * CREDITS_EACH
        assert list(audit.breaches()) == []


def _credits() -> int:
    return int((Grant.objects.aggregate(n=Sum("available_micros"))["n"] or 0) // MICROS)


def _web(place: Place, port: int) -> Machine:
    machine = place.run(f"web{port}", command_of_the_image(port))
    until(lambda: ask(port, "/healthz")[0] == 200)
    return machine


def _end(machine: Machine, *signals: signal.Signals, seconds: float) -> float:
    """Send the signals to the first process alone, as an engine does; return how long it took."""
    began = time.monotonic()
    for number in signals:
        os.kill(machine.pid, number)
        time.sleep(0.1)
    until(lambda: not machine.is_alive, seconds=seconds)
    return time.monotonic() - began


def test_a_web_that_is_told_to_end_answers_all_whom_it_let_in(
    place: Place, secret: str, books: list[Heard]
) -> None:
    port = free_port()
    web = _web(place, port)
    clients = Clients([port], secret, _ACCOUNTS)
    clients.start()
    until(clients.hear(40))

    _end(web, signal.SIGTERM, seconds=35)
    _web(place, port)
    until(clients.hear(10))
    books.append(heard := clients.wait())

    assert heard.cut == []
    assert heard.refused > 0  # it was ended while they asked
    assert set(heard.answered) == {201}


def test_webs_that_are_replaced_in_turn_leave_nobody_without_an_answer(
    place: Place, secret: str, books: list[Heard]
) -> None:
    ports = [free_port(), free_port()]
    webs = [_web(place, port) for port in ports]
    clients = Clients(ports, secret, _ACCOUNTS)
    clients.start()
    for web, port in zip(webs, ports, strict=True):
        until(clients.hear(20))
        _end(web, signal.SIGTERM, seconds=35)
        _web(place, port)
    books.append(heard := clients.wait())

    assert heard.cut == []
    assert set(heard.answered) == {201}


def test_a_web_that_is_told_to_end_at_once_cuts_and_repeats_make_good(
    place: Place, secret: str, books: list[Heard]
) -> None:
    port = free_port()
    web = _web(place, port)
    clients = Clients([port], secret, _ACCOUNTS)
    clients.start()
    until(clients.hear(40))

    _end(web, signal.SIGTERM, signal.SIGQUIT, seconds=35)
    _web(place, port)
    until(clients.hear(10))
    books.append(heard := clients.wait())

    assert set(heard.answered) <= {201, 409}  # 409: what was cut had not ended yet


class _Receiver(BaseHTTPRequestHandler):
    """Takes its time, and notes who came and who was answered."""

    begun: Counter[str] = Counter()
    answered: Counter[str] = Counter()

    def do_POST(self) -> None:
        """Answer after a while."""
        name = self.headers["webhook-id"]
        self.begun[name] += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        threading.Event().wait(_HELD_SECONDS)
        self.send_response(http.HTTPStatus.NO_CONTENT)
        self.end_headers()
        self.answered[name] += 1

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(place: Place, secret: str) -> Iterator[type[_Receiver]]:
    """Whom every grant is told to."""
    _Receiver.begun, _Receiver.answered = Counter(), Counter()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with place.inside(), transaction.atomic():
            endpoint = webhooks.create_endpoint(account=None, url=url, now=timezone.now())
        yield _Receiver
        server.shutdown()
        with place.inside(), transaction.atomic():
            webhooks.delete_endpoint(endpoint, now=timezone.now())


@transaction.atomic
def _tell(account: Account) -> None:
    webhooks.publish(
        account=account, type="credits.granted", data={"n": account.pk}, now=timezone.now()
    )


def _of_compose(place: Place, name: str) -> Machine:
    """Start a container's command as it stands in docker-compose.yml."""
    command = yaml.safe_load(_COMPOSE.read_text())["services"][name]["command"]
    own = str(place.folder / "schedule")
    words = [own if word.endswith("/schedule") else word for word in command]
    return place.run(name, [sys.executable, *words[1:]], WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8")


@pytest.mark.parametrize(
    "signals", [(signal.SIGTERM,), (signal.SIGTERM, signal.SIGQUIT)], ids=["once", "at once"]
)
def test_a_worker_that_is_told_to_end_finishes_or_gives_back_each_task(
    place: Place, receiver: type[_Receiver], signals: tuple[signal.Signals, ...]
) -> None:
    with place.inside():
        accounts = [factories.new_account(f"told{n}", is_sandbox=False) for n in range(24)]
    first, scheduler = _of_compose(place, "worker"), _of_compose(place, "scheduler")
    with place.inside():
        for account in accounts:
            _tell(account)
    until(lambda: receiver.begun.total() >= 6)

    took = _end(first, *signals, seconds=60)
    begun, answered = receiver.begun.copy(), receiver.answered.copy()
    _of_compose(place, "worker")
    until(lambda: len(receiver.answered) >= len(accounts), seconds=90)
    with place.inside():
        until(lambda: not Message.objects.filter(done_at=None).exists(), seconds=30)
        assert list(audit.breaches()) == []
    scheduler.end()

    assert took < 60
    if len(signals) == 1:
        assert begun == answered  # none was cut in the middle
        assert set(receiver.begun.values()) == {1}  # and none was told twice
