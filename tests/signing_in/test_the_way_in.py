"""The way in: a password, then a code; at first a device is set up. Nothing opens before that."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from billing.operators import selectors
from billing.operators.models import AccessRecord, Authenticator, RecoveryCode
from tests.operators import PASSWORD, signed_in
from tests.signing_in.conftest import CODE_PAGE, ENROL_PAGE, Visitor

Kind = AccessRecord.Kind


def pages() -> list[str]:
    """Return the list of every window, and the pages beside them."""
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
    ]
    others = ["index", "password_change", "second_factor", "search", "jsi18n"]
    return [*lists, *(reverse(f"admin:{name}") for name in others), reverse("revenue")]


def sheet_of(page: Any) -> list[str]:  # noqa: ANN401 (a test's answer)
    return re.findall(r'<li><code class="select-all">([^<]+)</code></li>', page.content.decode())


def test_no_page_opens_by_a_password_alone(root: Visitor) -> None:
    root.type_password()

    answers = {page: root.browser.get(page) for page in pages()}

    assert len(answers) > 60
    for page, answer in answers.items():
        assert answer.status_code == 302, page
        assert answer["Location"].startswith("/admin/login/?next="), page


def test_a_session_without_a_second_factor_opens_nothing(root: Visitor) -> None:
    """As one that another part of the service might begin."""
    root.browser.force_login(root.user)

    assert not root.is_in()


def test_the_first_sign_in_sets_up_a_device(grace: Visitor) -> None:
    first = grace.type_password()
    to_device = grace.browser.get(first["Location"])
    page = grace.browser.get(to_device["Location"])
    picture = grace.browser.get("/admin/login/qr.svg")
    done = grace.enrol()

    assert first["Location"].startswith(CODE_PAGE)
    assert to_device["Location"].startswith(ENROL_PAGE)
    fours = re.findall(
        r'<span class="inline-block mr-2">([A-Z2-7]{4})</span>', page.content.decode()
    )
    assert len(fours) == 8  # 32 characters, as one can type them
    assert picture["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture["Cache-Control"]
    assert "no-store" in page["Cache-Control"]
    assert b"<script" not in picture.content
    assert len(sheet_of(done)) == len(set(sheet_of(done))) == 10
    assert grace.is_in()
    kinds = set(AccessRecord.objects.values_list("kind", flat=True))
    assert kinds == {Kind.CREATED, Kind.ENROLLED, Kind.SIGNED_IN, Kind.RECOVERY_CODES_MADE}


def test_every_page_of_the_way_leads_back_and_has_a_main_part(grace: Visitor) -> None:
    login = grace.browser.get("/admin/login/")
    grace.type_password()
    setting_up = grace.browser.get(ENROL_PAGE)
    grace.enrol()
    own = grace.browser.get("/admin/second-factor/")
    grace.browser = Client()
    grace.type_password()
    code = grace.browser.get(CODE_PAGE)

    for page in (login, setting_up, own, code):
        assert page.status_code == 200
        assert page.content.decode().count("<main>") == 1
    for page in (setting_up, code):
        assert 'href="/admin/login/" id="back"' in page.content.decode()
    assert 'href="/admin/" id="back"' in own.content.decode()


def test_a_wrong_code_sets_nothing_up(grace: Visitor) -> None:
    grace.type_password()

    answer = grace.browser.post(ENROL_PAGE, {"code": "000000"})

    assert answer.status_code == 200
    assert Authenticator.objects.get().confirmed_at is None
    assert not RecoveryCode.objects.exists()
    assert not grace.is_in()


def test_the_secret_that_somebody_else_was_shown_opens_nothing(grace: Visitor) -> None:
    grace.type_password()
    seen_by_a_thief = selectors.offered_secret(grace.user)
    grace.type_password()

    assert selectors.offered_secret(grace.user) != seen_by_a_thief


def test_the_next_sign_in_asks_for_a_code_and_takes_it_once(grace: Visitor) -> None:
    grace.enrol()
    other = Visitor(grace.user, grace.password, Client(), grace.secret, grace.steps)
    other.type_password()
    code = other.next_code()

    assert not other.is_in()
    assert other.browser.get(ENROL_PAGE)["Location"].startswith(CODE_PAGE)
    assert other.browser.get("/admin/login/qr.svg").status_code == 404
    assert other.browser.post(CODE_PAGE, {"code": code})["Location"] == "/admin/"
    assert other.is_in()

    third = Visitor(grace.user, grace.password, Client())
    third.type_password()
    again = third.browser.post(CODE_PAGE, {"code": code})
    assert again.status_code == 200
    assert not third.is_in()
    assert AccessRecord.objects.filter(kind=Kind.CODE_REFUSED).count() == 1


def test_a_recovery_code_opens_once(grace: Visitor) -> None:
    code = sheet_of(grace.enrol())[3]
    typed = code.replace("-", " ").lower()
    ins = []
    for _time in range(2):
        visitor = Visitor(grace.user, grace.password, Client())
        visitor.type_password()
        visitor.browser.post(CODE_PAGE, {"code": typed})
        ins.append(visitor.is_in())

    assert ins == [True, False]
    assert RecoveryCode.objects.filter(used_at=None).count() == 9
    assert AccessRecord.objects.filter(kind=Kind.RECOVERY_CODE_USED).count() == 1


def test_new_recovery_codes_end_the_former_ones(grace: Visitor) -> None:
    former = sheet_of(grace.enrol())[0]
    fresh = sheet_of(grace.browser.post("/admin/second-factor/"))
    ins = []
    for code in (former, fresh[0]):
        visitor = Visitor(grace.user, grace.password, Client())
        visitor.type_password()
        visitor.browser.post(CODE_PAGE, {"code": code})
        ins.append(visitor.is_in())

    assert ins == [False, True]


def test_no_secret_and_no_code_stands_in_the_database(grace: Visitor) -> None:
    sheet = sheet_of(grace.enrol())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            " AND table_type = 'BASE TABLE'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        everything = ""
        for table in tables:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')
            everything += cursor.fetchone()[0] or ""

    assert grace.user.username in everything
    assert grace.secret not in everything
    for code in sheet:
        assert code not in everything
        assert code.replace("-", "") not in everything


def test_it_leads_to_the_page_that_was_wanted_and_to_no_other_site(grace: Visitor) -> None:
    grace.enrol()
    goals = []
    for number, wanted in enumerate(["/admin/billing/job/?q=1", "https://evil.example/"]):
        visitor = Visitor(grace.user, grace.password, Client(), grace.secret, 1 + number)
        said = {"username": "grace", "password": grace.password}
        to_code = visitor.browser.post(f"/admin/login/?next={wanted}", said)["Location"]
        goals.append(visitor.browser.post(to_code, {"code": visitor.next_code()})["Location"])

    assert goals == ["/admin/billing/job/?q=1", "/admin/"]


def test_half_in_lasts_ten_minutes(grace: Visitor) -> None:
    grace.enrol()
    late = Visitor(grace.user, grace.password, Client(), grace.secret, grace.steps)
    late.type_password()
    session = late.browser.session
    session["operators.pending"] = {
        **session["operators.pending"],
        "at": timezone.now().timestamp() - 601,
    }
    session.save()

    answer = late.browser.post(CODE_PAGE, {"code": late.next_code()})

    assert answer["Location"].startswith("/admin/login/?")
    assert not late.is_in()


def test_a_new_password_ends_what_the_former_one_has_begun(grace: Visitor) -> None:
    grace.enrol()
    other = Visitor(grace.user, grace.password, Client(), grace.secret, grace.steps)
    other.type_password()
    changed = User.objects.get(pk=grace.user.pk)
    changed.set_password("another word, quite long")
    changed.save(update_fields=["password"])

    other.browser.post(CODE_PAGE, {"code": other.next_code()})

    assert not other.is_in()
    assert not grace.is_in()


def test_a_session_ends_after_half_an_hour_of_nothing_and_after_half_a_day(
    grace: Visitor, settings: Settings
) -> None:
    signed_in(grace.browser, grace.user)
    assert grace.is_in()
    session = grace.browser.session
    long_ago = timezone.now() - timedelta(hours=12, seconds=1)
    proof = {**session["operators.proof"], "since": long_ago.timestamp()}
    session["operators.proof"] = proof
    session.save()

    assert settings.SESSION_COOKIE_AGE <= 30 * 60
    assert settings.SESSION_SAVE_EVERY_REQUEST
    assert not grace.is_in()


def test_whoever_is_no_operator_does_not_come_in(grace: Visitor) -> None:
    User.objects.create_user("ada", password=PASSWORD)
    User.objects.create_user("gone", password=PASSWORD, is_staff=True, is_active=False)

    for name in ("ada", "gone"):
        said = {"username": name, "password": PASSWORD}
        assert grace.browser.post("/admin/login/", said).status_code == 200
    assert not Authenticator.objects.exists()


def test_who_leaves_is_written_down(grace: Visitor) -> None:
    grace.enrol()

    grace.browser.post("/admin/logout/")

    assert not grace.is_in()
    assert AccessRecord.objects.filter(kind=Kind.SIGNED_OUT, operator=grace.user).count() == 1


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_speak_both_languages(grace: Visitor, language: str) -> None:
    grace.browser.defaults["HTTP_ACCEPT_LANGUAGE"] = language

    page = grace.browser.get("/admin/login/").content.decode()

    assert f'lang="{language}"' in page
