"""The operators' pages: ask by a form, look before asking, decide on what others ask for."""

import re
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.models import Adjustment, Compensation, Halt
from billing.ledger.errors import GrantsHalted
from billing.ledger.models import Entry, Wallet
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.corrections.test_halts import alarm, by_itself, looped
from tests.jobs import shop
from tests.operators import signed_in

__all__ = ["looped"]

pytestmark = pytest.mark.usefixtures("ends_clean")

ADJUSTMENTS = "/admin/billing/adjustment/"
COMPENSATIONS = "/admin/billing/compensation/"
HALTS = "/admin/billing/halt/"
WHY = "It was looked at."


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def windows() -> User:
    """An operator who may open every window of corrections, and act in none."""
    return User.objects.create_user("olga", is_staff=True)


def browser(person: User) -> Client:
    client = Client()
    signed_in(client, User.objects.get(pk=person.pk))
    return client


def looks(*people: User) -> None:
    """Let these people see the windows."""
    words = ["view_adjustment", "view_compensation", "view_halt"]
    for person in people:
        person.user_permissions.add(*Permission.objects.filter(codename__in=words))


def mark(client: Client, folder: str, action: str, *keys: str) -> str:
    """Do an act to these rows, for a reason; return the page that follows."""
    marked = {"action": action, "_selected_action": list(keys), "act": action, "reason": WHY}
    return client.post(folder, marked, follow=True).content.decode()


