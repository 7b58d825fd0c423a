"""Every answer, of every address and of every window, carries what guards a browser."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from billing.accounts.models import Account
from billing.http.headers import Guards
from tests import factories
from tests.guards.operators import signed_in

ALIKE: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LOCKED: Final = {"default-src": ["'none'"], "base-uri": ["'none'"], "frame-ancestors": ["'none'"]}


def addresses(resolver: URLResolver | None = None, before: str = "/") -> Iterator[str]:
    """Yield every address of the service, with an x in place of what varies."""
    for one in (resolver or get_resolver()).url_patterns:
        if isinstance(one, URLResolver):
            yield from addresses(one, before + str(one.pattern).lstrip("^/"))
        elif isinstance(one, URLPattern):
            yield before + _filled(str(one.pattern))


def _filled(pattern: str) -> str:
    parts = pattern.removesuffix("$").lstrip("^").split("<")
    return parts[0] + "".join(f"x{part.partition('>')[2]}" for part in parts[1:])


def policy(answer: Any) -> dict[str, list[str]]:  # noqa: ANN401 (Django's test response)
    """Return a Content-Security-Policy by directive."""
    said = answer["Content-Security-Policy"].split("; ")
    return {name: words for name, *words in (part.split(" ") for part in said)}


def guarded(answer: Any, where: str) -> dict[str, list[str]]:  # noqa: ANN401 (as above)
    """Return the policy of an answer, which has every other guard."""
    assert {name: answer.get(name) for name in ALIKE} == ALIKE, where
    assert "camera=()" in answer["Permissions-Policy"], where
    found = policy(answer)
    assert LOCKED.items() <= found.items(), where
    return found


@pytest.mark.django_db
def test_every_address_answers_guarded_whoever_asks() -> None:
    """What is absent, refused and broken is guarded like what is there."""
    seen: set[int] = set()
    ours = {path for path in addresses() if not path.startswith("/pages/")}  # they have their own
    every = sorted({*ours, "/nowhere", "/v1/nowhere", "/static/nowhere.js"})
    client = Client(raise_request_exception=False)

    for path in every:
        answer = client.get(path)
        found = guarded(answer, path)
        seen.add(answer.status_code)
        if not path.startswith(("/admin/", "/v1/docs", "/v1/problems")):
            is_page = answer.get("Content-Type", "").startswith("text/html")
            looks = {"style-src", "img-src"} if is_page else set()  # a refusal's page has a sheet
            assert set(found) - looks == {*LOCKED, "form-action"}, path

    assert len(every) > 100
    assert {200, 302, 401, 404} <= seen


@pytest.mark.django_db
def test_every_window_is_a_page_that_runs_no_script_of_its_text(ada: Account) -> None:
    client = Client()
    signed_in(client)
    grant = factories.give(ada, 5)
    paths = [f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in admin.site._registry]
    paths += ["/admin/", "/admin/revenue", f"/admin/billing/grant/{grant.pk}/change/"]

    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = guarded(answer, path)
        assert found["script-src"] == ["'self'", "'unsafe-eval'"], path
        assert found["form-action"] == ["'self'"], path
        assert b"<script>" not in answer.content, path

    assert len(paths) > 60


@pytest.mark.django_db
def test_the_page_of_the_api_has_its_script_elsewhere() -> None:
    page = Client().get("/v1/docs")
    script = Client().get("/v1/docs?script=")

    assert guarded(page, "docs")["script-src"] == ["'self'"]
    assert b"<script>" not in page.content
    assert script["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content


def test_films_may_be_shown_elsewhere_and_nothing_else() -> None:
    def shown(path: str) -> str:
        asked = RequestFactory().get(path)
        return Guards(lambda _request: HttpResponse())(asked)["Cross-Origin-Resource-Policy"]

    assert shown("/v1/outputs/x") == "cross-origin"
    assert {shown(path) for path in ("/v1/jobs", "/admin/", "/v1/docs")} == {"same-origin"}


def test_a_view_that_says_its_own_policy_is_heard() -> None:
    own = {"Content-Security-Policy": "default-src 'none'; frame-ancestors https://app.example"}

    answer = Guards(lambda _request: HttpResponse(headers=own))(RequestFactory().get("/v1/docs"))

    assert answer["Content-Security-Policy"] == own["Content-Security-Policy"]
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.django_db
def test_no_script_reads_a_cookie_and_no_other_site_sends_one() -> None:
    client = Client()
    signed_in(client)
    client.get("/admin/")
    client.post("/i18n/setlang/", {"language": "zh-hans"})
    Client().get("/admin/login/")

    assert len(client.cookies) >= 2
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie
        assert cookie["samesite"] == "Lax", cookie
