from datetime import datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from plans.catalog import publish
from tests.plans.conftest import KLING

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.plans.urls")]


@pytest.fixture
def version_id(now: datetime) -> str:
    return publish.publish(KLING, now=now).pk


def test_the_catalog_is_public_and_whole(client: Client, version_id: str) -> None:
    answer = client.get("/v1/catalog")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    catalog = answer.json()
    assert catalog["id"] == version_id
    assert catalog["credit"] == {
        "name": {"en": "credits", "zh": "灵感值"},
        "decimals": 2,
        "rounding": "up",
    }
    free, standard = catalog["plans"][:2]
    assert free["free"]
    assert free["prices"] == []
    assert free["allowances"] == [
        {
            "code": "daily",
            "cadence": "daily",
            "mode": "claimed",
            "credits": "66",
            "zone": "Asia/Shanghai",
            "rollover": "none",
            "expiry": "window_end",
            "priority": 10,
            "source": "allowance",
        }
    ]
    assert free["entitlements"]["allow"] == {"mode": ["std"], "resolution": ["720p"]}
    assert standard["prices"] == [
        {
            "interval": "P1M",
            "list": {"amount": "66.00", "currency": "CNY"},
            "first": None,
            "renewal": None,
        }
    ]
    pack = next(pack for pack in catalog["packs"] if pack["code"] == "credits-3300")
    assert (pack["credits"], pack["expiry"], pack["bonus"]["credits"]) == ("3300", "P2Y", "200")
    (model, _newer) = catalog["models"]
    assert model["dimensions"]["seconds"]["values"] == [5, 10]
    assert [task["code"] for task in model["tasks"]] == [
        *("text_to_video", "image_to_video", "extend")
    ]


@pytest.mark.usefixtures("version_id")
def test_a_caller_who_has_these_bytes_is_told_so(client: Client) -> None:
    first = client.get("/v1/catalog")

    again = client.get("/v1/catalog", headers={"If-None-Match": first["ETag"]})

    assert "public" in first["Cache-Control"]
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert "public" in again["Cache-Control"]


@pytest.mark.usefixtures("version_id")
def test_a_new_catalog_has_another_tag(client: Client, dearer: str, now: datetime) -> None:
    first = client.get("/v1/rates")
    publish.publish(dearer, now=now)

    again = client.get("/v1/rates", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 200
    assert again["ETag"] != first["ETag"]
    assert again.json()["data"][0]["table"] == {"5": "12", "10": "24"}


def test_the_rate_card_is_readable(client: Client, version_id: str) -> None:
    card = client.get("/v1/rates").json()

    assert (card["rate_card"], card["next"], len(card["data"])) == (version_id, None, 6)
    assert card["data"][0] == {
        "id": "v1-6-std",
        "model": "kling-v1-6",
        "task": None,
        "match": {"mode": "std"},
        "form": "lookup",
        "by": "seconds",
        "table": {"5": "10", "10": "20"},
        "unit": "credits",
        "label": "Kling 1.6, standard mode",
    }
    extend = card["data"][2]
    assert (extend["task"], extend["price"], extend["block"]) == ("extend", "10", 5)


@pytest.mark.usefixtures("version_id")
def test_the_rate_card_of_one_model(client: Client) -> None:
    card = client.get("/v1/rates", {"model": "kling-v2-6"}).json()

    assert {row["model"] for row in card["data"]} == {"kling-v2-6"}
    assert client.get("/v1/rates", {"model": "none"}).json()["data"] == []


@pytest.mark.usefixtures("version_id")
def test_the_rate_card_speaks_chinese(client: Client) -> None:
    row = client.get("/v1/rates", headers={"Accept-Language": "zh-hans"}).json()["data"][0]

    assert (row["unit"], row["label"]) == ("灵感值", "可灵 1.6\uff0c标准模式")


@pytest.mark.usefixtures("version_id")
def test_reading_the_catalog_costs_two_queries_at_first_and_one_later(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        client.get("/v1/catalog")
    with django_assert_num_queries(1):
        client.get("/v1/catalog")


@pytest.mark.parametrize("path", ["/v1/catalog", "/v1/rates"])
def test_before_anything_is_published_the_answer_is_503(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert "Retry-After" in answer


@pytest.mark.parametrize("path", ["/v1/catalog", "/v1/rates"])
@pytest.mark.usefixtures("version_id")
def test_nobody_writes_here(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
