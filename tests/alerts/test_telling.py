"""Who is to be told is told once, whatever dies in between, and again while he is away."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from billing.alerts import measures, services
from billing.alerts.errors import AlertClosed, SilenceTooLong
from billing.alerts.models import Alert, Silence, Telling
from billing.alerts.rules import CALM, RuleCode
from billing.alerts.services import evaluating
from billing.fleet.errors import ReasonMissing
from billing.outbox.models import Message
from tests.alerts.conftest import SECRET, look, only
from tests.egress.receiver import Answer, Receiver
from tests.notices.mailbox import Mailbox

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LINE = "I1 wa_1: <script>alert('灵感')</script>"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def broken(db: None, settings: Settings) -> Callable[..., None]:
    """Return what lets the last audit have found something, or nothing: `broken(0)`."""
    only(settings, RuleCode.INVARIANT_BROKEN)

    def found(number: int = 1) -> None:
        services.inspected(RuleCode.INVARIANT_BROKEN, lines=[LINE] * number, now=now())

    found()
    return found


def work(after: timedelta = timedelta(0)) -> None:
    """Have a worker run what is to be sent by then."""
    for message in Message.objects.filter(task="alerts.send", done_at=None).order_by("pk"):
        services.send(message.arguments["telling_id"], now=now() + after)


def told() -> list[tuple[str, str, str]]:
    rows = Telling.objects.order_by("id").values_list("event", "channel", "state")
    return [(str(event), str(channel), str(state)) for event, channel, state in rows]


def test_every_channel_is_told_of_opening_and_closing_once(
    broken: Callable[..., None], receiver: Receiver, mailbox: Mailbox, settings: Settings
) -> None:
    settings.ALERT_EMAILS = ["ops@example.com", "night@example.com"]

    with capture_logs() as lines:
        for minute in range(3):
            look(minute * MINUTE)
            work(minute * MINUTE)
        broken(0)
        for minute in range(3, 12):
            look(minute * MINUTE)
            work(minute * MINUTE)

    events = [line["event"] for line in lines if line["event"].startswith("alert_")]
    assert events == ["alert_opened", "alert_closed"]
    assert mailbox.recipients == ["ops@example.com", "night@example.com"] * 2
    assert [one.headers["webhook-id"] for one in receiver.received] == [
        telling.pk for telling in Telling.objects.filter(channel="webhook").order_by("id")
    ]
    assert {state for _event, _channel, state in told()} == {"sent"}
    assert len(told()) == 8
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_message_is_signed_and_says_what_is_wrong(
    broken: Callable[..., None], receiver: Receiver
) -> None:
    [alert] = look()
    work()

    [came] = receiver.received
    said = Webhook(SECRET).verify(came.body, came.headers)
    assert said["type"] == "alert.opened"
    assert (said["data"]["rule"], said["data"]["severity"]) == ("invariant_broken", "critical")
    assert said["data"]["page"].endswith("/change/")
    assert said["data"]["remedy"] == "docs/operations.md#audit-names-a-breach"
    assert said["data"]["alert_id"] == alert.pk
    assert json.loads(came.body) == said


@pytest.mark.parametrize(
    ("language", "subject", "book"),
    [
        ("en", "Alert (critical): a row breaks an invariant", "docs/operations.md"),
        ("zh-hans", None, "docs/operations.zh-CN.md"),
    ],
)
def test_a_letter_says_it_in_the_language_of_the_setting(
    broken: Callable[..., None],
    mailbox: Mailbox,
    settings: Settings,
    language: str,
    subject: str | None,
    book: str,
) -> None:
    settings.ALERT_EMAILS, settings.ALERT_LANGUAGE = ["ops@example.com"], language
    look()
    work()

    letter = mailbox.only
    text = letter.get_body(("plain",))
    assert text is not None
    assert f"{book}#audit-names-a-breach" in text.get_content()
    assert "/admin/billing/alert/" in text.get_content()
    assert subject is None or letter["Subject"] == subject


def test_who_does_not_answer_is_told_later_with_the_same_number(
    broken: Callable[..., None], receiver: Receiver
) -> None:
    receiver.answers = [Answer(status=500), Answer(status=302)]
    look()
    work()
    telling = Telling.objects.get(channel="webhook")
    assert (telling.state, telling.trouble, telling.attempts) == ("waiting", "away", 1)
    services.send(telling.pk, now=now())  # not due
    assert len(receiver.received) == 1

    work(2 * MINUTE)
    work(10 * MINUTE)

    telling.refresh_from_db()
    assert (telling.state, telling.attempts, telling.trouble) == ("sent", 3, "")
    assert {one.headers["webhook-id"] for one in receiver.received} == {telling.pk}


def test_a_mail_server_that_is_away_is_asked_again_and_one_that_refuses_is_not(
    broken: Callable[..., None], mailbox: Mailbox, settings: Settings
) -> None:
    settings.ALERT_EMAILS = ["ops@example.com"]
    mailbox.answers = {"DATA": "451 later"}
    look()
    work()
    telling = Telling.objects.get(channel="mail")
    assert (telling.state, telling.trouble) == ("waiting", "away")

    mailbox.answers = {"DATA": "554 never"}
    work(2 * MINUTE)

    telling.refresh_from_db()
    assert (telling.state, telling.trouble) == ("failed", "refused")
    assert mailbox.letters == []


def test_without_a_mail_server_it_is_written_down_that_nobody_was_written_to(
    broken: Callable[..., None], settings: Settings
) -> None:
    settings.ALERT_EMAILS, settings.EMAIL_URL = ["ops@example.com"], ""
    look()

    assert ("opened", "mail", "failed") in told()
    assert Telling.objects.get(channel="mail").trouble == "no_server"


def test_a_secret_that_signs_nothing_sends_nothing(
    broken: Callable[..., None], receiver: Receiver, settings: Settings
) -> None:
    settings.ALERT_WEBHOOK_SECRET = "whsec_c2hvcnQ="
    look()
    work()

    assert receiver.received == []
    assert Telling.objects.get(channel="webhook").trouble == "secret"


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_once(
    broken: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    met, take = threading.Barrier(2, timeout=20), measures.take
    waits: list[bool] = []
    other_is_done = threading.Event()

    def measured(*said: Any, **more: Any) -> Any:  # noqa: ANN401 (as the real one)
        waits.append(True)
        if len(waits) == 1:
            other_is_done.wait(timeout=10)  # the other comes while this one measures
        return take(*said, **more)

    monkeypatch.setattr(measures, "take", measured)

    def evaluate() -> None:
        met.wait()
        services.evaluate(now=now())
        other_is_done.set()
        connection.close()

    def send() -> None:
        work()
        connection.close()

    threads = [threading.Thread(target=evaluate) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    senders = [threading.Thread(target=send) for _each in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert len(waits) == 1
    assert Alert.objects.count() == 1
    assert Telling.objects.count() == 2
    assert len(receiver.received) == 1


@pytest.mark.django_db(transaction=True)
def test_who_dies_between_opening_and_telling_loses_nothing(
    broken: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert is written with the messages that tell of it, or not at all."""

    def dies(*_said: object, **_more: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(evaluating, "tell", dies)
        services.evaluate(now=now())
    assert not Alert.objects.exists()

    services.evaluate(now=now() + 3 * MINUTE)  # when the lease of the dead is over
    assert Alert.objects.get().state == "open"
    assert Message.objects.filter(task="alerts.send", done_at=None).count() == 2
    work(3 * MINUTE)
    assert len(receiver.received) == 1


def test_a_message_that_died_is_found_by_the_sweep(
    broken: Callable[..., None], receiver: Receiver
) -> None:
    look()
    Message.objects.all().delete()

    assert services.sweep(now=now() + 5 * MINUTE) == 0
    assert services.sweep(now=now() + 11 * MINUTE) == 2
    work(11 * MINUTE)
    assert len(receiver.received) == 1


def test_a_silenced_alert_opens_and_nobody_is_told_until_the_silence_ends(
    broken: Callable[..., None], receiver: Receiver
) -> None:
    grace = User.objects.create_superuser("grace")
    [first] = look()
    services.silence(
        first.pk, lasts=HOUR, everywhere=False, reason="moving", operator=grace, now=now()
    )
    broken(0)
    look(MINUTE)
    look(MINUTE + CALM)
    broken()
    [second] = look(10 * MINUTE)
    work(10 * MINUTE)

    assert (second.state, second.told_at) == ("open", None)
    assert [json.loads(one.body)["type"] for one in receiver.received] == [
        "alert.opened",
        "alert.closed",
    ]
    look(HOUR + MINUTE)
    work(HOUR + MINUTE)
    assert [json.loads(one.body)["type"] for one in receiver.received][2:] == ["alert.opened"]


def test_a_silence_needs_a_reason_and_ends(broken: Callable[..., None], settings: Settings) -> None:
    grace = User.objects.create_superuser("grace")
    [alert] = look()

    def silence(**said: Any) -> None:  # noqa: ANN401 (what the act takes)
        usual: dict[str, Any] = {"lasts": HOUR, "everywhere": True, "reason": "moving"}
        services.silence(alert.pk, operator=grace, now=now(), **(usual | said))

    with pytest.raises(ReasonMissing):
        silence(reason=" ")
    for lasts in (timedelta(0), 24 * HOUR + timedelta(seconds=1), timedelta(days=30)):
        with pytest.raises(SilenceTooLong, match=r"24 hours.*ALERT_RULES"):
            silence(lasts=lasts)
    assert not Silence.objects.exists()
    silence(lasts=24 * HOUR)
    settings.ALERT_SILENCE_HOURS = 2
    with pytest.raises(SilenceTooLong, match="2 hours"):
        silence(lasts=3 * HOUR)
    assert Silence.objects.count() == 1

    broken(0)
    look(MINUTE)
    look(MINUTE + CALM)
    with pytest.raises(AlertClosed):
        silence()
    with pytest.raises(AlertClosed):
        services.acknowledge(alert.pk, operator=grace, now=now())


def test_the_first_who_looks_after_it_stays_named(broken: Callable[..., None]) -> None:
    grace, hedy = (User.objects.create_superuser(name) for name in ("grace", "hedy"))
    [alert] = look()

    services.acknowledge(alert.pk, operator=grace, now=now())
    after = services.acknowledge(alert.pk, operator=hedy, now=now())

    assert after.acknowledged_by == grace


def test_a_rule_that_is_switched_off_closes_its_alerts(
    broken: Callable[..., None], settings: Settings
) -> None:
    look()
    settings.ALERT_RULES = ()

    assert look(MINUTE) == []
    assert [event for event, _channel, _state in told()] == ["opened", "closed"]


def test_a_rule_that_cannot_be_measured_leaves_its_alert_and_stops_no_other(
    broken: Callable[..., None], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    look()
    before = measures.take

    def fails(rule: Any, **more: Any) -> Any:  # noqa: ANN401 (as the real one)
        if rule.code == RuleCode.INVARIANT_BROKEN:
            raise OSError("too slow")
        return before(rule, **more)

    monkeypatch.setattr(measures, "take", fails)
    first = only(settings, RuleCode.INVARIANT_BROKEN)
    settings.ALERT_RULES = (first, only(settings, RuleCode.OUTBOX_DEAD))

    assert services.evaluate(now=now() + HOUR) == 1
    assert Alert.objects.get().state == "open"


def test_a_test_goes_to_every_channel_each_time(
    db: None, receiver: Receiver, mailbox: Mailbox, settings: Settings
) -> None:
    settings.ALERT_EMAILS = ["ops@example.com"]
    for _each in range(2):
        services.send_test(now=now())
    work()

    assert len(mailbox.letters) == 2
    assert [json.loads(one.body)["type"] for one in receiver.received] == ["alert.test"] * 2


@pytest.mark.parametrize("secret", ["", "whsec_c2hvcnQ="])
def test_nothing_starts_that_would_sign_alerts_with_no_secret(
    secret: str, settings: Settings
) -> None:
    told = {"ALERT_WEBHOOK_URL": "https://ops.example.com/", "ALERT_WEBHOOK_SECRET": secret}

    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode != 0
    assert "Set ALERT_WEBHOOK_SECRET" in started.stderr
