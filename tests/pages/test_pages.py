"""What the pages show, and what is done on them."""

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.accounts.models import Account
from billing.ledger.models import Entry, Grant
from billing.pages import chart
from billing.pages.chart import Point
from billing.pages.links import Page, Right
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.clock import now_plus
from tests.pages import scene

TAGS: Final = re.compile(r"<[^>]+>")


def told(answer: Any) -> str:  # noqa: ANN401 (Django's test response)
    """Return what can be read of a page, its blanks made one."""
    return " ".join(TAGS.sub(" ", answer.content.decode()).split())


def claim(account: Account, right: Right = Right.ACT) -> Any:  # noqa: ANN401 (as above)
    path = scene.path_of(scene.link_of(account, right), Page.CHECK_IN)
    return Client().post(f"{path}?lang=en")


def test_a_balance_says_what_is_free_what_ends_and_what_comes(mei: Account) -> None:
    factories.give(mei, 1234, source="pack", expires_in=timedelta(days=3))
    factories.give(mei, 100, source="goodwill")
    factories.hold(mei, 34)

    said = told(scene.look(mei))

    assert "Free to use 1,300 credits" in said
    assert "Set aside for videos under way 34" in said
    assert "in 3 days" in said
    assert "Pack 1,200" in said
    assert "Goodwill 100" in said
    assert "Next credits +66" in said


def test_the_forecast_is_what_rest_says_of_the_same_instant(mei: Account) -> None:
    factories.give(mei, 500, expires_in=timedelta(days=5))
    factories.give(mei, 80)

    said = told(scene.look(mei))

    assert ": 0 at first, 580 now, 80 at the end." in said
    assert re.search(r"\d{4}-\d\d-\d\d 80 Forecast", said)


def test_a_curve_holds_its_height_and_falls_where_something_ends() -> None:
    now = now_plus()
    points = [
        Point(now - timedelta(days=1), 10 * MICROS),
        Point(now, 20 * MICROS),
        Point(now + timedelta(days=1), 0),
    ]

    drawn = chart.draw(points, now=now, ends=[now + timedelta(days=1), now + timedelta(days=9)])

    assert drawn.past == "M0.0 100.0H300.0V0.0"
    assert drawn.ahead == "M300.0 0.0H600.0V200.0"
    assert drawn.ahead_area == "M300.0 0.0H600.0V200.0V200H300.0Z"
    assert (drawn.top_micros, drawn.ends) == (20 * MICROS, (600.0,))


@pytest.mark.parametrize(("most", "top"), [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (999, 1000)])
def test_the_upper_edge_is_a_round_amount(most: int, top: int) -> None:
    now = now_plus()
    points = [Point(now, 0), Point(now + timedelta(days=1), most * MICROS)]

    assert chart.draw(points, now=now).top_micros == top * MICROS


def test_a_check_in_gives_once_and_says_so_again(mei: Account) -> None:
    first, again = claim(mei), claim(mei)

    assert "+66 credits Today&#x27;s credits are yours. Days in a row 1" in told(first)
    assert "+66 credits You have checked in today already" in told(again)
    assert Grant.objects.filter(wallet__account=mei).count() == 1
    assert Entry.objects.get(wallet__account=mei).actor_type == "user"
    assert "Today&#x27;s credits are yours." in told(scene.look(mei, Page.CHECK_IN))


def test_who_may_only_look_does_nothing(mei: Account) -> None:
    answer = claim(mei, Right.READ)

    assert answer.status_code == 403
    assert "This link only shows." in told(answer)
    assert not Entry.objects.exists()
    for page in Page:
        looked = scene.look(mei, page, Right.READ)
        assert looked.status_code == 200
        assert "<form" not in looked.content.decode()
        path = scene.path_of(scene.link_of(mei, Right.READ), page)
        assert Client().post(path, {"do": "end"}).status_code in {403, 405}
    assert not Entry.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_pages_are_looked_at_or_sent_a_form(mei: Account, method: str) -> None:
    path = scene.path_of(scene.link_of(mei))

    assert getattr(Client(), method)(path).status_code == 405
    assert Client().post(path).status_code == 405
    assert Client().head(path).status_code == 200