def filled(page: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (fields of a form)
    """Return what a form would send: its hidden fields, and `more`."""
    inputs = re.findall(r'<input [^>]*type="hidden"[^>]*>', page)
    named = (re.search(r'name="(\w+)".*value="([^"]*)"', one) for one in inputs)
    hidden = {found[1]: found[2] for found in named if found is not None}
    return hidden | more


def test_an_adjustment_is_asked_for_by_a_form_and_approved_by_another(
    ada: Account, grace: User, rosa: User
) -> None:
    looks(grace, rosa)
    form = {"account": "ada", "amount_micros": "2.5", "reason": "mistake", "text": "Ticket 7"}
    asks, decides = browser(grace), browser(rosa)

    page = asks.get(f"{ADJUSTMENTS}ask/").content.decode()
    sent = filled(page, **form, act="ask")
    for _twice in range(2):  # a double click asks once
        assert asks.post(f"{ADJUSTMENTS}ask/", sent).status_code == 302

    asked = Adjustment.objects.get()
    assert (asked.requester, asked.amount_micros) == (grace, 2_500_000)
    own = mark(asks, ADJUSTMENTS, "approve", asked.pk)
    assert "Another person must decide" in own
    assert not Entry.objects.exists()
    assert "Approved." in mark(decides, ADJUSTMENTS, "approve", asked.pk)
    assert factories.free_micros(ada) == 2_500_000
    assert {line.user_id for line in LogEntry.objects.all()} == {grace.pk, rosa.pk}


def test_an_adjustment_is_refused_by_another(ada: Account, grace: User, rosa: User) -> None:
    looks(rosa)
    asked = desk.ask(ada, 50, grace)

    assert "Refused." in mark(browser(rosa), ADJUSTMENTS, "refuse", asked.pk)

    asked.refresh_from_db()
    assert asked.state == "refused"


@pytest.mark.parametrize(
    "more",
    [
        {"account": "nobody"},
        {"amount_micros": "much"},
        {"amount_micros": "501"},
        {"amount_micros": "0"},
        {"reason": "whim"},
        {"text": ""},
        {"grant_ids": "gr_1"},
    ],
)
def test_a_form_that_asks_for_nonsense_says_so(
    ada: Account, grace: User, more: dict[str, str]
) -> None:
    form = {"account": "ada", "amount_micros": "50", "reason": "mistake", "text": "Ticket 7"}

    answer = browser(grace).post(f"{ADJUSTMENTS}ask/", {"key": "k", **form, **more, "act": "ask"})

    assert answer.status_code == 200
    assert not Adjustment.objects.exists()


def test_who_may_only_look_neither_sees_nor_does_anything(
    ada: Account, grace: User, windows: User
) -> None:
    looks(windows)
    asked, olga = desk.ask(ada, 50, grace), browser(windows)

    shown = olga.get(ADJUSTMENTS).content.decode()
    mark(olga, ADJUSTMENTS, "approve", asked.pk)

    assert asked.pk in shown
    assert "Approve the selected" not in shown
    for folder in (ADJUSTMENTS, COMPENSATIONS):
        assert olga.get(f"{folder}ask/").status_code == 403
        assert olga.post(f"{folder}ask/", {}).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_an_incident_is_looked_at_then_asked_for_and_approved_by_another(
    ada: Account, backend: None, grace: User, rosa: User
) -> None:
    looks(grace, rosa)
    factories.give(ada, 10)
    shop.finish(shop.submit(ada, seconds=5))
    hour = desk.chosen()
    form = {
        "key": "outage-7",
        "since": hour.since.isoformat(),
        "until": hour.until.isoformat(),
        "basis": "charged",
        "share_micros": "0.5",
        "text_en": "We are sorry.",
        "text_zh": "抱歉。",
        "reason": "incident",
        "text": "Ticket 8",
        "statuses": ["succeeded", "failed"],
    }
    asks, decides = browser(grace), browser(rosa)

    blind = asks.post(f"{COMPENSATIONS}ask/", {**form, "act": "ask"})
    page = asks.post(f"{COMPENSATIONS}ask/", {**form, "act": "look"}).content.decode()
    assert blind.status_code == 200
    assert not Compensation.objects.exists()
    assert "5 credits · jobs: 1" in page
    asked_for = asks.post(f"{COMPENSATIONS}ask/", filled(page, **form, act="ask"))

    assert asked_for.status_code == 302
    asked = Compensation.objects.get()
    assert (asked.requester, asked.amount_micros) == (grace, 5 * MICROS)
    assert "Another person must decide" in mark(asks, COMPENSATIONS, "approve", asked.pk)
    assert "Approved." in mark(decides, COMPENSATIONS, "approve", asked.pk)
    services.carry_out(compensation_id=asked.pk, now=desk.now())
    assert factories.free_micros(ada) == 5 * MICROS


@pytest.mark.parametrize(
    ("chosen", "begun"),
    [
        ("account=ada", {"accounts": "ada"}),
        ("account=ada&is_sandbox=on", {"accounts": "ada", "is_sandbox": "on"}),
        ("account__id__exact={ada}", {"accounts": "ada", "is_sandbox": False}),
        ("account__id__exact=acc_nobody", {"accounts": None}),
        ("account__id__exact=a%20b", {"accounts": None}),
        ("status__exact=failed", {"share_micros": "1", "quoted_share_micros": "1"}),
        ("status__exact=succeeded", {"share_micros": None, "quoted_share_micros": None}),
        ("model=m", {"share_micros": None, "quoted_share_micros": None}),
    ],
)
def test_a_form_is_begun_with_whose_and_which_jobs_it_was_opened_for(
    ada: Account, grace: User, chosen: str, begun: dict[str, object]
) -> None:
    looks(grace)

    page = browser(grace).get(f"{COMPENSATIONS}ask/?{chosen.format(ada=ada.pk)}")

    form = page.context["form"]
    assert {name: form[name].value() for name in begun} == begun


@pytest.mark.parametrize(
    ("chosen", "is_offered"),
    [("", True), ("status__exact=failed&q=", True), ("q=ada", False), ("awaits=yes", False)],
)
def test_only_what_a_filter_says_is_offered_for_a_compensation(
    ada: Account, grace: User, chosen: str, *, is_offered: bool
) -> None:
    grace.user_permissions.add(Permission.objects.get(codename="view_job"))

    page = browser(grace).get(f"/admin/billing/job/?{chosen}").content.decode()

    assert ('id="compensate-these"' in page, "instead of searching" in page) == (
        is_offered,
        not is_offered,
    )


@pytest.mark.parametrize(
    "more",
    [{"share_micros": "2"}, {"share_micros": ""}, {"models": "none"}, {"statuses": "running"}],
)
def test_an_incident_of_nonsense_says_so(ada: Account, grace: User, more: dict[str, str]) -> None:
    hour = desk.chosen()
    form = {
        "key": "outage-7",
        "since": hour.since.isoformat(),
        "until": hour.until.isoformat(),
        "basis": "charged",
        "share_micros": "1",
        "text_en": "We are sorry.",
        "text_zh": "抱歉。",
        "reason": "incident",
        "text": "Ticket 8",
        "act": "look",
    }

    answer = browser(grace).post(f"{COMPENSATIONS}ask/", form | more)

    assert answer.status_code == 200
    assert 'id="preview"' not in answer.content.decode()


def test_who_decides_on_an_adjustment_sees_why_and_what_would_move(
    ada: Account, grace: User, rosa: User
) -> None:
    looks(grace, rosa)
    factories.give(ada, 66)
    asked = desk.ask(ada, -100, grace, as_debt=True, text="Ticket 7: paid twice")
    page = f"{ADJUSTMENTS}{asked.pk}/decide/"

    own = browser(grace).get(page).content.decode()
    shown = browser(rosa).get(page).content.decode()

    for fact in ("Ticket 7: paid twice", "would be taken", "66", "would be owed", "34"):
        assert fact in shown
    assert ('value="withdraw"' in own, 'value="approve"' in own) == (True, False)
    assert ('value="withdraw"' in shown, 'value="approve"' in shown) == (False, True)
    assert (
        f"{asked.pk}/decide/"
        in browser(rosa).get(f"{ADJUSTMENTS}{asked.pk}/change/").content.decode()
    )
    assert not Adjustment.objects.exclude(state="requested").exists()
    assert browser(rosa).post(page, {"act": "approve"}).status_code == 200  # it is not said why
    assert browser(rosa).post(page, {"act": "approve", "reason": WHY}).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.approver) == ("executed", rosa)


