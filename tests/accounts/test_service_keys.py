import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from billing.accounts import services, tokens
from billing.accounts.authentication import _is_live
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import Account, ApiKey
from billing.ids import new_id

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]
ALL_SCOPES = ["jobs:read", "jobs:write", "balance:read", "accounts:write"]


def bearer(secret: str, account: str | None = None) -> dict[str, str]:
    named = {} if account is None else {"X-Account": account}
    return {"Authorization": f"Bearer {secret}", **named}


def written(post: Ask, secret: str, account: str) -> Any:  # noqa: ANN401 (Django's test response)
    """Write for an account that nobody may have seen: that makes it, where a read does not."""
    return post("/v1/orders", bearer(secret, account), key=account, body={"name": account})


@pytest.fixture
def secret(catalog: None, now: datetime) -> str:
    """Return a live key's secret that may do everything here."""
    return services.create_api_key("shop", ALL_SCOPES, now=now)[1]


def test_a_secret_is_shown_once_and_stored_hashed(now: datetime) -> None:
    key, secret = services.create_api_key("shop", ["jobs:write", "jobs:read"], now=now)

    key.refresh_from_db()
    assert secret.startswith(key.prefix + "_")
    assert key.prefix.startswith("sk_live_")
    assert bytes(key.secret_hash) == hashlib.sha256(secret.encode()).digest()
    assert key.scopes == ["jobs:read", "jobs:write"]
    assert secret not in str(ApiKey.objects.values())
    assert len(secret.removeprefix(key.prefix)) >= 43


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("shop", [], 1),
        ("shop", ["jobs:write", "root"], 1),
        ("shop", ["jobs:*"], 1),
        ("", ["jobs:write"], 1),
        (" ", ["jobs:write"], 1),
        ("x" * 101, ["jobs:write"], 1),
        ("shop", ["jobs:write"], 0),
        ("shop", ["jobs:write"], -1),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    name: str, scopes: list[str], days: int, now: datetime
) -> None:
    with pytest.raises(InvalidAccount):
        services.create_api_key(name, scopes, expires_at=now + timedelta(days=days), now=now)

    assert not ApiKey.objects.exists()


def test_a_service_acts_for_the_account_that_it_names(
    secret: str, ada: dict[str, str], get: Ask
) -> None:
    own = get("/v1/whoami", ada)

    seen = get("/v1/whoami", bearer(secret, "ada"))

    assert seen.status_code == 200
    assert seen.json() == own.json()


def test_a_service_that_names_no_account_is_told_the_header(secret: str, get: Ask) -> None:
    for account in (None, "", " ", "a b", "x" * 129):
        refused = get("/v1/whoami", bearer(secret, account))

        assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
        assert "X-Account" in refused.json()["detail"]
    assert not Account.objects.exists()


def test_an_account_may_be_named_in_chinese(secret: str, get: Ask, now: datetime) -> None:
    services.ensure_account("李雷", zone="UTC", now=now)

    seen = get("/v1/whoami", bearer(secret, "李雷".encode().decode("latin-1")))

    assert seen.json()["external_id"] == "李雷"


def test_an_unknown_account_is_made_only_by_a_write_of_a_key_that_may(
    secret: str, get: Ask, post: Ask, now: datetime
) -> None:
    _key, lesser = services.create_api_key("reader", ["balance:read", "jobs:write"], now=now)
    order = {"name": "a"}

    absent = [
        get("/v1/whoami", bearer(lesser, "new")),
        get("/v1/whoami", bearer(secret, "new")),  # a name mistyped in a read makes nothing
        post("/v1/orders", bearer(lesser, "new"), key="k", body=order),
    ]
    nothing_made = not Account.objects.exists()
    post("/v1/orders", bearer(secret, "new"), key="k", body=order)
    found = get("/v1/whoami", bearer(lesser, "new"))

    told = {(one.status_code, one.json()["code"], one.json()["header"]) for one in absent}
    assert told == {(404, "not_found", "X-Account")}
    assert nothing_made
    assert found.status_code == 200
    assert found.json()["zone"] == "Asia/Shanghai"


def test_a_scope_that_a_key_lacks_is_named(get: Ask, catalog: None, now: datetime) -> None:
    _key, secret = services.create_api_key("shop", ["jobs:read"], now=now)

    refused = get("/v1/whoami", bearer(secret, "ada"))

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert refused.json()["scope"] == "balance:read"


