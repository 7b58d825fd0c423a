"""What a person sees where no view answers: a page of ours, that needs nothing but itself."""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.pages import selectors as pages
from tests.guards.operators import signed_in
from tests.http.limiting import _patiently, limit
from tests.operators import signed_in as comes_in
from tests.pages.test_looks import PICTURES, complaints
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

__all__ = ["_patiently"]
NAME: Final = {"X-Request-Id": "a-name-of-ours"}
CHINESE: Final = {"Accept-Language": "zh-CN", **NAME}


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


def careless(*_: object, **__: object) -> None:
    """Break, as a defect would."""
    raise RuntimeError("a defect")


def visitor(**kinds: Any) -> Client:  # noqa: ANN401 (as the client's own)
    return Client(raise_request_exception=False, **kinds)


def unread(said: dict[str, str]) -> Any:  # noqa: ANN401 (Django's test response, here and below)
    return visitor().get("/admin/login/?next=%00", headers=said)


def forbidden(said: dict[str, str]) -> Any:  # noqa: ANN401
    clerk, _is_new = User.objects.get_or_create(username="clerk", is_staff=True)
    return comes_in(visitor(), clerk).get("/admin/billing/entry/", headers=said)


def strange(said: dict[str, str]) -> Any:  # noqa: ANN401
    return visitor(enforce_csrf_checks=True).post("/admin/login/", {}, headers=said)


def absent(said: dict[str, str]) -> Any:  # noqa: ANN401
    root, _is_new = User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)
    return comes_in(visitor(), root).get("/admin/nothing/", headers=said)


def nowhere(said: dict[str, str]) -> Any:  # noqa: ANN401
    return visitor().get("/nowhere", headers=said)


def no_page(said: dict[str, str]) -> Any:  # noqa: ANN401
    return visitor().get("/pages/a-link/nothing", headers=said)


def strange_purchase(said: dict[str, str]) -> Any:  # noqa: ANN401
    return visitor(enforce_csrf_checks=True).post("/pages/pricing", {}, headers=said)


REFUSED: Final[list[tuple[Callable[[dict[str, str]], Any], int, str, str]]] = [
    (unread, 400, "/admin/", "The request cannot be read."),
    (forbidden, 403, "/admin/", "You may not do this."),
    (strange, 403, "/admin/", "Open its page again."),
    (absent, 404, "/admin/", "There is nothing of that name."),
    (nowhere, 404, "/", "There is nothing of that name."),
    (no_page, 404, "/pages/pricing", "There is nothing of that name."),
    (strange_purchase, 403, "/pages/pricing", "Open its page again."),
]


