"""Anything is found by what somebody has of it, and what was typed is written down nowhere."""

import logging
from typing import Any, Final

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.console.search import finding
from billing.operators.models import AccessRecord
from tests import factories
from tests.console import affairs
from tests.console.affairs import Affairs
from tests.matrix.operators import CATALOG_MANAGER, SUPERUSER, VIEWER, operator_of, signed_in

pytestmark = pytest.mark.django_db
SEARCH: Final = "/admin/console/search/"


@pytest.fixture
def lived(ada: Account) -> Affairs:
    """Ada, with something of each kind."""
    return affairs.lived_through(ada)


def looked_for(browser: Client, text: str, **more: Any) -> Any:  # noqa: ANN401 (Django's test response)
    return browser.post(SEARCH, {"text": text}, **more)


def window(name: str, key: str) -> str:
    return f"/admin/billing/{name}/{quote(key)}/change/"


def page(account: Account) -> str:
    return f"/admin/console/accounts/{account.pk}/"


def test_each_thing_is_found_by_what_one_has_of_it(lived: Affairs, sue: Client) -> None:
    own = page(lived.account)
    goals = {
        "ada": own,
        "  ada ": own,
        lived.account.pk: own,
        affairs.EMAIL: own,
        "Ada.Lovelace@EXAMPLE.com": own,
        affairs.PHONE: own,
        affairs.CARD: own,
        lived.job.pk: window("job", lived.job.pk),
        affairs.TASK: window("job", lived.waiting.pk),
        lived.grant.pk: window("grant", lived.grant.pk),
        lived.job.hold_id: window("hold", lived.job.hold_id),
        lived.entry.pk: window("entry", lived.entry.pk),
        lived.delivery.pk: window("delivery", lived.delivery.pk),
        lived.delivery.event_id: window("event", lived.delivery.event_id),
        lived.redemption.pk: window("redemption", lived.redemption.pk),
        lived.team.organization.pk: page(lived.team),
        lived.team.external_id: page(lived.team),
        "nobody": None,
    }

    led = {text: looked_for(sue, text).headers["Location"] for text in goals}

    assert {text: None if goal.startswith(SEARCH) else goal for text, goal in led.items()} == goals


def test_what_several_rows_have_is_told_row_by_row(lived: Affairs, sue: Client) -> None:
    for text in (lived.code.lower(), affairs.REQUEST):
        text_shown = looked_for(sue, text, follow=True).content.decode()

        assert 'id="hits"' in text_shown, text
        assert page(lived.redemption.account) in text_shown, text


def test_both_sides_of_the_sandbox_are_found(ada: Account, sue: Client) -> None:
    other = factories.new_account("ada", is_sandbox=False)

    shown = looked_for(sue, "ada", follow=True).content.decode()

    assert page(ada) in shown
    assert page(other) in shown
    assert "sandbox" in shown


def test_an_address_is_found_that_a_former_key_has_sealed(
    lived: Affairs, sue: Client, settings: Settings
) -> None:
    settings.IDENTITY_KEYS = ["a-new-key-that-is-long-enough-for-this", *settings.IDENTITY_KEYS]
    assert looked_for(sue, affairs.EMAIL).headers["Location"] == page(lived.account)

    settings.IDENTITY_KEYS = settings.IDENTITY_KEYS[:1]
    assert looked_for(sue, affairs.EMAIL).headers["Location"].startswith(SEARCH)


def test_what_was_typed_stands_in_no_address_record_or_log(
    lived: Affairs, sue: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for text in (affairs.EMAIL, "somebody.else@example.com", lived.code):
        answer = looked_for(sue, text)
        sue.get(answer.headers["Location"])

        for said in (answer.headers["Location"], *_records(), caplog.text):
            assert text not in said
            assert text.partition("@")[0] not in said


def _records() -> list[str]:
    return [f"{one.what} {one.reason}" for one in AccessRecord.objects.all()]


def test_nothing_found_says_what_can_be_looked_for(ada: Account, sue: Client) -> None:
    for text in ("nobody@example.com", "job_" + "0" * 35, affairs.HOSTILE):
        shown = looked_for(sue, text, follow=True).content.decode()

        assert 'id="nothing"' in shown
        assert "acc_" in shown
        assert affairs.HOSTILE not in shown


def test_a_text_that_nobody_has_sealed_opens_an_empty_search(ada: Account, sue: Client) -> None:
    for address in (f"{SEARCH}?for=ada", f"{SEARCH}?for=gAAAA%C3%A9", SEARCH):
        shown = sue.get(address)

        assert shown.status_code == 200
        assert 'id="hits"' not in shown.content.decode()
    assert looked_for(sue, "").headers["Location"] == SEARCH
    assert looked_for(sue, "x" * 321).headers["Location"] == SEARCH
    assert looked_for(sue, "a\0b").headers["Location"] == SEARCH


def test_a_search_asks_for_no_new_code(ada: Account, sue: Client, settings: Settings) -> None:
    settings.OPERATOR_CONFIRMATION_MINUTES = 0

    assert looked_for(sue, "ada").headers["Location"] == page(ada)
    assert sue.post(f"{page(ada)}notes/", {"text": "x"}).status_code == 403


def test_only_who_sees_accounts_looks_for_anything(lived: Affairs) -> None:
    viewer, manager = signed_in(operator_of(VIEWER)), signed_in(operator_of(CATALOG_MANAGER))

    assert looked_for(viewer, "ada").status_code == 302
    assert looked_for(manager, "ada").status_code == 403
    assert manager.get(SEARCH).status_code == 403
    assert 'id="search-aside"' in viewer.get("/admin/").content.decode()
    assert 'id="search-aside"' not in manager.get("/admin/").content.decode()


def test_rows_are_found_by_those_alone_who_may_open_them(lived: Affairs) -> None:
    root, clerk = operator_of(SUPERUSER), User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_account"))
    clerk = User.objects.get(pk=clerk.pk)

    assert [hit.row for hit in finding.find("ada", operator=clerk)] == [lived.account]
    for text in (lived.job.pk, affairs.TASK, affairs.REQUEST, lived.code):
        assert finding.find(text, operator=clerk) == []
        assert finding.find(text, operator=root) != []


def test_every_look_has_an_index(lived: Affairs) -> None:
    """Where no row-by-row reading is allowed the plan shows one only if nothing else can be."""
    root = operator_of(SUPERUSER)
    texts = [
        *("ada", affairs.EMAIL, affairs.PHONE, affairs.CARD, affairs.REQUEST, lived.code, "f" * 64),
        *(lived.entry.pk, lived.job.pk, "rf_" + "0" * 35),
        *(f"{prefix}_1Abc" for prefix in finding._AT_STRIPE),
    ]

    wrong = {
        text: plan
        for text in texts
        for plan in plans_of(lambda text=text: finding.find(text, operator=root))
        if "Seq Scan" in plan
    }

    assert wrong == {}


def plans_of(look: Any) -> list[str]:  # noqa: ANN401 (whatever asks the database)
    with CaptureQueriesContext(connection) as asked:
        look()
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in asked.captured_queries:
            if query["sql"].strip().startswith(("SELECT", "WITH")):
                cursor.execute(f"EXPLAIN {query['sql']}")
                found.append("\n".join([query["sql"], *(line for (line,) in cursor.fetchall())]))
        cursor.execute("SET LOCAL enable_seqscan = on")
    return found