def test_what_only_a_person_may_do_no_service_does(secret: str, post: Ask, now: datetime) -> None:
    services.ensure_account("ada", zone="UTC", now=now)

    refused = post("/v1/claim", bearer(secret, "ada"))

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_a_foreign_account_looks_exactly_like_an_absent_one(get: Ask, now: datetime) -> None:
    services.ensure_account("live", zone="UTC", now=now)
    services.ensure_account("play", zone="UTC", is_sandbox=True, now=now)
    for scopes in (["balance:read", "accounts:write"], ["balance:read"]):
        for is_sandbox, foreign in ((True, "live"), (False, "play")):
            _key, secret = services.create_api_key("k", scopes, is_sandbox=is_sandbox, now=now)
            names = (foreign, "nobody-of-that-name")

            if scopes[-1] == "accounts:write":
                asked = [(f"/v1/accounts/{name}", bearer(secret)) for name in names]
            else:
                asked = [("/v1/whoami", bearer(secret, name)) for name in names]
            answers = [get(path, {**who, "X-Request-Id": "same"}) for path, who in asked]

            assert {answer.status_code for answer in answers} == {404}
            assert len({answer.content for answer in answers}) == 1
    assert Account.objects.count() == 2


def test_a_sandbox_key_takes_no_name_from_a_customer(
    catalog: None, get: Ask, post: Ask, now: datetime
) -> None:
    _key, sandbox = services.create_api_key("k", ALL_SCOPES, is_sandbox=True, now=now)
    token = tokens.sign("victim", lifetime=timedelta(hours=1), now=now)

    written(post, sandbox, "victim")
    squatted = get("/v1/whoami", bearer(sandbox, "victim"))
    seen = get("/v1/whoami", {"Authorization": f"Bearer {token}"})

    assert (squatted.status_code, seen.status_code) == (200, 200)
    assert (squatted.json()["is_sandbox"], seen.json()["is_sandbox"]) == (True, False)
    assert Account.objects.filter(external_id="victim").count() == 2


def test_a_sandbox_key_cannot_ask_which_names_are_live(
    catalog: None, get: Ask, post: Ask, now: datetime
) -> None:
    services.ensure_account("live", zone="UTC", now=now)
    _key, sandbox = services.create_api_key("k", ALL_SCOPES, is_sandbox=True, now=now)

    names = ("live", "nobody-yet")
    same = {**bearer(sandbox), "X-Request-Id": "same"}

    reads = [get("/v1/whoami", {**same, "X-Account": name}) for name in names]
    writes = [written(post, sandbox, name) for name in names]
    after = [get("/v1/whoami", bearer(sandbox, name)) for name in names]

    assert {(answer.status_code, answer.content) for answer in reads} == {(404, reads[0].content)}
    assert [answer.status_code for answer in writes] == [201, 201]
    assert all(answer.json()["is_sandbox"] for answer in after)


def test_a_sandbox_key_makes_sandbox_accounts(
    catalog: None, get: Ask, post: Ask, now: datetime
) -> None:
    key, secret = services.create_api_key("k", ALL_SCOPES, is_sandbox=True, now=now)

    written(post, secret, "play")
    made = get("/v1/whoami", bearer(secret, "play"))

    assert key.prefix.startswith("sk_test_")
    assert made.json()["is_sandbox"]


def test_every_bad_secret_gets_one_answer(secret: str, get: Ask, now: datetime) -> None:
    services.ensure_account("ada", zone="UTC", now=now)
    expired, expired_secret = services.create_api_key(
        "old", ALL_SCOPES, expires_at=now + timedelta(days=1), now=now
    )
    ApiKey.objects.filter(pk=expired.pk).update(created_at=now - timedelta(days=2), expires_at=now)
    revoked, revoked_secret = services.create_api_key("gone", ALL_SCOPES, now=now)
    services.revoke_api_key(revoked, now=now)
    bad = [
        expired_secret,
        revoked_secret,
        secret[:-1],
        secret + "x",
        secret[:-1] + ("a" if secret[-1] != "a" else "b"),
        secret.replace("sk_live_", "sk_test_"),
        secret.upper(),
        f" {secret[:-5]}",
        "sk_",
        "sk_live_",
        f"sk_live_{'0' * 12}_{'a' * 43}",
        "sk_live_' OR 1=1 --",
        f"{secret},{secret}",
        f"{secret} x",
        "sk_live_" + "x" * 9000,
        "sk_live_ü",
    ]

    answers = [get("/v1/whoami", {**bearer(s, "ada"), "X-Request-Id": "same"}) for s in bad]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert get("/v1/whoami", bearer(secret, "ada")).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer\tx", "bearer", "Bearerx y"]
)
def test_a_header_of_another_kind_is_nobody(header: str, get: Ask) -> None:
    refused = get("/v1/whoami", {"Authorization": header})

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


