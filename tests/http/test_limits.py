"""Limits as callers meet them: whose requests count, what they are told, and what gets around."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.models import Account
from billing.http import limits
from billing.http.addresses import Proxies
from billing.ids import new_id
from billing.jobs.models import Job
from billing.ledger.models import Entry, Grant
from config.embedded.valkey import Valkey
from tests.http.limiting import _patiently, limit, own_valkey

__all__ = ["_patiently", "own_valkey"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_patiently")]
Ask = Callable[..., Any]
ORDER = {"model": "kling-v1-6", "mode": "std", "seconds": 5, "inputs": {"prompt": "a kite"}}
GIFT = {"credits": "9", "source": "promotion", "reason": "welcome"}


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def somebody(catalog: None) -> dict[str, str]:
    """Return the headers of a person whom no other test has counted."""
    return headers_of(new_id("person"))


@pytest.fixture
def address(settings: Settings) -> dict[str, str]:
    """Return the header of an address that no other test has counted, told by a proxy."""
    settings.TRUSTED_PROXIES = Proxies(hops=1)
    return {"X-Forwarded-For": _unused_address()}


def _unused_address() -> str:
    digits = new_id("ip")[-16:].encode().hex()
    return "2001:db8:" + ":".join(digits[at : at + 4] for at in (0, 4, 8, 12, 16, 20))


def headers_of(name: str) -> dict[str, str]:
    token = tokens.sign(name, lifetime=timedelta(hours=1), now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


def key_of(*scopes: str) -> dict[str, str]:
    _key, secret = accounts.create_api_key(
        new_id("key"), scopes, is_sandbox=False, now=datetime.now(UTC)
    )
    return {"Authorization": f"Bearer {secret}"}


def test_an_account_that_asks_too_often_is_told_when_to_come_again(
    somebody: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, reads={"account": ["2/30d"]})

    first, _second, third = (get("/v1/balance", somebody) for _request in range(3))

    assert (first.status_code, third.status_code) == (200, 429)
    assert first.headers["RateLimit-Policy"] == '"reads-account-2592000s";q=2;w=2592000'
    assert re.fullmatch(r'"reads-account-2592000s";r=1;t=\d+', first.headers["RateLimit"])
    waits = re.fullmatch(r'"reads-account-2592000s";r=0;t=(\d+)', third.headers["RateLimit"])
    assert waits is not None
    assert third.headers["Retry-After"] == waits[1]
    assert third.json()["code"] == "rate_limited"
    assert third.json()["policies"] == ["reads-account-2592000s"]


def test_what_was_refused_for_its_number_did_not_happen_and_may_be_repeated(
    somebody: dict[str, str], get: Ask, post: Ask, settings: Settings
) -> None:
    limit(settings, money={"account": ["1/30d"]})
    post("/v1/redemptions", somebody, key="a", body={"code": "AAAA"})
    before = Entry.objects.count()

    refused = post("/v1/check-in", somebody, key="b")
    settings.LIMITS = {**settings.LIMITS, "money": {}}

    assert refused.status_code == 429
    assert Entry.objects.count() == before
    assert post("/v1/check-in", somebody, key="b").status_code == 200


def test_one_account_does_not_use_up_what_another_has(
    somebody: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, reads={"account": ["1/30d"]})
    get("/v1/balance", somebody)

    assert get("/v1/balance", somebody).status_code == 429
    assert get("/v1/balance", headers_of(new_id("person"))).status_code == 200


def test_classes_are_counted_apart(
    somebody: dict[str, str], get: Ask, post: Ask, settings: Settings
) -> None:
    limit(settings, reads={"account": ["1/30d"]}, money={"account": ["1/30d"]})
    get("/v1/balance", somebody)

    assert get("/v1/ledger", somebody).status_code == 429
    assert post("/v1/check-in", somebody).status_code == 200
    assert post("/v1/check-in", somebody).status_code == 429


def test_a_key_is_counted_for_itself_and_for_each_account(
    catalog: None, get: Ask, settings: Settings
) -> None:
    key = key_of("balance:read", "accounts:write")
    names = [new_id("person") for _person in range(3)]
    for name in names:
        accounts.ensure_account(name, zone="UTC", is_sandbox=False, now=datetime.now(UTC))
    limit(settings, reads={"account": ["2/30d"], "key": ["4/30d"]})

    told = [get("/v1/balance", key, X_Account=names[at]) for at in (0, 0, 0, 1, 1, 2)]

    assert [answer.status_code for answer in told] == [200, 200, 429, 200, 200, 429]
    assert [list(answer.json().get("policies", [])) for answer in told][2::3] == [
        ["reads-account-2592000s"],
        ["reads-key-2592000s"],
    ]
    # The account's own requests and those for it are counted together.
    assert get("/v1/balance", headers_of(names[0])).status_code == 429


def test_a_stranger_is_counted_by_his_household(
    catalog: None, address: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, reads={"ip": ["2/30d"]})
    home = ":".join(address["X-Forwarded-For"].split(":")[:4])

    told = [get("/v1/catalog", {"X-Forwarded-For": f"{home}::{room}"}) for room in (1, 2, 3)]
    forged = [
        get("/v1/catalog", {"X-Forwarded-For": f"10.0.{one // 250}.{one % 250}, {home}::4"})
        for one in range(100)
    ]

    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert {answer.status_code for answer in forged} == {429}
    assert get("/v1/catalog", {"X-Forwarded-For": _unused_address()}).status_code == 200


def test_whoever_tries_credentials_out_is_not_told_any_more(
    somebody: dict[str, str], address: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, strangers={"ip": ["3/30d"]})
    wrong = [{"Authorization": "Bearer sk_wrong"}, {"Authorization": "Basic x"}, {}]

    told = [get("/v1/balance", {**address, **one}) for one in (*wrong, *wrong)]

    assert [answer.status_code for answer in told] == [401] * 3 + [429] * 3
    assert {answer.json()["code"] for answer in told[3:]} == {"rate_limited"}
    # He who proves himself is let in, whatever others at his address have tried.
    assert get("/v1/balance", {**address, **somebody}).status_code == 200


def test_new_accounts_are_counted_of_where_they_come_from(
    catalog: None, address: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, sign_up={"ip": ["2/30d"]})
    people = [{**address, **headers_of(new_id("new"))} for _person in range(3)]

    told = [get("/v1/balance", person).status_code for person in (*people, people[0])]

    assert told == [200, 200, 429, 200]
    assert Account.objects.filter(external_id__startswith="new").count() == 2


def test_a_keys_new_accounts_are_counted_of_the_key(
    catalog: None, post: Ask, settings: Settings
) -> None:
    key = key_of("grants:write", "accounts:write")
    limit(settings, sign_up={"key": ["1/30d"]})
    first, second = new_id("new"), new_id("new")

    told = [
        post("/v1/grants", key, key=new_id("k"), body=GIFT, X_Account=name).status_code
        for name in (first, second, first)
    ]

    assert told == [201, 429, 201]
    assert Grant.objects.count() == 2
    assert not Account.objects.filter(external_id=second).exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/balance"),
        ("get", "/v1/balance"),
        ("GET", "/v1/balance?as_of=2026-01-01T00:00:00Z"),
        ("GET", "//v1/balance"),
        ("GET", "/v1/balance/"),
        ("GET", "/V1/balance"),
        ("GET", "/v1/%62alance"),
        ("HEAD", "/v1/balance"),
        ("OPTIONS", "/v1/balance"),
        ("OPTIONS", "/v1/check-in"),
        ("GET", "/v1/grants"),
        ("POST", "/v1/balance"),
    ],
)
def test_no_other_spelling_gets_around(
    somebody: dict[str, str], get: Ask, settings: Settings, method: str, path: str
) -> None:
    limit(settings, reads={"account": ["1/30d"]}, writes={"account": ["1/30d"]})
    client = Client(raise_request_exception=False)
    get("/v1/balance", somebody)

    told = {client.generic(method, path, headers=somebody).status_code for _try in range(3)}

    # Refused for their number; or there is no such address, or method, for anybody.
    assert told <= {429, 404, 405}
    assert 429 in told or 404 in told


def test_of_two_quotas_that_are_used_up_the_longer_wait_is_told(
    somebody: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, reads={"account": ["1/1h", "1/30d"]})
    get("/v1/balance", somebody)

    refused = get("/v1/balance", somebody)

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 3600
    assert len(refused.json()["policies"]) == 2


def test_whatever_was_counted_for_an_answer_stands_on_it(
    catalog: None, address: dict[str, str], get: Ask, settings: Settings
) -> None:
    limit(settings, reads={"account": ["9/30d"]}, sign_up={"ip": ["9/30d"]})

    told = get("/v1/balance", {**address, **headers_of(new_id("new"))})

    names = re.findall(r'"([a-z_-]+)-\d+s"', told.headers["RateLimit-Policy"])
    assert sorted(names) == ["reads-account", "sign_up-ip"]


def test_each_quota_of_each_subject_has_a_counter_of_its_own(settings: Settings) -> None:
    quotas = {one: ["1/1h", "1/30d"] for one in ("account", "key", "ip")}
    limit(settings, reads=quotas, money=quotas)

    keys = [
        counter.key
        for name in ("reads", "money")
        for who in ("ada", "eve")
        for counter in limits._counters(name, dict.fromkeys(quotas, who))
    ]

    assert len(keys) == len(set(keys)) == 2 * 2 * 3 * 2


def test_only_the_form_of_the_login_is_counted_as_a_try_to_log_in(
    address: dict[str, str], settings: Settings
) -> None:
    limit(settings, sign_in={"ip": ["1/30d"]})
    client = Client()

    told = [
        client.post("/i18n/setlang/", {"language": "en"}, headers=address).status_code
        for _try in range(3)
    ]

    assert set(told) == {302}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_who_only_asks_is_counted_as_a_reader(method: str) -> None:
    assert limits.class_of(object(), method) == "reads"
    assert limits.class_of(object(), "POST") == "writes"


@pytest.mark.parametrize("method", ["POST", "post", "pOsT"])
def test_a_write_is_one_in_any_letters(
    somebody: dict[str, str], post: Ask, settings: Settings, method: str
) -> None:
    limit(settings, money={"account": ["1/30d"]})
    post("/v1/check-in", somebody)

    told = Client().generic(method, "/v1/check-in", headers=somebody)

    assert told.status_code == 429


def test_whoever_tries_to_log_in_too_often_must_wait(
    address: dict[str, str], settings: Settings
) -> None:
    limit(settings, sign_in={"ip": ["2/30d"]})
    User.objects.create_superuser("root", password="right-and-long-enough")
    client = Client()
    words = {"username": "root", "password": "wrong"}

    told = [client.post("/admin/login/", words, headers=address) for _try in range(3)]
    right = client.post(
        "/admin/login/", {**words, "password": "right-and-long-enough"}, headers=address
    )

    assert [answer.status_code for answer in told] == [200, 200, 429]
    assert (right.status_code, int(right.headers["Retry-After"]) > 0) == (429, True)
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/login/", headers=address).status_code == 200


# -- while nobody can count --------------------------------------------------------------------


@pytest.fixture
def uncounted(own_valkey: Valkey, settings: Settings) -> None:
    """Let Redis be killed under the usual quotas."""
    limit(
        settings,
        **{
            name: {"account": ["100/10s"], "key": ["100/10s"], "ip": ["100/10s"]}
            for name in ("reads", "writes", "money", "sign_up", "strangers", "sign_in")
        },
    )
    own_valkey.process.kill()
    own_valkey.process.wait()


def test_without_redis_money_and_sign_up_wait_and_all_else_goes_on(
    ada: dict[str, str],
    catalog: None,
    get: Ask,
    post: Ask,
    settings: Settings,
    own_valkey: Valkey,
    request: pytest.FixtureRequest,
) -> None:
    assert post("/v1/check-in", ada, key="today").status_code == 200
    request.getfixturevalue("uncounted")
    before = Entry.objects.count()

    waits = [
        post("/v1/redemptions", ada, key="r", body={"code": "AAAA"}),
        post("/v1/check-in", ada),
        post("/v1/referrals", ada, body={"code": "AAAA"}),
        get("/v1/balance", headers_of("never-seen")),
    ]
    assert [answer.status_code for answer in waits] == [503] * 4
    assert {answer.json()["code"] for answer in waits} == {"unavailable"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in waits)
    assert not Account.objects.filter(external_id="never-seen").exists()
    assert Entry.objects.count() == before

    assert get("/v1/balance", ada).status_code == 200
    assert "RateLimit" not in get("/v1/balance", ada).headers
    assert get("/v1/catalog").status_code == 200
    assert get("/v1/balance").status_code == 401
    assert post("/v1/quotes", ada, body=ORDER).status_code == 200
    settings.BACKENDS = {
        "demo": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "s" * 16,
            "models": ["*"],
            "concurrency": 1,
            "sandbox": True,
        }
    }
    assert post("/v1/jobs", ada, key="j", body=ORDER).status_code == 201
    assert Job.objects.count() == 1


def test_without_redis_an_operator_still_logs_in(uncounted: None) -> None:
    User.objects.create_superuser("root", password="right-and-long-enough")

    told = Client().post("/admin/login/", {"username": "root", "password": "right-and-long-enough"})

    assert told.status_code == 302
