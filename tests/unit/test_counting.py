"""Counted units: which allowance pays which share of an order, and how a window is counted."""

from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.counting import Counted, Cover, Use, counted_at, cover
from billing.ledger.schedules import Schedule
from plans.credits import MICROS
from tests.unit.purse import NOON, schedule, utc


def counts(unit: str, amount: int, **terms: object) -> Schedule:
    made = schedule(**{"cadence": "daily", "unit": unit, "amount": amount} | terms)  # type: ignore[arg-type]  # as a catalog says them
    made.id = f"al_{made.code}"
    return made


def window(unit: str, amount: int, *, used: str = "0", **terms: object) -> Counted:
    made = counts(unit, amount, **terms)
    return Counted(made, made.window(NOON), int(Fraction(used) * MICROS), None)


Shares = list[tuple[str, Fraction | int, Fraction | int]]


def shares(covers: list[Cover]) -> Shares:
    return [
        (one.counted.schedule.code, Fraction(one.units_micros, MICROS), one.share) for one in covers
    ]


def covered(
    *windows: Counted, outputs: int = 1, seconds: int | Fraction = 5, **facts: str
) -> Shares:
    return shares(cover(windows, facts=facts, outputs=outputs, seconds=seconds))


def test_an_order_that_is_counted_costs_nothing() -> None:
    assert covered(window("order", 3)) == [("a", 1, 1)]


def test_an_order_is_paid_whole_or_not_at_all() -> None:
    assert covered(window("order", 3, used="3")) == []


def test_videos_are_paid_by_the_piece_as_far_as_they_reach() -> None:
    assert covered(window("output", 3), outputs=4) == [("a", 3, Fraction(3, 4))]
    assert covered(window("output", 3, used="1.5"), outputs=2) == [("a", 1, Fraction(1, 2))]
    assert covered(window("output", 3, used="2.5"), outputs=2) == []


def test_seconds_are_paid_to_the_last_of_them() -> None:
    assert covered(window("second", 100, used="93"), seconds=Fraction("10.23")) == [
        ("a", 7, Fraction(700, 1023))
    ]
    assert covered(window("second", 100), seconds=Fraction("10.23")) == [
        ("a", Fraction("10.23"), 1)
    ]


def test_counted_allowances_pay_one_after_the_other() -> None:
    videos = window("output", 2, code="videos")
    seconds = window("second", 5, code="seconds")
    orders = window("order", 9, code="orders")

    assert covered(videos, seconds, outputs=4, seconds=20) == [
        ("videos", 2, Fraction(1, 2)),
        ("seconds", 5, Fraction(1, 4)),
    ]
    assert covered(videos, seconds, orders, outputs=4, seconds=20) == [
        ("videos", 2, Fraction(1, 2)),
        ("seconds", 5, Fraction(1, 4)),
        ("orders", 1, Fraction(1, 4)),
    ]


def test_only_orders_of_the_scope_are_counted() -> None:
    short = window("order", 3, scope={"seconds": {"min": 1, "max": 6}, "resolution": "768p"})

    assert covered(short, seconds=5, resolution="768p") == []
    assert shares(
        cover([short], facts={"seconds": 6, "resolution": "768p"}, outputs=1, seconds=6)
    ) == [("a", 1, 1)]
    assert cover([short], facts={"seconds": 10, "resolution": "768p"}, outputs=1, seconds=10) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["order", "output", "second"]),
            st.integers(1, 20),
            st.integers(0, 20 * MICROS),
        ),
        max_size=4,
    ),
    st.integers(1, 9),
    st.integers(1, 60 * MICROS),
)
def test_no_order_is_paid_twice_and_no_window_gives_more_than_it_has(
    given_windows: list[tuple[str, int, int]], outputs: int, second_micros: int
) -> None:
    seconds = Fraction(second_micros, MICROS) * outputs
    windows = [
        Counted(made, made.window(NOON), min(used, amount * MICROS), None)
        for number, (unit, amount, used) in enumerate(given_windows)
        for made in [counts(unit, amount, code=f"a{number}")]
    ]

    covers = cover(windows, facts={}, outputs=outputs, seconds=seconds)

    assert 0 <= sum(one.share for one in covers) <= 1
    whole = {"output": Fraction(outputs), "second": seconds}
    for one in covers:
        assert 0 < one.units_micros <= one.counted.left_micros
        assert one.share > 0
        unit = one.counted.schedule.terms.unit
        if unit != "order":
            exact = one.share * whole[unit] * MICROS
            assert exact <= one.units_micros < exact + 1


