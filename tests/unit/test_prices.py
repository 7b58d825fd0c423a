"""Which price of a plan is asked, and which are announced."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plans import prices
from plans.catalog.offers import Plan

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAY = timedelta(days=1)


def plan(*written: dict[str, Any], **more: Any) -> Plan:  # noqa: ANN401 (as a file says it)
    said = [{"currency": "CNY", "interval": "P1M", **one} for one in written]
    name = {"en": "Plan", "zh": "版"}
    return Plan.model_validate({"code": "plan", "name": name, "prices": said, **more})


def asked(
    offer: Plan, *, at: datetime = NOW, book: str | None = None, currency: str = "CNY"
) -> int | None:
    found = prices.price_of(offer, currency=currency, interval="P1M", at=at, book=book)
    return None if found is None else found.list_micros // 10**6


def test_a_rise_is_asked_from_its_instant_on() -> None:
    offer = plan({"list": "66"}, {"list": "88", "from": NOW})

    assert asked(offer, at=NOW - timedelta(microseconds=1)) == 66
    assert asked(offer, at=NOW) == 88


def test_the_order_in_the_file_does_not_matter() -> None:
    offer = plan({"list": "88", "from": NOW}, {"list": "66"})

    assert (asked(offer, at=NOW - DAY), asked(offer, at=NOW)) == (66, 88)


def test_a_price_for_a_time_gives_way_again() -> None:
    offer = plan({"list": "66"}, {"list": "50", "from": NOW, "until": NOW + DAY})

    assert [asked(offer, at=NOW + n * DAY) for n in (-1, 0, 1)] == [66, 50, 66]


def test_a_price_that_is_over_is_asked_no_more() -> None:
    offer = plan({"list": "66", "until": NOW})

    assert (asked(offer, at=NOW - DAY), asked(offer, at=NOW)) == (66, None)


def test_a_books_own_price_comes_before_that_of_no_book() -> None:
    offer = plan({"list": "66"}, {"list": "40", "book": "cn"}, {"list": "99", "book": "us"})

    assert [asked(offer, book=book) for book in (None, "cn", "us", "eu")] == [66, 40, 99, 66]


def test_announced_prices_are_listed_the_soonest_first() -> None:
    offer = plan(
        {"list": "99", "from": NOW + 2 * DAY}, {"list": "66"}, {"list": "88", "from": NOW + DAY}
    )

    coming = prices.upcoming(offer.prices, at=NOW)

    assert [one.list_micros // 10**6 for one in coming] == [88, 99]
    assert prices.upcoming(offer.prices, at=NOW + 2 * DAY) == ()


def test_first_and_renewal_are_the_list_price_where_nothing_else_is_said() -> None:
    (plain, phased) = plan(
        {"list": "66"}, {"list": "66", "interval": "P1Y", "first": "33", "renewal": "58"}
    ).prices

    assert (prices.first_micros(plain), prices.renewal_micros(plain)) == (66 * 10**6, 66 * 10**6)
    assert (prices.first_micros(phased), prices.renewal_micros(phased)) == (33 * 10**6, 58 * 10**6)


@pytest.mark.parametrize(
    ("times", "on_sale"),
    [
        ({}, True),
        ({"from": NOW}, True),
        ({"from": NOW + DAY}, False),
        ({"until": NOW}, False),
        ({"until": NOW + DAY}, True),
    ],
)
def test_a_plan_is_on_sale_from_and_until(times: dict[str, datetime], *, on_sale: bool) -> None:
    assert prices.is_on_sale(plan({"list": "66"}, **times), at=NOW) is on_sale
