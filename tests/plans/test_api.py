from datetime import datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from plans.catalog import publish
from plans.catalog_shapes import period_words
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
        "rounding_at": "output",
    }
    free, standard = catalog["plans"][:2]
    assert free["free"]
    assert free["prices"] == []
    (daily,) = free["allowances"]
    assert {name: value for name, value in daily.items() if value not in (None, [], {})} == {
        "code": "daily",
        "cadence": "daily",
        "mode": "claimed",
        "credits": "66",
        "unit": "credit",
        "zone": "Asia/Shanghai",
        "at": "00:00",
        "anchor": "start",
        "short_month": "clamp",
        "fill": "add",
        "rollover": "none",
        "per_seat": False,
        "expiry": "window_end",
        "priority": 10,
        "source": "allowance",
    }
    assert free["entitlements"]["allow"] == {"mode": ["std"], "resolution": ["720p"]}
    assert standard["prices"][:1] == [
        {
            "interval": "P1M",
            "list": {"amount": "66.00", "currency": "CNY"},
            "first": None,
            "renewal": None,
            "book": None,
            "from": None,
            "until": None,
        }
    ]
    assert standard["upcoming"] == []
    pack = next(pack for pack in catalog["packs"] if pack["code"] == "credits-3300")
    assert (pack["credits"], pack["expiry"], pack["bonus"]["credits"]) == ("3300", "P2Y", "200")
    model = catalog["models"][0]
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

    assert (card["rate_card"], card["next"], len(card["data"])) == (version_id, None, 10)
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


ALL_FORMS = """
[[rate]]
id = "night"
match = { model = "kling-v1-6", mode = "std", seconds = 5, resolution = "720p" }
hours = { from = "22:00", to = "06:00", zone = "Asia/Shanghai" }
form = "flat"
price = "8"
also = [{ basis = "seconds", price = "0.5", included = 2, label = { en = "Voice", zh = "语音" } }]

[[rate]]
id = "long"
match = { model = "kling-v1-6", mode = "std", seconds = { min = 11, max = 60 } }
from = 2026-07-29T09:00:00+08:00
until = 2099-07-29T09:00:00+08:00
form = "tiers"
basis = "seconds"
tier = [{ up_to = 20, price = "1" }, { price = "0.5", flat = "3" }]

[[rate]]
id = "tokens"
match = { model = "kling-v1-6", mode = "pro", seconds = { min = 11, max = 60 } }
form = "tokens"
price = "0.01"

[[modifier]]
id = "week"
label = { en = "Film week", zh = "电影周" }
match = { model = "kling-v1-6" }
from = 2026-07-29T09:00:00+08:00
until = 2026-08-01T09:00:00+08:00
factor = "1/7"
"""


def test_every_form_modifier_and_time_of_the_card_is_shown(
    client: Client, kling: str, now: datetime
) -> None:
    sizes = "".join(
        f"{name} = {{ min = 1, max = 4000, default = 720 }}\n"
        for name in ("width", "height", "fps")
    )
    wide = kling.replace(
        "seconds = { values = [5, 10]", f"{sizes}seconds = {{ min = 5, max = 60", 1
    )
    publish.publish(wide + ALL_FORMS, now=now)

    card = client.get("/v1/rates").json()

    rows = {row["id"]: row for row in card["data"]}
    assert rows["night"]["hours"] == {"from": "22:00", "to": "06:00", "zone": "Asia/Shanghai"}
    assert rows["night"]["also"] == [
        {"basis": "seconds", "price": "0.5", "rounding": "none", "included": 2, "label": "Voice"}
    ]
    long = rows["long"]
    assert long["match"] == {"mode": "std", "seconds": {"min": 11, "max": 60}}
    assert (long["from"], long["until"]) == ("2026-07-29T01:00:00Z", "2099-07-29T01:00:00Z")
    assert [(tier["price"], tier.get("up_to")) for tier in long["tier"]] == [
        *(("1", 20), ("0.5", None))
    ]
    assert (rows["tokens"]["per"], rows["tokens"]["divisor"]) == (1000, 1024)
    assert card["modifiers"] == [
        {
            "match": {"model": "kling-v1-6"},
            "id": "week",
            "factor": "1/7",
            "from": "2026-07-29T01:00:00Z",
            "until": "2026-08-01T01:00:00Z",
            "label": "Film week",
        }
    ]


