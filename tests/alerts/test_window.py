"""What operators see of alerts, and what they may do about them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from billing.alerts import services
from billing.alerts.models import Alert, Silence, Telling
from billing.alerts.rules import RuleCode
from tests.alerts.conftest import look, only
from tests.operators import signed_in

pytestmark = pytest.mark.django_db
ALERTS = "/admin/billing/alert/"
XSS = "<script>alert('灵感')</script><img onerror=alert(1) src=x>"


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def alert(settings: Settings) -> Alert:
    """An alert is open whose facts somebody chose."""
    only(settings, RuleCode.INVARIANT_BROKEN)
    services.inspected(RuleCode.INVARIANT_BROKEN, lines=[XSS], now=datetime.now(UTC))
    [opened] = look()
    return opened


def browser(*permissions: str) -> Client:
    vera = User.objects.create_user("vera", is_staff=True)
    for codename in ("view_alert", *permissions):
        vera.user_permissions.add(Permission.objects.get(codename=codename))
    return signed_in(Client(), vera)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_an_alert_says_in_word_and_colour_what_is_wrong_and_what_to_do(
    alert: Alert, admin_client: Client, language: str
) -> None:
    spoken = {"Accept-Language": language}
    listed = admin_client.get(ALERTS, headers=spoken).content.decode()
    page = admin_client.get(f"{ALERTS}{alert.pk}/change/", headers=spoken).content.decode()

    assert alert.pk.replace("_", "_5F") in listed
    assert XSS not in listed + page
    book = "docs/operations.zh-CN.md" if language.startswith("zh") else "docs/operations.md"
    assert f"{book}#audit-names-a-breach" in page
    words = "拒绝写入这样的记录" if language.startswith("zh") else "refuses to write such a row"
    assert words in page  # the book's own
    assert "&lt;img onerror=alert(1)" in page
    assert "first rows: &lt;script&gt;" in page or "前几条记录: &lt;script&gt;" in page
    titled = {"en": "a row breaks an invariant", "zh-CN": "有记录违反不变量"}[language]
    [title] = re.findall(r"<title>(.*?)</title>", page, re.DOTALL)
    assert titled in title
    assert alert.rule not in title


def test_open_alerts_come_first_and_are_counted_beside_the_window(
    alert: Alert, admin_client: Client
) -> None:
    Alert.objects.create(
        rule="outbox_dead", subject="gone", severity="error", state="closed", value=1, worst=1,
        bites_at=1, began_at=alert.began_at, seen_at=alert.began_at, opened_at=alert.began_at,
        closed_at=alert.began_at,
    )  # fmt: skip

    page = admin_client.get(ALERTS).content.decode()

    quoted = [one.pk.replace("_", "_5F") for one in (alert, Alert.objects.get(subject="gone"))]
    assert 0 < page.index(quoted[0]) < page.index(quoted[1])
    [window] = [
        item
        for group in admin_client.get(ALERTS).context["sidebar_navigation"]
        for item in group["items"]
        if item["link"] == ALERTS
    ]
    assert (window["badge"], window["badge_variant"]) == ("1", "danger")


def test_who_looks_after_alerts_acknowledges_and_silences(alert: Alert) -> None:
    vera = browser("handle_alert")

    vera.post(f"{ALERTS}{alert.pk}/acknowledge/", {"reason": "at it"})
    refused = vera.post(f"{ALERTS}{alert.pk}/silence/", {"hours": "4", "reason": ""})
    vera.post(f"{ALERTS}{alert.pk}/silence/", {"hours": "4", "reason": "moving"})

    alert.refresh_from_db()
    assert alert.acknowledged_by == User.objects.get(username="vera")
    assert refused.status_code == 200
    silence = Silence.objects.get()
    assert (silence.reason, (silence.until - silence.since).total_seconds()) == ("moving", 14400)
    assert LogEntry.objects.count() == 2


def test_a_silence_that_is_too_long_is_refused_beside_its_field(alert: Alert) -> None:
    page = browser("handle_alert").post(
        f"{ALERTS}{alert.pk}/silence/", {"hours": "721", "reason": "for ever"}
    )

    assert "lasts an hour to 24 hours" in page.content.decode()
    assert not Silence.objects.exists()


def test_a_test_is_sent_by_a_button_and_not_by_a_look(alert: Alert) -> None:
    vera = browser("handle_alert", "view_telling")

    vera.get(f"{ALERTS}send-test/")
    assert not Telling.objects.filter(event="test").exists()
    vera.post(f"{ALERTS}send-test/", {"act": "send", "reason": "to see"})

    assert [telling.channel for telling in Telling.objects.filter(event="test")] == ["log"]


@pytest.mark.parametrize("act", ["acknowledge", "silence"])
def test_who_may_only_look_does_nothing(alert: Alert, act: str) -> None:
    vera = browser()
    asked: list[Callable[..., object]] = [vera.get, vera.post]

    answers = [ask(f"{ALERTS}{alert.pk}/{act}/", {"hours": "1", "reason": "x"}) for ask in asked]
    answers.append(vera.post(f"{ALERTS}send-test/", {"act": "send"}))

    assert {getattr(answer, "status_code", 0) for answer in answers} == {403}
    alert.refresh_from_db()
    assert alert.acknowledged_at is None
    assert not Silence.objects.exists()
    assert not Telling.objects.filter(event="test").exists()