def test_a_request_is_withdrawn_by_its_page_and_by_the_list(
    ada: Account, grace: User, rosa: User
) -> None:
    looks(grace, rosa)
    first, second = desk.ask(ada, 50, grace), desk.ask(ada, 20, grace)

    browser(rosa).post(f"{ADJUSTMENTS}{first.pk}/decide/", {"act": "withdraw", "reason": WHY})
    assert not Adjustment.objects.filter(state="withdrawn").exists()
    browser(grace).post(f"{ADJUSTMENTS}{first.pk}/decide/", {"act": "withdraw", "reason": WHY})
    said = mark(browser(grace), ADJUSTMENTS, "withdraw", second.pk)

    assert "Withdrawn." in said
    assert Adjustment.objects.filter(state="withdrawn").count() == 2


def test_a_form_is_previewed_before_it_asks(ada: Account, grace: User) -> None:
    factories.give(ada, 66)
    form = {"account": "ada", "amount_micros": "-50", "reason": "mistake", "text": "Ticket 7"}
    client = browser(grace)

    page = client.post(f"{ADJUSTMENTS}ask/", {"key": "k", **form, "act": "look"}).content.decode()
    more = {"amount_micros": "-100", "act": "look"}
    refused = client.post(f"{ADJUSTMENTS}ask/", {"key": "k", **form, **more}).content.decode()

    assert "would be taken" in page
    assert "66 are free of these grants" in refused
    assert not Adjustment.objects.exists()


def test_who_decides_on_an_incident_approves_the_digest_of_the_page(
    ada: Account, backend: None, grace: User, rosa: User
) -> None:
    looks(rosa)
    factories.give(ada, 10)
    shop.finish(shop.submit(ada, seconds=5))
    asked = desk.claim(grace, desk.chosen())
    page, client = f"{COMPENSATIONS}{asked.pk}/decide/", browser(rosa)

    shown = client.get(page).content.decode()
    client.post(page, {"act": "approve", "digest": "another", "reason": WHY})
    asked.refresh_from_db()
    assert asked.state == "requested"
    client.post(page, filled(shown, act="approve", reason=WHY))

    asked.refresh_from_db()
    assert asked.state == "approved"
    for fact in ("Ticket 8", "抱歉。", "10 credits · jobs: 1"):
        assert fact in shown


def test_what_the_catalog_knows_is_chosen(ada: Account, grace: User) -> None:
    page = browser(grace).get(f"{COMPENSATIONS}ask/").content.decode()

    for name, choice in (("statuses", "failed"), ("error_classes", "timeout"), ("plans", "free")):
        select = page[page.index(f'<select name="{name}"') :].split("</select>")[0]
        assert f'value="{choice}"' in select
    assert "2026-11-01T14:30:00+08:00" in page


def test_halted_accounts_are_found_and_resumed(looped: Account, grace: User) -> None:
    looks(grace)
    alarm(looped)
    client, halt = browser(grace), Halt.objects.get()

    listed = client.get(f"{HALTS}?resumed_at__isempty=1").content.decode()
    page = client.get(f"{HALTS}{halt.pk}/resume/")
    done = client.post(f"{HALTS}{halt.pk}/resume/", {"reason": "The loop is mended."})

    assert "ada" in listed
    assert page.status_code == 200
    assert done.status_code == 302
    assert Wallet.objects.get().halted_at is None
    halt.refresh_from_db()
    assert (halt.operator, halt.reason) == (grace, "The loop is mended.")
    again = client.post(f"{HALTS}{halt.pk}/resume/", {"reason": "Again."}, follow=True)
    assert "are not halted" in again.content.decode()


def test_who_has_looked_at_one_halt_ends_no_later_one(looped: Account, grace: User) -> None:
    first = services.resume_grants(account=looped, operator=grace, reason="The loop is mended.")
    for number in range(100, 150):
        with suppress(GrantsHalted):
            by_itself(looped, number)
    alarm(looped)
    looks(grace)

    browser(grace).post(f"{HALTS}{first.pk}/resume/", {"reason": "I was late."})

    assert Wallet.objects.get().halted_at is not None
    assert Halt.objects.filter(resumed_at=None).count() == 1
