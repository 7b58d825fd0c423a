"""Receivers that hang, drip, swell or refuse hold up themselves; the others hear all, in order."""

import json
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.webhooks import services
from billing.webhooks.models import Delivery, Endpoint
from billing.webhooks.services import delivering, turning
from tests.egress.conftest import certificate
from tests.egress.receiver import Answer, RawReceiver, Receiver
from tests.outbox.cast import StartWorker, Until
from tests.webhooks.rounds import answer_rings, happens, of, platform_endpoint, rung

__all__ = ["certificate"]
pytestmark = pytest.mark.django_db(transaction=True)
LONG = timedelta(seconds=10)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"


@dataclass
class Bad:
    """What a receiver does to us; `behave` ends when the test does."""

    over: threading.Event
    sent_bytes: int = 0

    def hang(self, connection: socket.socket) -> None:
        """Take the message and say nothing."""
        self.over.wait()

    def drip(self, connection: socket.socket) -> None:
        """Say a byte now and then, and never all."""
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.over.wait(0.2):
            connection.sendall(b"x")

    def swell(self, connection: socket.socket) -> None:
        """Answer with a gigabyte, as long as anybody listens."""
        connection.sendall(HEAD)
        for _block in range(1024):
            connection.sendall(b"x" * 1024 * 1024)
            self.sent_bytes += 1024 * 1024


@pytest.fixture
def bad() -> Iterator[Bad]:
    """Return bad manners, which end with the test."""
    manners = Bad(threading.Event())
    yield manners
    manners.over.set()


@pytest.fixture
def bob(account: Account, now: datetime) -> Account:
    """Return another account."""
    return accounts.ensure_account("bob", zone="UTC", now=now)


def heard(receiver: Receiver) -> dict[str, list[int]]:
    """Return the numbers of the events that arrived, by account."""
    found = defaultdict(list)
    for body in [json.loads(received.body) for received in receiver.received]:
        found[body["account"]].append(body["sequence"])
    return found


def serving_tls(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_the_good_hear_all_in_order_while_the_bad_hang(
    account: Account,
    bob: Account,
    receiver: Receiver,
    bad: Bad,
    certificate: Path,
    worker: StartWorker,
    until: Until,
    now: datetime,
) -> None:
    good = platform_endpoint(receiver.url, now=now)
    with ExitStack() as open_:
        refusing, leading = (open_.enter_context(Receiver()) for _each in range(2))
        refusing.answers = [Answer(500)] * 1000
        leading.answers = [Answer(307, headers={"Location": receiver.url})] * 1000
        untrusted = open_.enter_context(Receiver(serving_tls(certificate)))
        urls = [open_.enter_context(RawReceiver(way)).url for way in (bad.hang, bad.drip)]
        urls += [refusing.url, leading.url, untrusted.url.replace("http:", "https:")]
        others = [platform_endpoint(url, now=now, prompt=False) for url in urls]

        with worker():
            happens(*[account, bob] * 10, now=datetime.now(UTC))
            until(lambda: good.deliveries.exclude(delivered_at=None).count() == 20, seconds=90)
            bad_ones = Delivery.objects.filter(endpoint__in=others)
            assert not bad_ones.exclude(delivered_at=None).exists()
            assert heard(receiver) == {"ada": [*range(1, 11)], "bob": [*range(1, 11)]}
            assert bad_ones.count() == 20 * len(others)  # none is lost
            bad.over.set()
    # Of each line the first alone was ever tried, whatever became of it.
    assert not bad_ones.filter(sequence__gt=1, attempts__gt=0).exists()
    assert untrusted.received == []


def test_of_a_gigabyte_as_much_is_read_as_is_kept(
    account: Account, bad: Bad, now: datetime
) -> None:
    with RawReceiver(bad.swell) as swelling:
        endpoint = platform_endpoint(swelling.url, now=now)
        [event] = happens(account, now=now)

        services.deliver(of(event, endpoint).pk, now=now)

    assert (of(event, endpoint).status, of(event, endpoint).last_excerpt) == (
        "delivered",
        "x" * 500,
    )
    assert bad.sent_bytes < 64 * 1024 * 1024  # what lay in the buffers between, no gigabyte


def test_events_that_met_an_outage_arrive_after_it_in_order_and_none_is_missing(
    account: Account,
    bob: Account,
    receiver: Receiver,
    worker: StartWorker,
    until: Until,
    now: datetime,
) -> None:
    endpoint = platform_endpoint(receiver.url, now=now, prompt=False)
    receiver.answers = [Answer(503)] * 2

    with worker():
        happens(*[account, bob] * 25, now=datetime.now(UTC))
        until(lambda: endpoint.deliveries.exclude(delivered_at=None).count() == 50, seconds=90)

    for numbers in heard(receiver).values():
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(1, 26))
    assert len(receiver.received) == 52


def _takes(endpoint: Endpoint, account: Account, now: datetime) -> delivering._Attempt | None:
    """Let the next event of the account go to the endpoint, if it may."""
    delivery = endpoint.deliveries.filter(account=account, next_at__isnull=False)
    return delivering._take(delivery.order_by("sequence")[0].pk, now)