def test_an_announced_price_is_listed_beside_the_one_that_is_asked(
    client: Client, kling: str, now: datetime
) -> None:
    old = '{ currency = "CNY", interval = "P1M", list = "66" },\n'
    later = '{ currency = "CNY", interval = "P1M", list = "88", from = 2099-01-01T00:00:00Z },\n'
    assert old in kling
    publish.publish(kling.replace(old, old + later), now=now)

    standard = client.get("/v1/catalog").json()["plans"][1]

    asked, (announced,) = standard["prices"][0], standard["upcoming"]
    assert (asked["list"]["amount"], asked["from"]) == ("66.00", None)
    assert (announced["list"]["amount"], announced["from"]) == ("88.00", "2099-01-01T00:00:00Z")


def test_the_catalog_tells_of_lanes_books_retirement_and_sunset(
    client: Client, kling: str, now: datetime
) -> None:
    model = 'code = "kling-v1-6"\n'
    text = kling.replace(
        model, f'{model}until = 2099-01-01T00:00:00Z\nsuccessor = "kling-v2-6"\n', 1
    )
    more = """
[[lane]]
code = "off_peak"
name = { en = "Off-peak", zh = "错峰" }
hours = { from = "22:00", to = "06:00", zone = "Asia/Shanghai" }
deliver_within = "PT48H"

[[book]]
code = "cn"
currencies = ["CNY"]

[[conversion]]
code = "sunset"
name = { en = "Sunset", zh = "下线" }
at = 2099-01-01T00:00:00Z
from_sources = ["pack"]
factor = "0.5"
"""
    publish.publish(text + more, now=now)

    catalog = client.get("/v1/catalog").json()

    assert catalog["lanes"][0]["hours"]["from"] == "22:00"
    assert catalog["books"] == [{"code": "cn", "unit": None, "regions": [], "currencies": ["CNY"]}]
    assert catalog["conversions"][0]["factor"] == "0.5"
    retiring = catalog["models"][0]
    assert (retiring["until"], retiring["successor"]) == ("2099-01-01T00:00:00Z", "kling-v2-6")


def test_the_catalog_says_how_it_is_paid_and_what_a_change_of_plan_costs(
    client: Client, now: datetime
) -> None:
    sale = """
        trial = { period = "P1M7D", credits = "50" }
        ref = ["llms", "seed"]

        [[plan.allowance]]"""
    text = KLING.read_text(encoding="utf-8").replace(
        'ref = ["llms", "seed"]\n\n  [[plan.allowance]]', sale, 1
    )
    rule = 'cooling_off = { within = "P14D", factor = "0.9", unused = false }'
    text = text.replace("coupons = true\n", f"coupons = true\n{rule}\n")
    publish.publish(text, now=now)

    said = client.get("/v1/catalog", headers={"Accept-Language": "en"}).json()

    assert said["payments"] == {
        "methods": {"CNY": ["card", "alipay", "wechat_pay"], "USD": ["card"]},
        "coupons": True,
        "grace": "P7D",
        "past_due": "keep",
        "cooling_off": {
            "within": "P14D",
            "factor": "0.9",
            "unused": False,
            "words": "Of what is left of a pack 0.9 of its price is paid back within 14 days. "
            "A bonus is never paid back.",
        },
    }
    assert said["change_policy"]["upgrade"] == {
        "when": "now",
        "credits": "difference",
        "prorate": "time",
        "words": "The period goes on: the rest of it is paid for, and the difference of credits "
        "comes.",
    }
    assert said["change_policy"]["downgrade"]["when"] == "period_end"
    assert [plan["trial"] for plan in said["plans"]][:3] == [
        None,
        {"period": "P1M7D", "credits": "50"},
        None,
    ]


@pytest.mark.parametrize(
    ("iso", "said"),
    [
        ("P7D", "7 days"),
        ("P1M1D", "1 month 1 day"),
        ("PT90M", "1 hour 30 minutes"),
        ("P2W", "14 days"),
    ],
)
def test_a_period_is_said_in_words(iso: str, said: str) -> None:
    assert period_words(iso) == said
