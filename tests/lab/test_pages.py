"""The pages of the pricing lab: who opens them, what they show, and that texts stay texts."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing.accounts.models import Account
from billing.lab import services
from billing.lab.services import sharing
from billing.operators.admin import sessions
from billing.operators.models import AccessRecord, ActRecord
from plans.models import Draft, PublicationRequest, Simulation, SimulationShare
from tests import factories
from tests.insights.selling import DEARER, sell
from tests.lab.conftest import Simulate, browser_of, changed, person, text_of

pytestmark = pytest.mark.django_db
XSS = "<script>alert('灵感')</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
BEGINS = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT00:00")
ASKING = {
    "begins": BEGINS,
    "zone": "Asia/Shanghai",
    "reason": "GPUs cost more",
    "audience": "touched",
    "text_en": "Dearer.",
    "text_zh": "涨价。",
    "revision": "2",
}


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def path(name: str, *args: object) -> str:
    return reverse(f"lab-{name}", args=args)


def pages_of(draft: Draft, simulation: Simulation) -> list[str]:
    names = ("prices", "text", "changes", "effect", "publish")
    return [
        path("list"),
        *(path(name, draft.pk) for name in names),
        path("revision", draft.pk, 1),
        path("result", simulation.pk),
        path("chart", simulation.pk),
        path("table", simulation.pk),
    ]


@pytest.fixture
def world(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account
) -> tuple[Draft, Simulation]:
    """Names as bad as they come, a price that rose, and its effect."""
    factories.give(buyer, 100)
    sell(buyer)
    changed(draft, carla, *DEARER)
    changed(draft, carla, 'name = { en = "Standard"', f"name = {{ en = '''{XSS}{IMAGE}'''")
    Draft.objects.filter(pk=draft.pk).update(name=XSS + IMAGE)
    draft.refresh_from_db()
    return draft, simulate(draft)


@pytest.mark.parametrize("role", ["viewer", "support", "finance", "catalog manager"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_role_looks_and_what_others_wrote_is_only_text(
    world: tuple[Draft, Simulation], role: str, language: str
) -> None:
    browser = browser_of(person("walker", role))
    for where in pages_of(*world):
        page = browser.get(where, headers={"Accept-Language": language})

        assert page.status_code == HTTPStatus.OK, where
        text = page.content.decode()
        if not where.endswith((".csv", ".svg")):
            assert XSS not in text, where
            assert "<img src=x" not in text, where


def test_who_has_no_role_sees_nothing(world: tuple[Draft, Simulation]) -> None:
    draft, simulation = world
    stranger = browser_of(User.objects.create_user("stranger", is_staff=True))
    for where in pages_of(draft, simulation):
        assert stranger.get(where).status_code == HTTPStatus.FORBIDDEN, where
        assert Client().get(where).status_code == HTTPStatus.FOUND, where
    assert Client().post(path("check", draft.pk)).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("role", ["viewer", "support", "finance"])
def test_who_only_looks_changes_nothing(world: tuple[Draft, Simulation], role: str) -> None:
    draft, simulation = world
    browser = browser_of(person("walker", role))
    before = text_of(draft)

    answers = [
        browser.post(path("text", draft.pk), {"source": "x", "expected": draft.revision}),
        browser.post(
            path("prices", draft.pk), {"cell|rate|0|table|5": "99", "expected": draft.revision}
        ),
        browser.post(path("new"), {"name": "x", "start": "shipped:kling"}),
        browser.post(path("share", simulation.pk), {"days": "7"}),
        browser.post(path("publish", draft.pk), {**ASKING, "act": "ask"}),
    ]
    browser.post(path("effect", draft.pk), {"since": "2026-01-01", "until": "2026-01-02"})

    assert {answer.status_code for answer in answers} == {HTTPStatus.FORBIDDEN}
    assert text_of(draft) == before
    assert Draft.objects.count() == Simulation.objects.count() == 1
    assert not SimulationShare.objects.exists()
    assert not PublicationRequest.objects.exists()


def test_a_price_is_raised_by_a_form_and_the_audit_says_who(draft: Draft, carla: User) -> None:
    browser = browser_of(carla)

    answer = browser.post(
        path("prices", draft.pk),
        {"expected": "1", "cell|plan|1|prices|0|list": "70", "note": "GPUs cost more"},
    )

    assert answer["Location"] == path("changes", draft.pk)
    assert 'list = "70" },' in text_of(draft)
    assert "[llms]" in text_of(draft), "comments stay"
    assert LogEntry.objects.get(user=carla).object_id == draft.pk
    page = browser.get(answer["Location"]).content.decode()
    assert "list: 66000000 → 70000000" in page or "66 → 70" in page


def test_who_was_overtaken_sees_both_texts_and_saves_knowingly(
    draft: Draft, carla: User, colin: User
) -> None:
    old = text_of(draft)
    changed(draft, colin, "# Kling", "# Colin's Kling")
    browser = browser_of(carla)
    mine = old.replace("# Kling", "# Carla's Kling", 1)

    answer = browser.post(path("text", draft.pk), {"source": mine, "expected": "1"})

    page = answer.content.decode()
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "Carla&#x27;s Kling" in page
    assert "Colin&#x27;s Kling" in page
    assert "Colin's" in text_of(draft)
    browser.post(path("text", draft.pk), {"source": mine, "expected": "2"})
    assert "Carla's" in text_of(draft)
    assert draft.revision == 3


def test_mistakes_are_told_with_their_line_while_one_types(draft: Draft, carla: User) -> None:
    browser = browser_of(carla)
    wrong = text_of(draft).replace('table = { 5 = "10"', "table = { 5 = 10", 1)
    session = browser.session
    session[sessions.PROOF] = {**session[sessions.PROOF], "confirmed_at": 0}  # a while ago
    session.save()

    answer = browser.post(
        path("check", draft.pk), {"source": wrong}, headers={"X-Requested-With": "fetch"}
    )

    [finding] = answer.json()["findings"]
    assert finding["severity"] == "problem"
    assert finding["key"] == "rate[1].table.5"
    assert wrong.splitlines()[finding["line"] - 1].startswith("table = { 5 = 10")
    assert 'write "10" instead of 10' in finding["sentence"]
    assert draft.revision == 1


def test_who_has_not_proven_himself_twice_checks_nothing(draft: Draft, carla: User) -> None:
    half_in = Client()
    half_in.force_login(carla)

    assert half_in.post(path("check", draft.pk), {"source": ""}).status_code == 403


def test_the_button_checks_without_a_script_and_keeps_what_was_typed(
    draft: Draft, carla: User
) -> None:
    page = browser_of(carla).post(path("check", draft.pk), {"source": "schema = 9"})

    assert page.status_code == HTTPStatus.OK
    assert "schema = 9</textarea>" in page.content.decode()
    assert draft.revision == 1


def test_a_result_is_old_once_the_draft_says_something_else(
    world: tuple[Draft, Simulation], carla: User
) -> None:
    draft, simulation = world
    browser = browser_of(carla)
    assert 'id="old"' not in browser.get(path("result", simulation.pk)).content.decode()

    changed(draft, carla, 'credits = "66"', 'credits = "60"')

    assert 'id="old"' in browser.get(path("result", simulation.pk)).content.decode()


def test_the_table_is_taken_along_and_that_is_written_down(
    world: tuple[Draft, Simulation], vera: User
) -> None:
    _draft, simulation = world

    lines = browser_of(vera).get(path("table", simulation.pk)).content.decode().splitlines()

    assert lines[0] == "\ufefftable,name,jobs,today,draft,change,unit"
    assert "total,all jobs,1,10,12,2,credits" in lines
    assert "more,ada,,10,12,2,credits" in lines
    assert AccessRecord.objects.get(kind=AccessRecord.Kind.EXPORTED).what == f"{simulation.pk}.csv"


def test_who_sees_no_accounts_elsewhere_learns_of_none_from_a_result(
    world: tuple[Draft, Simulation], carla: User, vera: User
) -> None:
    _draft, simulation = world
    row = '<th scope="row">ada</th>'

    assert row in browser_of(vera).get(path("result", simulation.pk)).content.decode()
    assert row not in browser_of(carla).get(path("result", simulation.pk)).content.decode()
    table = browser_of(carla).get(path("table", simulation.pk)).content.decode()
    assert "more,,1,,2,," in table
    assert "ada" not in table


def test_a_link_shows_sums_to_people_outside_and_names_nobody(
    world: tuple[Draft, Simulation], carla: User
) -> None:
    draft, simulation = world
    browser_of(carla).post(path("share", simulation.pk), {"days": "7"})
    share = SimulationShare.objects.get()
    address = path("shared", sharing.token_of(share))

    page = Client().get(address)

    text = page.content.decode()
    assert page.status_code == HTTPStatus.OK
    assert "+2 (+20.0%)" in text
    assert "ada" not in text
    assert XSS not in text
    assert page["X-Robots-Tag"] == "noindex"
    forged = path("shared", "x" + sharing.token_of(share)[1:])
    assert Client().get(forged).status_code == HTTPStatus.NOT_FOUND
    browser_of(carla).post(path("share", simulation.pk), {"revoke": share.pk})
    assert Client().get(address).status_code == HTTPStatus.NOT_FOUND
    assert draft.revision == 3


def test_a_link_ends(world: tuple[Draft, Simulation], carla: User) -> None:
    _draft, simulation = world
    now = datetime.now(UTC)
    share = services.share(
        simulation=simulation, lasts=timedelta(days=1), author=carla, now=now - timedelta(days=2)
    )

    assert Client().get(path("shared", sharing.token_of(share))).status_code == 404


def test_a_draft_is_published_by_two_people_who_see_its_effect(
    world: tuple[Draft, Simulation], carla: User, fiona: User
) -> None:
    draft, _simulation = world
    first, second = browser_of(carla), browser_of(fiona)
    said = {**ASKING, "revision": str(draft.revision)}

    looked = first.post(path("publish", draft.pk), {**said, "act": "look"}).content.decode()
    assert "00:00 Asia/Shanghai = " in looked
    assert "16:00 UTC" in looked
    assert "+2 (+20.0%)" in looked
    assert "table.5: 10 → 12" in looked
    assert "match.audio" not in looked, "what has priced orders reads otherwise"
    assert "涨价。" in looked
    assert "Dearer." in looked
    assert not PublicationRequest.objects.exists()

    first.post(path("publish", draft.pk), {**said, "act": "ask"})
    asked = PublicationRequest.objects.get()
    where = path("request", asked.pk)
    assert 'value="approve"' not in first.get(where).content.decode()
    own = first.post(where, {"act": "approve", "reason": "mine"})
    assert own.status_code == HTTPStatus.CONFLICT
    assert "+2 (+20.0%)" in second.get(where).content.decode()
    assert second.post(where, {"act": "approve"}).status_code == HTTPStatus.CONFLICT
    asked.refresh_from_db()
    assert asked.state == "requested", "nobody has said why"
    second.post(where, {"act": "approve", "reason": "as agreed"})

    asked.refresh_from_db()
    assert asked.state == "approved"
    assert asked.effective_at.astimezone(UTC).hour == 16
    assert LogEntry.objects.filter(user=fiona, object_id=asked.pk).count() == 1
    second.post(where, {"act": "take_back", "reason": "not yet"})
    asked.refresh_from_db()
    assert asked.state == "taken_back"
    lines = ActRecord.objects.filter(object_id=asked.pk).order_by("at")
    assert list(lines.values_list("act", "operator__username", "reason", "refusal")) == [
        ("publicationrequest.ask", "carla", ASKING["reason"], ""),
        ("publicationrequest.approve", "carla", "mine", "own_request"),
        ("publicationrequest.approve", "fiona", "as agreed", ""),
        ("publicationrequest.take_back", "fiona", "not yet", ""),
    ]
    assert lines[2].shown[0] == ["draft", f"{draft.name} {draft.revision}"]


def test_a_draft_begins_from_what_is_in_force_or_is_shipped(shop: None, carla: User) -> None:
    browser = browser_of(carla)
    page = browser.get(path("new")).content.decode()
    assert "shipped:kling" in page

    browser.post(path("new"), {"name": XSS, "start": "shipped:vidu"})

    draft = Draft.objects.get()
    assert 'slug = "vidu"' in text_of(draft)
    assert draft.base_version is None


def test_what_is_not_there_is_not_found(draft: Draft, carla: User) -> None:
    browser = browser_of(carla)

    for where in (
        path("prices", "dft_none"),
        path("revision", draft.pk, 9),
        path("result", "sim_none"),
        path("chart", "sim_none"),
        path("request", "pbr_none"),
    ):
        assert browser.get(where).status_code == HTTPStatus.NOT_FOUND, where
