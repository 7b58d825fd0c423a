"""A broker that is away, or there and dumb: nobody waits for it, and nothing is lost."""

import logging
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic

import pytest
from django.conf import settings
from django.db import transaction

from billing.outbox import gateway, services
from billing.outbox.gateway import Ring
from billing.outbox.models import Message
from config.celery import app
from tests.outbox.cast import Broker
from tests.outbox.errands import PROBE

pytestmark = pytest.mark.django_db(transaction=True)
RING = Ring("msg_1", "tests.probe", "dispatch", {"key": "job_1"}, "")


@pytest.fixture(params=["away", "dumb"])
def lost_broker(request: pytest.FixtureRequest, broker: Broker) -> Iterator[None]:
    """Point the broker's address at nobody; or at one who lets connect and never says a word."""
    assert broker.rung() == []
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        if request.param == "dumb":
            somebody.listen(64)
        _point_at(f"redis://127.0.0.1:{somebody.getsockname()[1]}/0")
        yield
        gateway.drain(timeout_seconds=5)
        _point_at(settings.REDIS_URL)


def _point_at(url: str) -> None:
    app.conf.update(broker_write_url=url)
    gateway._OfThisProcess.renew()


def post(key: str, *, now: datetime) -> None:
    with transaction.atomic():
        services.post(PROBE, now=now, key=key)


@pytest.mark.usefixtures("lost_broker")
def test_a_commit_neither_waits_for_a_lost_broker_nor_fails(now: datetime) -> None:
    began = monotonic()

    for number in range(20):
        post(f"job_{number}", now=now)

    assert monotonic() - began < 5  # to wait for each would take eight
    assert Message.objects.count() == 20
    assert gateway.drain(timeout_seconds=2), "the thread gave them up"


@pytest.mark.usefixtures("lost_broker")
def test_ringing_gives_a_lost_broker_up_within_a_second_and_then_asks_it_no_more() -> None:
    began = monotonic()
    assert gateway.ring([RING] * 100) == [RING] * 100
    first = monotonic() - began

    began = monotonic()
    assert gateway.ring([RING] * 100) == [RING] * 100
    second = monotonic() - began

    assert first < 1
    assert second < 0.1


@pytest.mark.usefixtures("lost_broker")
def test_what_a_lost_broker_did_not_take_stays_due(now: datetime) -> None:
    post("job_1", now=now)
    later = now + timedelta(minutes=1)

    assert services.ring_due(now=later) == 0

    message = Message.objects.get()
    assert message.ring_at == later
    assert message.rings == 1


@pytest.mark.usefixtures("lost_broker")
def test_a_broker_that_comes_back_is_rung_after_the_silence(
    now: datetime, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    post("job_1", now=now)
    later = now + timedelta(minutes=1)
    assert services.ring_due(now=later) == 0
    app.conf.update(broker_write_url=settings.REDIS_URL)
    monkeypatch.setattr(gateway._OfThisProcess.bell, "_silent_until", 0.0)

    assert services.ring_due(now=later) == 1

    assert [each["key"] for each in broker.rung()] == ["job_1"]


@pytest.mark.usefixtures("lost_broker")
def test_a_lost_broker_is_one_line_in_the_log_and_no_address(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        gateway.ring([RING] * 3)
        gateway.ring([RING] * 3)

    told = caplog.text + capsys.readouterr().out
    assert told.count("broker_is_silent") == 1
    assert "127.0.0.1" not in told