def _ends(
    attempt: delivering._Attempt | None, now: datetime, *, trouble: str = "", took: timedelta = LONG
) -> None:
    assert attempt is not None
    delivering._record(attempt, delivering._Outcome(trouble, took=took), now)


@pytest.fixture
def three(now: datetime) -> list[Endpoint]:
    """Return endpoints that have never answered."""
    urls = [f"http://127.0.0.1:1999/{number}" for number in range(3)]
    return [platform_endpoint(url, now=now, prompt=False) for url in urls]


def test_the_slow_pass_a_narrow_gate_and_the_prompt_another(
    account: Account, bob: Account, three: list[Endpoint], now: datetime
) -> None:
    prompt = platform_endpoint("http://127.0.0.1:1999/prompt", now=now)
    happens(account, bob, now=now)
    first, second, third = three
    assert django_settings.WEBHOOK_SLOW_AT_ONCE == 2

    assert _takes(first, account, now)
    assert _takes(first, bob, now) is None  # one at a time each
    assert _takes(second, account, now)
    assert _takes(third, account, now) is None  # two together
    assert _takes(prompt, account, now)
    assert _takes(prompt, bob, now)

    waiting = Delivery.objects.filter(waits_for="room").values_list("endpoint", flat=True)
    assert sorted(waiting) == sorted([first.pk, third.pk])
    assert third.deliveries.filter(attempts__gt=0).count() == 0


def test_who_had_his_turn_longest_ago_is_let_through_the_gate_next(
    account: Account, bob: Account, three: list[Endpoint], now: datetime
) -> None:
    happens(account, bob, now=now)
    first, second, third = three
    under_way = _takes(first, bob, now)
    _takes(second, account, now + timedelta(seconds=1))
    later = now + timedelta(seconds=2)
    _takes(first, account, later)  # due before the third's, but this endpoint has had its turn
    _takes(third, bob, later)
    answer_rings()

    _ends(under_way, later, trouble="timeout")

    assert rung() == [third.deliveries.get(account=bob).pk]


def test_an_endpoint_is_called_twice_at_a_time_and_then_whoever_waits(
    account: Account, bob: Account, now: datetime
) -> None:
    carol = accounts.ensure_account("carol", zone="UTC", now=now)
    endpoint = platform_endpoint("http://127.0.0.1:1999/", now=now)
    _first, second, *_others = happens(account, account, bob, carol, now=now)
    under_way = _takes(endpoint, account, now)
    _takes(endpoint, bob, now)
    assert _takes(endpoint, carol, now) is None
    assert delivering._take(of(second, endpoint).pk, now) is None
    answer_rings()

    _ends(under_way, now + timedelta(seconds=1), took=timedelta())

    # Not the next of the account that has just had its turn.
    assert rung() == [endpoint.deliveries.get(account=carol).pk]


def test_one_late_answer_makes_an_endpoint_slow_for_ten_minutes(
    account: Account, bob: Account, now: datetime
) -> None:
    endpoint = platform_endpoint("http://127.0.0.1:1999/", now=now)
    happens(account, bob, now=now)
    _ends(_takes(endpoint, account, now), now, took=timedelta(seconds=2.1))

    endpoint.refresh_from_db()
    # Prompt in between, it stays among the slow.
    turning.note_answer(endpoint, took=timedelta(), now=now + timedelta(minutes=1))
    assert not endpoint.is_prompt(now + timedelta(minutes=10))
    assert endpoint.is_prompt(now + timedelta(minutes=10, seconds=2.1))


@pytest.mark.parametrize("trouble", ["", "status", "connection"])
def test_any_prompt_end_takes_an_endpoint_out_of_the_gate(
    account: Account, three: list[Endpoint], now: datetime, trouble: str
) -> None:
    happens(account, now=now)

    _ends(_takes(three[0], account, now), now, trouble=trouble, took=timedelta(seconds=1.9))

    three[0].refresh_from_db()
    assert three[0].is_prompt(now)


def test_whoever_waits_for_one_that_died_in_the_gate_is_called_by_the_sweep(
    account: Account, three: list[Endpoint], now: datetime
) -> None:
    happens(account, now=now)
    for endpoint in three:
        _takes(endpoint, account, now)
    answer_rings()

    services.sweep(now=now + timedelta(seconds=24))
    assert rung() == []
    services.sweep(now=now + timedelta(seconds=26))
    assert rung() == [three[2].deliveries.get().pk]


def test_what_waited_long_is_not_swept_from_under_who_tries_it(
    account: Account, three: list[Endpoint], now: datetime
) -> None:
    happens(account, now=now)
    later = now + timedelta(minutes=20)
    assert _takes(three[0], account, later)
    answer_rings()

    services.sweep(now=later + timedelta(seconds=5))

    assert three[0].deliveries.get().pk not in rung()
    assert three[0].deliveries.get().leased_until == later + timedelta(seconds=25)


def test_a_new_address_has_to_show_itself_anew(account: Account, now: datetime) -> None:
    endpoint = platform_endpoint("http://127.0.0.1:1999/", now=now)

    with transaction.atomic():
        changed = services.change_endpoint(endpoint, url="http://127.0.0.1:1999/new", now=now)

    assert not changed.is_prompt(now)
