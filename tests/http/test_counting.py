"""Counting: exact under any number at once, in Redis' own time, and silent when it is away."""

import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.conf import settings as configured
from django.db import transaction
from django.test import RequestFactory
from pytest_django import Settings

from billing.http import counting, limits
from billing.http.counting import Counter, Uncounted, spend
from config.embedded.valkey import Valkey
from tests.http.limiting import _patiently, counter, own_valkey

__all__ = ["_patiently", "own_valkey"]
pytestmark = pytest.mark.usefixtures("_patiently")
TOGETHER = 200


def at_once(counters: Sequence[Counter], number: int = TOGETHER) -> int:
    """Return how many of so many simultaneous requests were admitted."""
    start = threading.Barrier(50)

    def one(_place: int) -> bool:
        start.wait(timeout=60)
        return all(count.admits for count in spend(counters))

    with ThreadPoolExecutor(50) as pool:
        return sum(pool.map(one, range(number)))


@pytest.mark.parametrize("units", [1, 7, 50])
def test_of_two_hundred_at_once_just_so_many_pass(units: int) -> None:
    mine = [counter(f"{units}/30d")]

    assert at_once(mine) == units
    assert not spend(mine)[0].admits


def test_control_who_reads_then_writes_lets_more_pass() -> None:
    """Proves that these threads race at all: counting in two steps overshoots."""
    store = redis.Redis.from_url(configured.REDIS_URL)
    key, everyone_has_read = counter("1/1d").key, threading.Barrier(8)

    def in_two_steps(_place: int) -> bool:
        so_far = int(store.get(key) or 0)
        everyone_has_read.wait(timeout=60)
        store.set(key, so_far + 1, ex=60)
        return so_far < 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(in_two_steps, range(8))) == 8


def test_each_request_says_what_is_left() -> None:
    mine = [counter("3/30d")]

    told = [spend(mine)[0] for _request in range(4)]

    assert [(count.admits, count.left) for count in told] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert all(0 < count.wait_seconds <= 10 * 86_400 for count in told)


def test_a_request_that_one_quota_refuses_is_charged_to_none() -> None:
    small, large = counter("1/30d"), counter("10/30d")
    spend([small])

    refused = spend([large, small])

    assert [count.admits for count in refused] == [True, False]
    assert [count.left for count in refused] == [10, 0]
    assert spend([large])[0].left == 9


def test_what_was_used_comes_back_evenly_and_is_forgotten_then() -> None:
    mine = [counter("10/1h")]
    store = redis.Redis.from_url(configured.REDIS_URL)

    for used in (1, 2):
        spend(mine)
        lasts = int(store.pttl(mine[0].key))
        assert (used - 1) * 360_000 < lasts <= used * 360_000


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    mine = [counter("2/1m")]
    store = redis.Redis.from_url(configured.REDIS_URL)
    seconds, _micros = store.time()
    ahead = (int(seconds) + 3 * 3600) * 1_000_000
    store.set(mine[0].key, ahead, ex=60)

    told = spend(mine)[0]

    assert not told.admits
    assert (told.left, told.wait_seconds <= 30) == (0, True)


def test_a_redis_that_forgot_its_scripts_is_taught_again() -> None:
    mine = [counter("2/30d")]
    spend(mine)
    redis.Redis.from_url(configured.REDIS_URL).script_flush()

    assert spend(mine)[0].left == 0


def test_a_redis_that_was_killed_is_found_again(own_valkey: Valkey) -> None:
    mine = [counter("2/30d")]
    spend(mine)
    own_valkey.process.kill()
    own_valkey.process.wait()
    for _request in range(3):
        with pytest.raises(Uncounted):
            spend(mine)

    own_valkey.start()
    counting._redis_at(own_valkey.url).breaker._silent_until = 0.0  # so long has passed

    assert [spend(mine)[0].left for _request in range(2)] == [1, 0]  # nobody waits any more


def test_that_nobody_counts_is_told_once_and_that_somebody_does_again_too(
    own_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    own_valkey.process.kill()
    own_valkey.process.wait()
    breaker = counting._redis_at(own_valkey.url).breaker
    with caplog.at_level(logging.INFO, counting.__name__):
        for _request in range(3):
            breaker._silent_until = 0.0  # so long has passed
            with pytest.raises(Uncounted):
                spend([counter("2/30d")])
        own_valkey.start()
        breaker._silent_until = 0.0
        for _request in range(2):
            spend([counter("2/30d")])

    told = [vars(one)["msg"]["event"] for one in caplog.records if one.name == counting.__name__]
    assert told == ["limits_are_not_counted", "limits_are_counted_again"]


def test_whoever_is_refused_waits_a_second_at_least() -> None:
    mine = [counter("1000/1s")]

    told = [spend(mine)[0].wait_seconds for _request in range(5)]

    assert set(told) == {1}


@pytest.mark.django_db
def test_nobody_is_counted_while_a_transaction_is_open() -> None:
    with pytest.raises(RuntimeError, match=r"limits\.spend"), transaction.atomic():
        limits.spend(RequestFactory().get("/"), "reads", {"account": "ada"})


def test_a_redis_without_room_counts_nothing(own_valkey: Valkey) -> None:
    store = redis.Redis.from_url(own_valkey.url)
    store.config_set("maxmemory", "1")

    with pytest.raises(Uncounted):
        spend([counter("2/30d")])


@pytest.fixture
def silent(settings: Settings) -> Iterator[socket.socket]:
    """Somebody who lets connect, counts who came, and never says a word."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen(64)
        settings.REDIS_URL = f"redis://127.0.0.1:{somebody.getsockname()[1]}/0"
        yield somebody


def test_after_one_failure_nobody_waits_for_a_silent_redis(silent: socket.socket) -> None:
    for _request in range(20):
        with pytest.raises(Uncounted):
            spend([counter("2/30d")])

    silent.settimeout(0.2)
    came = 0
    while True:
        try:
            silent.accept()[0].close()
        except TimeoutError:
            break
        came += 1
    assert came == 1