def use(text: str, units: int, *, kept: int | None = None, made: Schedule, lasts: int = 24) -> Use:
    at = utc(text)
    held = made.window(at)
    ends_at = at + timedelta(hours=lasts) if made.is_rolling else held.ends_at
    return Use(
        made.series, held.key, ends_at, units * MICROS,
        None if kept is None else kept * MICROS, at,
        None if kept is None else at + timedelta(hours=1),
    )  # fmt: skip


def left(made: Schedule, uses: list[Use], at: datetime) -> list[int]:
    return [one.left_micros // MICROS for one in counted_at([made], uses, at)]


def test_each_day_counts_anew() -> None:
    made = counts("order", 3)
    uses = [use("2026-11-23T01:00", 1, made=made), use("2026-11-23T20:00", 1, kept=1, made=made)]

    assert left(made, uses, utc("2026-11-23T00:30")) == [3]
    assert left(made, uses, utc("2026-11-23T12:00")) == [2]
    assert left(made, uses, utc("2026-11-23T23:59")) == [1]
    assert left(made, uses, utc("2026-11-24T00:00")) == [3]


def test_what_a_failure_gives_back_is_back_from_then_on() -> None:
    made = counts("output", 3)
    uses = [use("2026-11-23T12:00", 3, kept=1, made=made)]

    assert left(made, uses, utc("2026-11-23T12:59")) == [0]
    assert left(made, uses, utc("2026-11-23T13:00")) == [2]


def test_a_rolling_window_counts_from_its_first_use() -> None:
    made = counts("output", 50, cadence="rolling", period="PT24H")
    uses = [use("2026-11-23T12:00", 20, made=made)]
    again = Use(made.series, uses[0].window, uses[0].window_ends_at, 5 * MICROS, None,
                utc("2026-11-24T11:00"), None)  # fmt: skip

    (before,) = counted_at([made], [], NOON)
    (begun,) = counted_at([made], [*uses, again], utc("2026-11-24T11:59"))
    (over,) = counted_at([made], [*uses, again], utc("2026-11-24T12:00"))

    assert (before.left_micros // MICROS, before.resets_at) == (50, None)
    assert (begun.left_micros // MICROS, begun.resets_at) == (25, utc("2026-11-24T12:00"))
    assert (over.left_micros // MICROS, over.resets_at) == (50, None)


def test_a_free_quota_of_seconds_is_there_once_and_ends() -> None:
    made = counts("second", 100, cadence="once", expiry="P90D")
    uses = [use("2026-11-23T12:00", 60, kept=60, made=made)]

    assert left(made, uses, utc("2027-02-21T11:59")) == [40]
    assert left(made, uses, utc("2027-02-21T12:00")) == []


def test_a_smaller_plan_counts_what_the_larger_one_used() -> None:
    larger, smaller = counts("order", 10), counts("order", 3)
    uses = [use("2026-11-23T12:00", 5, kept=5, made=larger)]

    assert left(smaller, uses, utc("2026-11-23T15:00")) == [0]


@pytest.mark.parametrize("unit", ["order", "output", "second"])
def test_nothing_is_counted_after_the_allowance_has_ended(unit: str) -> None:
    made = counts(unit, 3)
    made.ends_at = NOON + timedelta(hours=1)

    assert left(made, [], NOON) == [3]
    assert left(made, [], NOON + timedelta(hours=1)) == []