def checked(page: Any, status: int, back: str, language: str) -> str:  # noqa: ANN401
    """See that a page is one of ours, and leads on; return it."""
    text: str = page.content.decode()
    assert (page.status_code, page["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert page["Content-Language"] == language.lower()
    assert f'<html lang="{language}"' in text
    (title,) = re.findall(r"<title>(.+)</title>", text)
    assert re.findall(r"<h1>(.+)</h1>", text) == [title]
    assert f"<p>{title}</p>" not in text
    assert re.findall(r'id="back" href="([^"]+)"', text) == [back]
    assert NAME["X-Request-Id"] in text
    assert page["Cache-Control"] == "no-store"
    rules = page["Content-Security-Policy"]
    assert rules.startswith("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'")
    assert "<script" not in text
    return text


@pytest.mark.django_db
@pytest.mark.parametrize(("ask", "status", "back", "said"), REFUSED)
def test_who_is_refused_sees_a_page_in_his_language_with_a_way_back(
    ask: Callable[[dict[str, str]], Any], status: int, back: str, said: str
) -> None:
    english = checked(ask(NAME), status, back, "en")
    chinese = checked(ask(CHINESE), status, back, "zh-Hans")

    assert said in english
    assert said not in chinese
    assert re.search(r"<h1>[\u4e00-\u9fff]", chinese)


def test_who_meets_a_defect_sees_a_page_that_asks_no_database() -> None:
    """No test without its mark may ask one: here, that it was tried is the defect."""
    page = visitor().get("/pages/pricing", headers=CHINESE)

    text = checked(page, 500, "/pages/pricing", "zh-Hans")
    assert "Database access not allowed" not in text


def test_who_came_by_a_link_meets_a_defect_and_may_try_it_again() -> None:
    page = visitor().get("/pages/a-link/balance?lang=en", headers=NAME)

    checked(page, 500, "/pages/a-link/balance", "en")


def test_a_page_without_its_style_is_better_than_none(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    collected = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": collected}

    text = checked(visitor().get("/nowhere", headers=NAME), 404, "/", "en")

    assert "stylesheet" not in text


def test_a_program_gets_a_problem_and_no_page() -> None:
    answer = visitor().get("/v1/nowhere", headers={**NAME, "Accept": "text/html"})

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_to_whom_the_administration_is_hidden_it_is_not_named(settings: Settings) -> None:
    settings.ADMIN_ALLOWED_CIDRS = [ip_network("203.0.113.0/24")]

    absent = visitor().get("/nowhere/", headers=NAME)
    for path in ("/admin/billing/entry/", "/admin/", "/admin"):
        hidden = visitor().get(path, headers=NAME)

        assert hidden.content == absent.content, path
        assert dict(hidden.items()) == dict(absent.items()), path
        assert "/admin/" not in checked(hidden, 404, "/", "en")


@pytest.mark.django_db
@pytest.mark.usefixtures("_patiently")
def test_who_logs_in_too_often_is_told_so_by_a_page(settings: Settings) -> None:
    limit(settings, sign_in={"ip": ["1/30d"]})
    client = visitor(REMOTE_ADDR="203.0.113.77")  # whom no other test has counted

    _first, second = (client.post("/admin/login/", {}, headers=CHINESE) for _time in range(2))

    text = checked(second, 429, "/admin/", "zh-Hans")
    assert int(second["Retry-After"]) > 0
    assert "稍" in text


def test_every_browser_gets_the_icon_that_it_asks_for_by_itself(admin_client: Client) -> None:
    """A cache may keep it for everybody, so nobody's session comes with it."""
    for client in (visitor(), admin_client):
        icon = client.get("/favicon.ico")

        assert icon.status_code == 200
        assert icon["Content-Type"] in {"image/x-icon", "image/vnd.microsoft.icon"}
        assert icon["Cache-Control"] == "max-age=86400, public"
        assert not icon.cookies
        assert icon.getvalue().startswith(b"\0\0\1\0")


@pytest.fixture(params=["en-US", "zh-CN"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    with browsing(tmp_path, language=request.param) as browser:
        yield browser


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")
def test_each_page_of_a_refusal_looks_well_by_day_and_by_night_on_a_phone_and_a_desk(
    live_server: LiveServer, browser: Browser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "visited", careless)
    PICTURES.mkdir(parents=True, exist_ok=True)
    cookie = signed_in(Client())
    browser.bring(settings.SESSION_COOKIE_NAME, cookie, live_server.url)
    wrong = {}
    for name, path in (
        *(("absent", "/admin/nothing/"), ("unread", "/admin/?x=%00")),
        *(("nowhere", "/nowhere"), ("broken", "/pages/a-link/balance")),
    ):
        for width, theme in product((390, 1280), ("light", "dark")):
            browser.be_wide(width)
            browser.be_lit(theme)
            browser.go(live_server.url + path)
            language = browser.run("document.documentElement.lang")
            way = f"refusal-{name}-{width}-{language}-{theme}"
            browser.picture(PICTURES / f"{way}.png")
            found = complaints(browser)
            if browser.run("document.documentElement.scrollWidth > innerWidth"):
                found.append("it is wider than its window")
            if browser.run("document.styleSheets.length") != 1:
                found.append("it has no style")
            if found:
                wrong[way] = found

    assert wrong == {}
