"""Each write that takes a key: twenty at once are one, whoever hangs up, and say one thing."""

import inspect
import re
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.http import idempotency, openapi
from billing.http.models import IdempotentAnswer
from billing.outbox import gateway as outbox
from billing.webhooks.models import Endpoint
from tests import factories
from tests.http import worlds
from tests.http.repeating import Address, Write, repeat, walk
from tests.payments.conftest import emulator, life, lives, peer
from tests.payments.lives import Life

__all__ = ["emulator", "life", "lives", "peer"]
committed = pytest.mark.django_db(transaction=True)
AWAY = {
    "kind": "cog",
    "url": "http://127.0.0.1:9",
    "secret": "a-secret-that-guards-nothing",
    "models": ["*"],
    "concurrency": 2,
    "sandbox": False,
}


@pytest.fixture
def address(
    transactional_db: None,
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Address:
    """Serve in this process, so that the worlds can be set up beside; nobody works meanwhile."""
    settings.BACKENDS = {"away": AWAY}
    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
    monkeypatch.setattr(outbox, "nudge", lambda _ring: None)
    return Address(live_server.url)


def test_each_operation_that_takes_a_key_is_walked() -> None:
    """Whoever adds one gives it a `Write` in `tests/http/worlds.py`."""
    keyed = {
        operation["operationId"]
        for methods in openapi.document()["paths"].values()
        for operation in methods.values()
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
    }
    said = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', inspect.getsource(worlds)))

    assert keyed - said == set(), "No world of tests/http/worlds.py has a Write for these."


@committed
@pytest.mark.parametrize("world", [worlds.market, worlds.bazaar, worlds.team])
def test_twenty_at_once_are_one_although_every_other_hangs_up(world: Any, address: Address) -> None:  # noqa: ANN401 (a world)
    walked = walk(world(), address)

    assert IdempotentAnswer.objects.count() == len(walked)


@committed
def test_twenty_at_once_are_one_at_stripe_too(life: Life, address: Address) -> None:
    walk(worlds.subscriber(life), address)


@committed
def test_control_without_the_memory_twenty_are_more_than_one(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that the walk would see a second effect: nothing is remembered, nothing is locked."""
    factories.publish_kling()
    monkeypatch.setattr(idempotency, "read_key", lambda *_, **__: None)
    write = Write(
        "create_webhook_endpoint",
        "/v1/webhook-endpoints",
        worlds.person("ada"),
        Endpoint.objects.count,
        {"url": worlds.HOOK},
    )

    with pytest.raises(AssertionError):
        repeat(write, address)

    assert Endpoint.objects.count() > 1
    assert not IdempotentAnswer.objects.exists()
    connection.check_constraints()
