"""Which days an address asks for."""

from datetime import date

import pytest

from billing.console.dashboard.asking import read
from billing.console.dashboard.parts import change, share
from billing.rollups.subjects import Span

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("said", "since", "until"),
    [
        ({}, date(2026, 2, 1), date(2026, 3, 3)),
        ({"range": "today"}, TODAY, date(2026, 3, 3)),
        ({"range": "7d"}, date(2026, 2, 24), date(2026, 3, 3)),
        ({"range": "month"}, date(2026, 3, 1), date(2026, 3, 3)),
        ({"from": "2026-01-05", "to": "2026-01-06"}, date(2026, 1, 5), date(2026, 1, 7)),
        ({"range": "own", "from": "2026-03-01"}, date(2026, 3, 1), date(2026, 3, 3)),
    ],
)
def test_days_are_whole_and_end_with_the_last_one_said(
    said: dict[str, str], since: date, until: date
) -> None:
    question = read(said, today=TODAY)

    assert question.span == Span(since, until)
    assert not question.is_wrong
    assert question.span.before == Span(since - (until - since), since)


@pytest.mark.parametrize(
    "said",
    [
        {"range": "ever"},
        {"range": "own"},
        {"from": "yesterday"},
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"from": "0001-01-01", "to": "2026-03-01"},
        {"from": "2010-01-01", "to": "2026-03-01"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"range": "own", "from": "<script>"},
    ],
)
def test_what_cannot_be_told_is_said_and_the_usual_is_shown(said: dict[str, str]) -> None:
    question = read(said, today=TODAY)

    assert question.is_wrong
    assert question.span == read({}, today=TODAY).span


def test_an_address_asks_for_the_same_again() -> None:
    said = {"from": "2026-01-05", "to": "2026-01-06", "sandbox": "1", "currency": "usd"}
    question = read(said, today=TODAY)

    told = question.address()

    assert told == "range=own&currency=USD&from=2026-01-05&to=2026-01-06&sandbox=1"
    assert read(dict(one.split("=") for one in told.split("&")), today=TODAY) == question


def test_many_days_are_told_by_months() -> None:
    few = read({"from": "2026-01-30", "to": "2026-02-02"}, today=TODAY)
    many = read({"from": "2025-11-20", "to": "2026-03-01"}, today=TODAY)

    assert [day.day for day in few.buckets()] == [30, 31, 1, 2]
    assert [f"{day:%Y-%m}" for day in many.buckets()] == [
        *("2025-11", "2025-12", "2026-01", "2026-02", "2026-03")
    ]


def test_changes_and_shares_are_in_percent() -> None:
    assert [change(*one) for one in ((150, 100), (999, 1000), (5, 5), (5, 0))] == [
        *("+50.0 %", "\u22120.1 %", "±0.0 %", "")
    ]
    assert [share(*one) for one in ((1, 8), (-1, 8), (3, 2), (1, 0))] == [
        *("12.5 %", "-12.5 %", "150.0 %", "-")
    ]
