"""Who gets a link to whose pages, what it opens, and when it opens nothing any more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.core import signing
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.http.logs import redact
from billing.ledger.models import Entry
from billing.pages import links, services
from billing.pages.links import Link, Page, Right
from billing.pages.models import LinkSeries
from tests import factories
from tests.pages import scene

PATH: Final = "/v1/page-links"
READS: Final = ["balance:read", "jobs:read"]
OPENED: Final = [page for page in Page if page != Page.PRICING]


def as_mei() -> dict[str, str]:
    token = tokens.sign("mei", lifetime=timedelta(hours=1), is_sandbox=True, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


def as_platform(*scopes: str, account: str = "mei") -> dict[str, str]:
    _key, secret = create_api_key("platform", list(scopes), is_sandbox=True, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {secret}", "X-Account": account}


def asked(headers: dict[str, str], **body: object) -> Any:  # noqa: ANN401 (Django's test response)
    return Client().post(PATH, body, content_type="application/json", headers=headers)


def opened(answer: Any) -> Any:  # noqa: ANN401 (as above)
    """Return the page that the link of an answer opens."""
    assert answer.status_code == 201, answer.content
    return Client().get(answer.json()["url"].removeprefix("http://127.0.0.1:8000"))


def test_a_person_gets_a_link_to_his_own_pages(mei: Account, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    before = datetime.now(UTC)

    answer = asked(as_mei(), page="balance", expires_in=600)

    assert opened(answer).status_code == 200
    ends_at = datetime.fromisoformat(answer.json()["expires_at"])
    longest = timedelta(seconds=600)
    assert before + longest - timedelta(seconds=1) < ends_at <= datetime.now(UTC) + longest
    assert "no-store" in opened(answer)["Cache-Control"]


@pytest.mark.parametrize(
    ("scopes", "act", "status"),
    [
        (READS, False, 201),
        (READS, True, 403),
        ([*READS, "subscriptions:write"], True, 403),
        ([*READS, "accounts:write"], True, 403),
        ([*READS, "subscriptions:write", "accounts:write"], True, 201),
        (["balance:read"], False, 403),
        (["jobs:read"], False, 403),
        (["grants:write", "accounts:write"], False, 403),
    ],
)
def test_a_service_key_opens_what_its_scopes_cover(
    mei: Account, scopes: list[str], *, act: bool, status: int
) -> None:
    answer = asked(as_platform(*scopes), act=act)

    assert answer.status_code == status


def test_whom_nobody_knows_has_no_pages(mei: Account) -> None:
    assert asked(as_platform(*READS, account="nobody")).status_code == 404
    assert not Account.objects.filter(external_id="nobody").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"expires_in": 59},
        {"expires_in": 86_401},
        {"page": "admin"},
        {"lang": "fr"},
        {"theme": "pink"},
        {"account": "ada"},
    ],
)
def test_what_a_link_cannot_be_is_refused(mei: Account, body: dict[str, object]) -> None:
    assert asked(as_mei(), **body).status_code == 400


def test_only_named_origins_may_embed(mei: Account, settings: Settings) -> None:
    refusal = asked(as_mei(), embed=True)
    assert (refusal.status_code, refusal.json()["code"]) == (422, "not_embeddable")

    settings.PAGES_FRAME_ANCESTORS = ["https://shop.example"]
    framed, alone = opened(asked(as_mei(), embed=True)), opened(asked(as_mei()))

    assert "frame-ancestors https://shop.example;" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    assert "frame-ancestors 'none';" in alone["Content-Security-Policy"]
    assert alone["X-Frame-Options"] == "DENY"


def forged(link: Link) -> str:
    token = links.sign(link)
    return f"/pages/{token[:-1]}{'A' if token[-1] != 'A' else 'B'}/balance"


def of_another_salt(link: Link) -> str:
    said = [link.account_id, 0, "act", 9_999_999_999, "", "", 0]
    return f"/pages/{signing.dumps(said, salt='billing.jobs.output')}/balance"


def ended(link: Link) -> str:
    over = Link(link.account_id, link.series, link.right, datetime.now(UTC))
    return scene.path_of(over)


def of_too_little(link: Link) -> str:
    little = Link(link.account_id, link.series, Right.RETURN, link.expires_at)
    return scene.path_of(little)


def of_nobody(link: Link) -> str:
    return scene.path_of(Link("acc_nobody", 0, link.right, link.expires_at))


def of_a_series_to_come(link: Link) -> str:
    return scene.path_of(Link(link.account_id, 1, link.right, link.expires_at))


def too_long(_link: Link) -> str:
    return f"/pages/{'A' * 5000}:1:x/balance"


BAD: Final[list[Callable[[Link], str]]] = [
    *(forged, of_another_salt, ended, of_too_little, of_nobody, of_a_series_to_come, too_long)
]


@pytest.mark.parametrize("spoilt", BAD)
def test_a_link_that_is_not_good_opens_nothing_and_does_nothing(
    mei: Account, spoilt: Callable[[Link], str]
) -> None:
    factories.give(mei, 12_345)
    path = spoilt(scene.link_of(mei))
    before = Entry.objects.count()

    looked = Client().get(path, {"lang": "en"})
    acted = Client().post(path.replace("/balance", "/check-in"))

    assert (looked.status_code, acted.status_code) == (404, 404)
    assert "This link has ended, or is not whole." in looked.content.decode()
    assert "12,345" not in looked.content.decode()
    assert "no-store" in looked["Cache-Control"]
    assert Entry.objects.count() == before


def test_every_bad_link_is_answered_alike(mei: Account) -> None:
    link = scene.link_of(mei)
    paths = [bad(link) for bad in BAD]
    name = {"X-Request-Id": "one-for-all"}
    answers = [Client().get(path, {"lang": "en"}, headers=name) for path in paths]
    plain = [
        answer.content.decode().replace(path, "")
        for path, answer in zip(paths, answers, strict=True)
    ]

    assert len(set(plain)) == 1


def test_revoked_links_open_nothing_and_later_ones_do(mei: Account, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    old = asked(as_mei(), act=True)
    others = scene.link_of(factories.new_account("ada"))

    revoked = [Client().delete(PATH, headers=as_mei()).status_code for _repeat in range(2)]

    assert revoked == [204, 204]
    assert opened(old).status_code == 404
    assert opened(asked(as_mei())).status_code == 200
    assert Client().get(scene.path_of(others)).status_code == 200
    assert LinkSeries.objects.get().number == 2


@pytest.mark.parametrize(
    "scopes", [["balance:read"], READS, [*READS, "subscriptions:write"]], ids=" ".join
)
def test_a_service_key_that_may_only_look_revokes_no_links(mei: Account, scopes: list[str]) -> None:
    old = asked(as_mei())

    answer = Client().delete(PATH, headers=as_platform(*scopes))

    assert answer.status_code == 403
    assert not LinkSeries.objects.exists()
    assert opened(old).status_code == 200


def test_a_service_key_that_looks_after_accounts_revokes_links(mei: Account) -> None:
    old = asked(as_mei())

    answer = Client().delete(PATH, headers=as_platform("accounts:write"))

    assert answer.status_code == 204
    assert opened(old).status_code == 404


def test_an_organization_has_no_pages(mei: Account) -> None:
    made = Client().post(
        "/v1/organizations",
        {"name": "Studio"},
        content_type="application/json",
        headers={**as_mei(), "Idempotency-Key": "once"},
    )
    assert made.status_code == 201, made.content
    pool = made.json()

    acting = asked({**as_mei(), "X-Organization": pool["id"]})
    served = asked(
        as_platform(*READS, account=Account.objects.get(kind="organization").external_id)
    )

    assert (acting.status_code, served.status_code) == (403, 403)


def test_pages_can_be_turned_off(mei: Account, settings: Settings) -> None:
    path = scene.path_of(scene.link_of(mei))
    settings.PAGES_ENABLED = False

    assert asked(as_mei()).json()["code"] == "pages_off"
    assert Client().get(path).status_code == 404
    assert Client().get("/pages/pricing").status_code == 404


@pytest.mark.parametrize("page", Page)
def test_a_page_tells_its_address_to_nobody_and_keeps_no_cookie(mei: Account, page: Page) -> None:
    answer = scene.look(mei, page)

    assert answer.status_code == 200
    assert answer.cookies == {}
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    rules = answer["Content-Security-Policy"]
    assert rules.startswith("default-src 'none'; style-src 'self'; img-src 'self'; form-action")
    text = answer.content.decode()
    assert "<script" not in text
    assert " style=" not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_no_log_line_has_a_link(mei: Account, caplog: pytest.LogCaptureFixture) -> None:
    path = scene.path_of(scene.link_of(mei))
    token = path.split("/")[2]

    with caplog.at_level("INFO"):
        Client().get(path)

    told = [record.__dict__ for record in caplog.records if "route" in record.__dict__]
    assert [one["route"] for one in told] == ["pages/<str:token>/balance"]
    assert token not in str(told)
    assert redact(f"GET {path} failed") == "GET /pages/[hidden]/balance failed"
    assert redact('File "/srv/billing/pages/edge.py"') == 'File "/srv/billing/pages/edge.py"'
    assert services.address_of(scene.link_of(mei), Page.PLAN).endswith("/plan")
