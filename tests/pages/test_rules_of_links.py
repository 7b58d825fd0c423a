"""What a page lets a browser do, what it says of what is away, and how long a link is good."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs.services import ending
from billing.ledger.models import Grant
from billing.pages import links, selectors
from billing.pages.links import Link, Page, Right
from billing.pages.models import LinkSeries
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from tests import factories
from tests.jobs import shop
from tests.pages import scene
from tests.pages.test_links import as_mei
from tests.pages.test_pages import told

pytestmark = pytest.mark.django_db
NAME: Final = {"X-Request-Id": "a-name-of-ours"}


def test_a_page_lets_a_browser_load_frame_and_send_nothing_else(
    mei: Account, settings: Settings
) -> None:
    settings.PAGES_PAYMENT_ORIGINS = ["https://pay.example"]
    alone = scene.look(mei)
    settings.STORAGE_REDIRECTS = True
    settings.STRIPE_API_BASE = "http://127.0.0.1:12111"
    with_bucket = scene.look(mei)

    assert alone["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self' https://pay.example; frame-ancestors 'none'; base-uri 'none'"
    )
    assert "img-src 'self' https:;" in with_bucket["Content-Security-Policy"]
    # What stands in for Stripe has its pages at its own address.
    told_of = "form-action 'self' https://pay.example http://127.0.0.1:12111;"
    assert told_of in with_bucket["Content-Security-Policy"]
    assert alone["X-Robots-Tag"] == "noindex"


def test_a_form_needs_no_cookie_and_prices_take_none(mei: Account) -> None:
    strict = Client(enforce_csrf_checks=True)

    claimed = strict.post(scene.path_of(scene.link_of(mei), Page.CHECK_IN))
    public = strict.post("/pages/pricing", {"pack": "plain", "once": "k"})

    assert (claimed.status_code, Grant.objects.count()) == (200, 1)
    assert public.status_code == 403


def test_who_comes_while_the_database_is_away_is_asked_to_try_again(
    mei: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("the server closed the connection")

    path = scene.path_of(scene.link_of(mei))
    monkeypatch.setattr(selectors, "visited", away)

    answer = Client().get(path, {"lang": "en"}, headers=NAME)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Not available for the moment." in told(answer)
    assert f'href="{path}?lang=en"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_who_is_refused_reads_the_name_of_his_request_and_a_way_on(
    mei: Account, settings: Settings
) -> None:
    path = scene.path_of(scene.link_of(mei, Right.READ), Page.CHECK_IN)
    forbidden = Client().post(path, headers=NAME)
    gone = Client().get(f"{path[:9]}x/balance", headers=NAME)
    settings.PAGES_ENABLED = False
    off = Client().get(path, headers=NAME)

    for answer in (forbidden, gone, off):
        assert "a-name-of-ours" in answer.content.decode()
    assert 'id="back" href="/pages/' in forbidden.content.decode()
    assert '/balance"' in forbidden.content.decode()
    assert 'id="back" href="/pages/pricing"' in gone.content.decode()
    assert 'id="back"' not in off.content.decode()


def test_times_are_of_the_zone_of_the_account(mei: Account) -> None:
    Account.objects.filter(pk=mei.pk).update(zone="Asia/Tokyo")

    assert "Times in Asia/Tokyo" in told(scene.look(mei))


def test_who_comes_back_from_paying_is_shown_no_way_to_other_pages(mei: Account) -> None:
    path = scene.path_of(scene.link_of(mei, Right.RETURN)).replace("/balance", "/return")

    back = Client().get(path)

    assert back.status_code == 200
    assert 'class="tabs"' not in back.content.decode()


def test_a_link_has_ended_in_its_last_instant() -> None:
    ends_at = datetime(2026, 11, 27, 12, tzinfo=UTC)
    token = links.sign(Link("acc_x", 0, Right.READ, ends_at))

    assert links.read(token, now=ends_at) is None
    assert links.read(token, now=ends_at - timedelta(microseconds=1)) is not None


def test_who_acts_for_an_organization_revokes_no_links(mei: Account) -> None:
    founded = Client().post(
        "/v1/organizations",
        {"name": "Studio"},
        content_type="application/json",
        headers={**as_mei(), "Idempotency-Key": "once"},
    )
    acting = {**as_mei(), "X-Organization": founded.json()["id"]}

    answer = Client().delete("/v1/page-links", headers=acting)

    assert answer.status_code == 403
    assert not LinkSeries.objects.exists()


@pytest.mark.parametrize("looks", ["abc", "", "99999", "²", "-1", "9" * 5000])
def test_a_count_of_looks_that_is_none_is_the_first(mei: Account, looks: str) -> None:
    path = scene.path_of(scene.link_of(mei, Right.RETURN)).replace("/balance", "/return")

    assert Client().get(path, {"n": looks}).status_code == 200


def test_an_act_that_there_is_not_is_refused(mei: Account) -> None:
    path = scene.path_of(scene.link_of(mei), Page.PLAN)

    assert Client().post(path, {"do": "steal"}).status_code == 400


def test_the_page_that_one_comes_back_to_takes_no_form(mei: Account) -> None:
    path = scene.path_of(scene.link_of(mei)).replace("/balance", "/return")

    assert (Client().get(path).status_code, Client().post(path).status_code) == (200, 405)


def test_a_page_says_its_own_language_and_not_the_browsers(mei: Account) -> None:
    path = scene.path_of(scene.link_of(mei, language="zh-hans"))

    assert Client().get(path, headers={"Accept-Language": "en"})["Content-Language"] == "zh-hans"


def test_a_page_says_its_colours_to_the_browser_before_its_style_is_there(mei: Account) -> None:
    path = scene.path_of(scene.link_of(mei))

    assert 'name="color-scheme" content="light dark"' in Client().get(path).content.decode()
    dark = Client().get(path, {"theme": "dark"}).content.decode()
    assert 'name="color-scheme" content="dark"' in dark


def test_no_page_that_opens_beside_ours_can_reach_back(mei: Account) -> None:
    scene.a_month(mei)
    opened = [
        anchor
        for page in Page
        for anchor in re.findall(r"<a [^>]*_blank[^>]*>", scene.look(mei, page).content.decode())
    ]

    assert opened
    assert all('rel="noopener noreferrer"' in anchor for anchor in opened)


def test_what_a_backend_says_of_a_failure_stands_there_as_text(
    mei: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = ending.fail_job
    monkeypatch.setattr(
        ending, "fail_job", lambda job, **said: fail(job, **{**said, "detail": "<b>no</b>"})
    )
    factories.give(mei, 100)
    shop.fail(scene.ordered(mei, "a wreck"), failure_class="moderation_output")

    text = scene.look(mei, Page.VIDEOS).content.decode()

    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "<b>no</b>" not in text


def test_whose_plan_has_ended_checks_in_on_the_free_one_though_no_sweep_came_by(
    mei: Account,
) -> None:
    now = factories.later(mei, timedelta())
    subscriptions.start(account=mei, plan="pro", ends_at=now + timedelta(days=1))
    factories.later(mei, timedelta(days=2))

    answer = Client().post(f"{scene.path_of(scene.link_of(mei), Page.CHECK_IN)}?lang=en")

    assert answer.status_code == 200
    assert "+66" in told(answer)
    assert Subscription.objects.get().ended_at is not None