def test_videos_say_what_they_cost_why_they_failed_and_what_came_back(mei: Account) -> None:
    factories.give(mei, 100)
    scene.picture(scene.film(mei, "a kite"), 1)
    shop.fail(scene.ordered(mei, "a wreck"), failure_class="moderation_output")
    scene.ordered(mei, scene.HOSTILE)

    answer = scene.look(mei, Page.VIDEOS)
    said = told(answer)

    assert "a kite Ready Kling 1.6 Text to video" in said
    assert "Used 10 credits Watch" in said
    assert "The result was not allowed by the content rules." in said
    assert "Given back 10 credits" in said
    assert "Waiting" in said
    assert "&lt;script&gt;" in answer.content.decode()
    assert "<script" not in answer.content.decode()
    assert "<img src=x" not in answer.content.decode()


def test_a_long_list_is_turned_over(mei: Account) -> None:
    factories.give(mei, 1000)
    for number in range(22):
        shop.fail(scene.ordered(mei, f"film number {number:02}."))
    first = scene.look(mei, Page.VIDEOS)
    [link] = re.findall(r'href="([^"]+)" rel="next"', first.content.decode())
    older = link.replace("&amp;", "&")

    second = Client().get(older)

    seen = re.findall(r"film number (\d\d)\.", told(first) + told(second))
    assert seen == [f"{number:02}" for number in reversed(range(22))]
    assert Client().get(older.replace("cursor=", "cursor=x")).status_code == 400


def test_somebodys_pages_show_nothing_of_another(mei: Account) -> None:
    ada = factories.new_account("ada")
    factories.give(ada, 4321)
    scene.film(ada, "the film of Ada")

    shown = "".join(told(scene.look(mei, page)) for page in Page)

    assert "4,3" not in shown
    assert "the film of Ada" not in shown


def test_everybody_sees_the_prices_by_interval_and_currency(kling: None) -> None:
    monthly = told(Client().get("/pages/pricing?lang=en&currency=USD"))
    yearly = told(Client().get("/pages/pricing?lang=en&currency=USD&interval=P1Y"))
    chinese = told(Client().get("/pages/pricing?lang=zh-hans&currency=CNY"))

    assert "Standard $6.99 / a month List price $10 the first time · then $8.80" in monthly
    assert "Standard $120 / a year" in yearly
    assert "标准版 ¥66" in chinese
    assert "66 credits a day, when you check in" in monthly
    assert "Kling 1.6 Text to video 5 s · 720p · std 10 credits" in monthly
    assert "330 credits $5" in monthly
    assert "<form" not in monthly


def test_a_page_speaks_as_its_visitor_its_link_or_his_browser_wants(mei: Account) -> None:
    link = scene.link_of(mei, language="zh-hans", theme="dark")
    path = scene.path_of(link)
    plain = scene.path_of(scene.link_of(mei))

    assert 'lang="zh-Hans" data-theme="dark"' in Client().get(path).content.decode()
    chosen = Client().get(path, {"lang": "en", "theme": "light"}).content.decode()
    assert 'lang="en" data-theme="light"' in chosen
    assert "videos?lang=en&amp;theme=light" in chosen
    asked = Client().get(plain, headers={"Accept-Language": "zh-CN"})
    assert (asked["Content-Language"], 'lang="zh-Hans"' in asked.content.decode()) == (
        "zh-hans",
        True,
    )
    strange = Client().get(path, {"lang": "<script>", "theme": "\"'><script>"}).content.decode()
    assert 'lang="zh-Hans" data-theme="dark"' in strange
    assert "<script" not in strange


def test_a_balance_asks_as_little_after_a_month_as_after_a_week(mei: Account) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert scene.look(mei).status_code == 200
        return len(queries)

    def live(days: int) -> None:
        for day in range(days):
            factories.later(mei, timedelta(days=1))
            if day % 7 == 0:
                factories.give(mei, 30, expires_in=timedelta(days=50))
                factories.capture(mei, factories.hold(mei, 5), 5 * MICROS)

    live(7)
    after_a_week = questions()
    live(21)

    assert questions() == after_a_week < 40