def test_the_scheme_is_read_in_any_case(secret: str, get: Ask, now: datetime) -> None:
    services.ensure_account("ada", zone="UTC", now=now)

    assert (
        get("/v1/whoami", {"Authorization": f"bEARER {secret}", "X-Account": "ada"}).status_code
        == 200
    )


def test_the_end_of_a_key_is_exclusive(now: datetime) -> None:
    ends_at = now + timedelta(days=1)
    key, _secret = services.create_api_key("k", ALL_SCOPES, expires_at=ends_at, now=now)

    assert _is_live(key, ends_at - timedelta(microseconds=1))
    assert not _is_live(key, ends_at)


def test_revoking_twice_keeps_the_first_instant(now: datetime) -> None:
    key, _secret = services.create_api_key("k", ALL_SCOPES, now=now)

    services.revoke_api_key(key, now=now)
    services.revoke_api_key(key, now=now + timedelta(days=1))

    key.refresh_from_db()
    assert key.revoked_at == now


def test_the_last_use_is_written_at_most_once_a_minute(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, _secret = services.create_api_key("k", ALL_SCOPES, now=now)
    stale = ApiKey.objects.get(pk=key.pk)

    services.note_use(key, now=now)
    key.refresh_from_db()
    with django_assert_num_queries(0):
        services.note_use(key, now=now + timedelta(seconds=59))
    services.note_use(stale, now=now + timedelta(seconds=30))
    key.refresh_from_db()
    within_the_minute = key.last_used_at
    services.note_use(key, now=now + timedelta(seconds=61))
    key.refresh_from_db()

    assert within_the_minute == now
    assert key.last_used_at == now + timedelta(seconds=61)


def test_a_key_is_scoped_to_the_service_and_the_account_it_acts_for(
    secret: str, post: Ask, now: datetime
) -> None:
    _key, other = services.create_api_key("other", ALL_SCOPES, now=now)
    callers = [(secret, "ada"), (secret, "bob"), (other, "ada")]

    answers = [
        post("/v1/orders", bearer(s, account), key="k", body={"name": str(n)})
        for n, (s, account) in enumerate(callers)
    ]
    again = post("/v1/orders", bearer(secret, "ada"), key="k", body={"name": "0"})

    assert [answer.status_code for answer in answers] == [201] * 3
    assert again.content == answers[0].content


def test_a_refused_stranger_account_is_kept_as_refused(
    post: Ask, catalog: None, now: datetime
) -> None:
    """A late duplicate must not start a job that its caller was told had been refused."""
    _key, secret = services.create_api_key("k", ["jobs:write"], now=now)

    first = post("/v1/orders", bearer(secret, "new"), key="k", body={"name": "a"})
    services.ensure_account("new", zone="UTC", now=now)
    late = post("/v1/orders", bearer(secret, "new"), key="k", body={"name": "a"})

    assert first.status_code == late.status_code == 404
    assert late.content == first.content
    assert not Account.objects.filter(external_id="effect-a").exists()


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"scopes": ["root"]}, "api_key_scopes_known"),
        ({"scopes": []}, "api_key_scopes_known"),
        ({"prefix": "sk_test_000000000000"}, "api_key_prefix_says_sandbox"),
        ({"prefix": "pk_live_000000000000"}, "api_key_prefix_says_sandbox"),
        ({"expires_at": datetime.fromisoformat("2020-01-01T00:00:00Z")}, "api_key_expires_after"),
    ],
)
def test_the_database_refuses_a_key_that_the_service_would(
    wrong: dict[str, Any], constraint: str, now: datetime
) -> None:
    row = {"scopes": ["jobs:read"], "prefix": "sk_live_000000000000", **wrong}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ApiKey.objects.create(
            id=new_id("key"), name="k", secret_hash=bytes(32), created_at=now, **row
        )

    assert not ApiKey.objects.exists()
