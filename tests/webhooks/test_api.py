"""Webhook endpoints over REST: the secret once, the rest scoped to whose they are."""

import json
from datetime import datetime

import pytest
from django.db import transaction
from django.test import Client
from standardwebhooks import Webhook

from billing.accounts import services as accounts
from billing.accounts.models import Account, ApiKey
from billing.http.models import IdempotentAnswer
from billing.webhooks import services, signing
from billing.webhooks.models import Delivery, Endpoint
from tests.egress.receiver import Receiver
from tests.http.cast import Ask, _static_files, ada, bob, catalog, get, post
from tests.webhooks.calling import PATH, TODAY, URL, Headers, made, patch

__all__ = ["_static_files", "ada", "bob", "catalog", "get", "post"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(catalog: None, now: datetime) -> Headers:
    """Return the headers of a platform's server."""
    scopes = ["webhooks:write", "accounts:write"]
    _key, secret = accounts.create_api_key("shop", scopes, now=now)
    return {"Authorization": f"Bearer {secret}"}


def delete(who: Headers, endpoint_id: str) -> int:
    return Client().delete(f"{PATH}/{endpoint_id}", headers=who).status_code


def test_a_secret_is_told_once(post: Ask, get: Ask, ada: Headers) -> None:
    told = made(post, ada, "job.failed", "job.succeeded")

    assert set(told) == {
        *("id", "url", "events", "status", "disabled_reason", "disabled_at", "created_at"),
        "secret",
    }
    assert told["id"].startswith("we_")
    assert (told["url"], told["events"]) == (URL, ["job.failed", "job.succeeded"])
    assert told["status"] == "enabled"
    assert told["secret"].startswith("whsec_")
    for path in (PATH, f"{PATH}/{told['id']}"):
        again = get(path, ada)
        assert again.status_code == 200
        assert told["id"] in again.content.decode()
        assert "secret" not in again.content.decode()


def test_a_repeat_gets_the_same_bytes_though_no_secret_is_kept_in_the_clear(
    post: Ask, ada: Headers
) -> None:
    first, second = (post(PATH, ada, key="k-1", body={"url": URL}) for _each in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Endpoint.objects.count() == 1
    secret = first.json()["secret"]
    kept = bytes(IdempotentAnswer.objects.get().body).decode()
    assert secret.startswith("whsec_")
    assert secret not in kept
    assert json.loads(kept)["secret"].startswith("sealed:")


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"url": "https://10.0.0.1/"}, 422, "url_refused", "/url"),
        ({"url": "https://user:pw@example.com/"}, 422, "url_refused", "/url"),
        ({"url": " https://example.com/"}, 422, "url_refused", "/url"),
        ({"url": "x" * 2049}, 400, "malformed", "/url"),
        ({}, 400, "malformed", "/url"),
        ({"url": URL, "events": ["job.exploded"]}, 400, "malformed", "/events/0"),
        ({"url": URL, "events": "job.failed"}, 400, "malformed", "/events"),
        ({"url": URL, "secret": "whsec_mine"}, 400, "malformed", "/secret"),
        ({"url": URL, "account": "acc_other"}, 400, "malformed", "/account"),
    ],
)
def test_a_wrong_endpoint_is_refused_whole(
    post: Ask, ada: Headers, body: object, status: int, code: str, pointer: str
) -> None:
    answer = post(PATH, ada, body=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"][0]["pointer"] == pointer
    if pointer == "/events/0":
        assert "job.failed, " in answer.json()["errors"][0]["detail"]  # names what there is
    assert not Endpoint.objects.exists()


def test_another_s_endpoint_is_as_absent_as_one_that_never_was(
    post: Ask, get: Ask, ada: Headers, bob: Headers, shop: Headers
) -> None:
    hers = made(post, ada)["id"]

    for stranger in (bob, shop, {**shop, "X-Account": "bob"}):
        for path in (f"{PATH}/{hers}", f"{PATH}/{hers}/deliveries"):
            foreign, absent = get(path, stranger), get(path.replace(hers, "we_absent"), stranger)
            assert foreign.status_code == absent.status_code == 404
            assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
        assert post(f"{PATH}/{hers}/test", stranger).status_code == 404
        assert post(f"{PATH}/{hers}/rotate-secret", stranger).status_code == 404
        assert post(f"{PATH}/{hers}/replay", stranger, body=TODAY).status_code == 404
        assert patch(stranger, hers, {"enabled": False}).status_code == 404
        assert delete(stranger, hers) == 404
        assert get(PATH, stranger).json()["data"] == []
    assert Endpoint.objects.get().disabled_at is None
    assert Endpoint.objects.get().previous_until is None
    assert not Delivery.objects.exists()


def test_a_rotated_secret_is_told_once_and_a_repeat_rotates_nothing(
    post: Ask, get: Ask, ada: Headers
) -> None:
    endpoint = made(post, ada)

    path = f"{PATH}/{endpoint['id']}/rotate-secret"
    first, second = (post(path, ada, key="k-1") for _each in range(2))

    assert (first.status_code, first.content) == (200, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    told = first.json()
    assert told["secret"].startswith("whsec_")
    assert told["secret"] != endpoint["secret"]
    assert set(told) == set(endpoint)
    kept = Endpoint.objects.get()
    assert signing.unseal(kept.secret_sealed) == told["secret"]
    assert signing.unseal(kept.previous_secret_sealed) == endpoint["secret"]
    assert told["secret"] not in bytes(IdempotentAnswer.objects.get().body).decode()
    assert "secret" not in get(f"{PATH}/{endpoint['id']}", ada).json()


def test_a_refusal_under_a_key_stays_one_although_the_scope_came(
    post: Ask, catalog: None, now: datetime
) -> None:
    key, secret = accounts.create_api_key("weak", ["jobs:read"], now=now)
    weak = {"Authorization": f"Bearer {secret}"}
    first = post(PATH, weak, key="k", body={"url": URL})
    absent = post(f"{PATH}/we_absent/test", weak, key="k")
    ApiKey.objects.filter(pk=key.pk).update(scopes=["webhooks:write"])

    again = post(PATH, weak, key="k", body={"url": URL})
    absent_again = post(f"{PATH}/we_absent/test", weak, key="k")

    assert (first.status_code, again.status_code) == (403, 403)
    assert (again.content, absent_again.content) == (first.content, absent.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert not Endpoint.objects.exists()


def test_a_deleted_endpoint_is_absent(post: Ask, get: Ask, ada: Headers) -> None:
    endpoint_id = made(post, ada)["id"]

    assert delete(ada, endpoint_id) == 204

    assert delete(ada, endpoint_id) == 404
    assert get(f"{PATH}/{endpoint_id}", ada).status_code == 404
    assert get(PATH, ada).json() == {"data": [], "next": None}
    assert post(f"{PATH}/{endpoint_id}/test", ada).status_code == 404


def test_a_service_makes_endpoints_for_an_account_or_for_everybody(
    post: Ask, get: Ask, shop: Headers, ada: Headers
) -> None:
    for_ada = made(post, shop, **{"X-Account": "ada"})["id"]
    for_all = made(post, shop)["id"]

    assert [each["id"] for each in get(PATH, ada).json()["data"]] == [for_ada]
    assert [each["id"] for each in get(PATH, shop).json()["data"]] == [for_all]
    assert Endpoint.objects.get(pk=for_ada).account == Account.objects.get(external_id="ada")
    assert Endpoint.objects.get(pk=for_all).account is None


def test_each_side_of_the_sandbox_has_its_own(
    post: Ask, get: Ask, shop: Headers, now: datetime
) -> None:
    made(post, shop)
    _key, secret = accounts.create_api_key("play", ["webhooks:write"], is_sandbox=True, now=now)
    play = {"Authorization": f"Bearer {secret}"}

    in_sandbox = made(post, play)["id"]

    assert [each["id"] for each in get(PATH, play).json()["data"]] == [in_sandbox]
    assert Endpoint.objects.get(pk=in_sandbox).is_sandbox


def test_a_key_without_the_scope_may_not(post: Ask, get: Ask, catalog: None, now: datetime) -> None:
    _key, secret = accounts.create_api_key("shop", ["jobs:write"], now=now)
    weak = {"Authorization": f"Bearer {secret}"}

    assert get(PATH, weak).status_code == 403
    assert post(PATH, weak, body={"url": URL}).status_code == 403
    assert get(PATH).status_code == 401
    assert not Endpoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_test_event_arrives_and_its_delivery_can_be_looked_at(
    post: Ask, get: Ask, shop: Headers, receiver: Receiver, now: datetime
) -> None:
    endpoint = made(post, shop, "job.failed", url=receiver.url)

    sent = post(f"{PATH}/{endpoint['id']}/test", shop)
    services.deliver(sent.json()["id"], now=now)

    assert sent.status_code == 202
    assert (sent.json()["type"], sent.json()["status"]) == ("webhook.test", "pending")
    [received] = receiver.received
    told = Webhook(endpoint["secret"]).verify(received.body, received.headers)
    assert (told["type"], told["account"], told["sequence"]) == ("webhook.test", None, None)
    [delivery] = get(f"{PATH}/{endpoint['id']}/deliveries", shop).json()["data"]
    assert (delivery["id"], delivery["event"]) == (sent.json()["id"], told["id"])
    assert (delivery["status"], delivery["last_status"], delivery["attempts"]) == (
        "delivered",
        204,
        1,
    )


def test_deliveries_come_in_pages(post: Ask, get: Ask, ada: Headers, now: datetime) -> None:
    endpoint_id = made(post, ada)["id"]
    account = Account.objects.get(external_id="ada")
    with transaction.atomic():
        for _each in range(3):
            services.publish(account=account, type="job.queued", data={}, now=now)

    first = get(f"{PATH}/{endpoint_id}/deliveries?limit=2", ada).json()
    rest = get(f"{PATH}/{endpoint_id}/deliveries?limit=2&cursor={first['next']}", ada).json()

    assert [each["sequence"] for each in first["data"] + rest["data"]] == [3, 2, 1]
    assert rest["next"] is None


def test_an_endpoint_is_changed_switched_off_and_on_and_keeps_its_secret(
    post: Ask, get: Ask, ada: Headers
) -> None:
    endpoint = made(post, ada, "job.failed")

    moved = patch(ada, endpoint["id"], {"url": f"{URL}/new", "events": []})
    off = patch(ada, endpoint["id"], {"enabled": False})

    assert (moved.status_code, moved.json()["url"], moved.json()["events"]) == (
        200,
        f"{URL}/new",
        [],
    )
    assert (off.json()["status"], off.json()["disabled_reason"]) == ("disabled", "paused")
    assert off.json()["url"] == f"{URL}/new"
    assert "secret" not in off.json()
    assert post(f"{PATH}/{endpoint['id']}/test", ada).json()["code"] == "endpoint_disabled"
    on = patch(ada, endpoint["id"], {"enabled": True})
    assert (on.json()["status"], on.json()["disabled_at"]) == ("enabled", None)
    assert get(f"{PATH}/{endpoint['id']}", ada).json() == on.json()
    assert signing.unseal(Endpoint.objects.get().secret_sealed) == endpoint["secret"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"url": "https://127.0.0.1/"}, "url_refused", "/url"),
        ({"url": None}, "malformed", "/url"),
        ({"events": ["job.exploded"]}, "malformed", "/events/0"),
        ({"enabled": "perhaps"}, "malformed", "/enabled"),
        ({"enabled": None}, "malformed", "/enabled"),
        ({"disabled_reason": ""}, "malformed", "/disabled_reason"),
        ({"account": "bob", "enabled": False}, "malformed", "/account"),
    ],
)
def test_a_wrong_change_changes_nothing(
    post: Ask, get: Ask, ada: Headers, body: object, code: str, pointer: str
) -> None:
    endpoint = made(post, ada)
    before = get(f"{PATH}/{endpoint['id']}", ada).content

    answer = patch(ada, endpoint["id"], body)

    assert (answer.json()["code"], answer.json()["errors"][0]["pointer"]) == (code, pointer)
    assert get(f"{PATH}/{endpoint['id']}", ada).content == before


def test_an_eleventh_is_not_switched_on_either(post: Ask, ada: Headers) -> None:
    off = made(post, ada)["id"]
    assert patch(ada, off, {"enabled": False}).status_code == 200
    for _each in range(10):
        made(post, ada)

    answer = patch(ada, off, {"enabled": True})

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_endpoints")
    assert Endpoint.objects.get(pk=off).disabled_reason == "paused"


def test_the_eleventh_endpoint_is_refused(post: Ask, ada: Headers) -> None:
    for _each in range(10):
        made(post, ada)

    answer = post(PATH, ada, body={"url": URL})

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_endpoints")
    assert Endpoint.objects.count() == 10
