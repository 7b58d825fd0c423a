from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from billing.accounts import services
from billing.accounts.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]


def make(number: int, now: datetime, *, first: int = 0) -> None:
    for n in range(first, first + number):
        services.ensure_account(f"effect-{n}", zone="UTC", now=now)


def names(page: dict[str, Any]) -> list[str]:
    return [row["external_id"].removeprefix("effect-") for row in page["data"]]


def test_a_walk_sees_every_row_once(ada: dict[str, str], get: Ask, now: datetime) -> None:
    make(45, now)

    pages = [get("/v1/orders", ada).json()]
    while pages[-1]["next"]:
        pages.append(get(f"/v1/orders?cursor={pages[-1]['next']}", ada).json())

    seen = [name for page in pages for name in names(page)]
    made = Account.objects.filter(external_id__startswith="effect-").order_by("-pk")
    assert [len(page["data"]) for page in pages] == [20, 20, 5]
    assert seen == [row.external_id.removeprefix("effect-") for row in made]
    assert len(set(seen)) == 45


def test_rows_that_come_and_go_between_two_pages_shift_nothing(
    ada: dict[str, str], get: Ask, now: datetime
) -> None:
    make(30, now)
    before = set(map(str, range(30)))
    first = get("/v1/orders?limit=10", ada).json()

    make(5, now, first=100)
    last_seen = first["data"][-1]["external_id"]
    Account.objects.filter(external_id=last_seen).delete()
    second = get(f"/v1/orders?limit=100&cursor={first['next']}", ada).json()

    assert set(names(first)) | set(names(second)) == before
    assert not set(names(first)) & set(names(second))
    assert second["next"] is None


def test_an_empty_list_is_a_page(ada: dict[str, str], get: Ask) -> None:
    assert get("/v1/orders", ada).json() == {"data": [], "next": None}


def test_a_full_last_page_has_no_next(ada: dict[str, str], get: Ask, now: datetime) -> None:
    make(3, now)

    assert get("/v1/orders?limit=3", ada).json()["next"] is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "x", "1e2", "٣", " 5", "9" * 5000])
def test_a_limit_that_is_none_is_malformed(limit: str, ada: dict[str, str], get: Ask) -> None:
    refused = get(f"/v1/orders?limit={limit}", ada)

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    assert refused.json()["parameter"] == "limit"


@pytest.mark.parametrize(
    "cursor", ["", "x", "acc_1", "ImFjY18xIg:AAAA", "ImFjY18xIg", "' OR 1=1 --", "x" * 9000]
)
def test_a_made_up_cursor_is_malformed(cursor: str, ada: dict[str, str], get: Ask) -> None:
    refused = get(f"/v1/orders?cursor={cursor}", ada)

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    assert refused.json()["parameter"] == "cursor"


def test_a_changed_cursor_is_malformed(ada: dict[str, str], get: Ask, now: datetime) -> None:
    make(2, now)
    cursor = get("/v1/orders?limit=1", ada).json()["next"]
    swapped = ("a" if cursor[5] != "a" else "b").join([cursor[:5], cursor[6:]])

    assert get(f"/v1/orders?cursor={swapped}", ada).status_code == 400
