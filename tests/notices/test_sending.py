"""Letters go out once, after the commit, and a mail server can hold up nothing."""

from datetime import timedelta
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.notices import schedule, services
from billing.notices.models import Notice
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from tests.http.racing import at_once
from tests.notices.conftest import NOW, Post
from tests.notices.mailbox import Mailbox
from tests.operators import signed_in

SEND: Final = TaskName.SEND_NOTICE.value


def test_a_letter_goes_out_once_however_often_it_is_sent(post: Post, mailbox: Mailbox) -> None:
    notice = post()

    for _ring in range(5):
        services.send(notice.pk, now=NOW)

    assert mailbox.only["To"] == "ada@example.com"
    assert mailbox.only["From"] == "Linggan <billing@linggan.example>"
    assert mailbox.only["Message-ID"] == f"<{notice.pk}@linggan.example>"
    notice.refresh_from_db()
    assert (notice.state, notice.sent_at, notice.attempts) == (Notice.State.SENT, NOW, 1)


def test_one_fact_is_one_letter_however_often_it_is_posted(post: Post, mailbox: Mailbox) -> None:
    first = post(fact="invoice:1")
    again = post(fact="invoice:1", email="other@example.com")

    assert again == first
    assert Message.objects.filter(task=SEND).count() == 1
    assert post(fact="invoice:2") != first


@pytest.mark.django_db(transaction=True)
def test_one_fact_that_is_posted_by_many_at_once_is_one_letter(
    post: Post, mailbox: Mailbox
) -> None:
    results = at_once(6, lambda _n: post(fact="invoice:1").pk)

    assert len({str(result) for result in results}) == 1
    assert Notice.objects.count() == 1
    assert Message.objects.filter(task=SEND).count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_that_send_at_once_send_one_letter(post: Post, mailbox: Mailbox) -> None:
    notice = post()

    at_once(6, lambda _n: services.send(notice.pk, now=NOW))

    assert len(mailbox.letters) == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lease_they_send_several(
    post: Post, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that this setup can race at all."""
    notice = post()
    monkeypatch.setattr(services, "_take", lambda pk, _now: _ready(pk))

    at_once(6, lambda _n: services.send(notice.pk, now=NOW))

    assert len(mailbox.letters) > 1


def _ready(notice_id: str) -> Notice:
    return Notice.objects.select_related("account").get(pk=notice_id)


def test_what_was_rolled_back_is_told_to_nobody(post: Post, mailbox: Mailbox) -> None:
    with pytest.raises(RuntimeError, match="gone"), transaction.atomic():
        post()
        raise RuntimeError("gone")

    assert not Notice.objects.exists()
    assert not Message.objects.filter(task=SEND).exists()


@pytest.mark.parametrize(
    ("verb", "answer"), [("RCPT", "451 busy"), (".", "452 full"), ("MAIL", ""), ("EHLO", "")]
)
def test_a_server_that_is_away_gets_the_letter_later_with_the_same_number(
    verb: str, answer: str, post: Post, mailbox: Mailbox
) -> None:
    notice = post()
    mailbox.answers[verb] = answer
    if verb == "EHLO":
        mailbox.answers["HELO"] = answer

    services.send(notice.pk, now=NOW)

    notice.refresh_from_db()
    assert (notice.state, notice.trouble) == (Notice.State.WAITING, Notice.Trouble.AWAY)
    assert mailbox.letters == []
    assert notice.next_at == NOW + timedelta(minutes=1)
    assert Message.objects.filter(task=SEND, ring_at=notice.next_at).count() == 1
    services.send(notice.pk, now=NOW + timedelta(seconds=30))  # too early
    assert mailbox.letters == []
    services.send(notice.pk, now=notice.next_at)
    assert mailbox.only["Message-ID"] == f"<{notice.pk}@linggan.example>"


def test_a_letter_that_is_refused_for_good_is_not_tried_again(post: Post, mailbox: Mailbox) -> None:
    notice = post()
    mailbox.answers["RCPT"] = "550 nobody here"

    for day in range(4):
        services.send(notice.pk, now=NOW + timedelta(days=day))

    notice.refresh_from_db()
    assert (notice.state, notice.trouble) == (Notice.State.FAILED, Notice.Trouble.REFUSED)
    assert mailbox.letters == []
    assert notice.attempts == 1


def test_a_dead_server_is_tried_eight_times_in_two_days_and_then_left(
    post: Post, settings: Settings, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_PORT = 9  # nothing listens there
    notice = post()

    while notice.next_at is not None:
        services.send(notice.pk, now=notice.next_at)
        notice.refresh_from_db()

    assert (notice.state, notice.attempts) == (Notice.State.FAILED, schedule.ATTEMPTS_MAX)
    logged = caplog.text
    assert notice.pk in logged
    assert "ada@example.com" not in logged
    assert "66.00" not in logged


def test_without_an_address_or_a_server_it_is_written_down_why(
    post: Post, mailbox: Mailbox, settings: Settings
) -> None:
    nowhere = post(fact="a", email="")
    settings.EMAIL_URL = ""
    no_server = post(fact="b")

    assert (nowhere.state, nowhere.trouble) == ("skipped", "no_address")
    assert (no_server.state, no_server.trouble) == ("skipped", "no_server")
    assert not Message.objects.filter(task=SEND).exists()
    services.send(nowhere.pk, now=NOW)
    assert mailbox.letters == []


def test_the_sweep_rings_for_a_letter_whose_message_died(post: Post, mailbox: Mailbox) -> None:
    notice = post()
    Message.objects.all().delete()

    assert services.sweep(now=NOW + timedelta(minutes=9)) == 0
    assert services.sweep(now=NOW + timedelta(minutes=11)) == 1

    assert Message.objects.filter(task=SEND, arguments={"notice_id": notice.pk}).count() == 1


def test_a_worker_that_dies_with_the_letter_in_hand_leaves_it_to_the_sweep(
    post: Post, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = post()
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(services, "_record", lambda *_facts: _die())
        services.send(notice.pk, now=NOW)

    services.send(notice.pk, now=NOW + timedelta(seconds=30))  # still leased
    assert len(mailbox.letters) == 1
    later = NOW + timedelta(minutes=11)
    services.sweep(now=later)
    services.send(notice.pk, now=later)

    assert {letter["Message-ID"] for letter in mailbox.letters} == {
        f"<{notice.pk}@linggan.example>"
    }
    notice.refresh_from_db()
    assert notice.state == Notice.State.SENT


def _die() -> None:
    raise SystemExit


def test_an_operator_has_a_failed_letter_sent_again(
    post: Post, mailbox: Mailbox, ada: Account, client: Client, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    signed_in(client, User.objects.create_superuser("grace"))
    notice = post()
    mailbox.answers["RCPT"] = "550 nobody here"
    services.send(notice.pk, now=NOW)
    act = {"action": "send_again", "_selected_action": [notice.pk]}

    asked = client.post("/admin/billing/notice/", act).content.decode()
    assert "ada@example.com" in asked
    assert Notice.objects.get().state == Notice.State.FAILED
    answer = client.post("/admin/billing/notice/", act | {"act": "send_again", "reason": "Asked."})

    assert answer.status_code == 302
    notice.refresh_from_db()
    assert notice.state == Notice.State.WAITING
    assert notice.next_at is not None
    services.send(notice.pk, now=notice.next_at)
    assert mailbox.only["To"] == "ada@example.com"
    page = client.get(f"/admin/billing/notice/{notice.pk}/change/").content.decode()
    assert "pay.example.com" not in page
