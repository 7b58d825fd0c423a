"""Rows, the orders they are for, and the index that finds the narrowest: against plain search."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.catalog.matching import Hours, Matched
from plans.catalog.rate_index import RateIndex, tables_of
from plans.catalog.spans import Spans, order_at, row_at
from plans.catalog.ties import TIES_MAX, ties
from plans.catalog.values import Scalar
from tests.unit.shelf import NOON

VALUES: dict[str, list[Scalar]] = {"a": ["x", "y", "z"], "b": [1, "1.5", 2, 3], "c": [True, False]}
NAMES = st.sampled_from(sorted(VALUES))
INSTANTS = st.integers(-3, 3).map(lambda days: NOON + timedelta(days=days))


@st.composite
def rows(draw: st.DrawFn) -> Matched:
    match: dict[str, object] = {}
    for name in draw(st.sets(NAMES)):
        if name == "b" and draw(st.booleans()):
            low = draw(st.integers(1, 3))
            match[name] = {"min": low, "max": draw(st.integers(low, 3))}
        else:
            match[name] = draw(st.lists(st.sampled_from(VALUES[name]), min_size=1, unique=True))
    said: dict[str, object] = {"match": match}
    if draw(st.booleans()):
        begins = draw(INSTANTS)
        said["from"] = begins
        said["until"] = begins + timedelta(days=draw(st.integers(1, 3)))
    return Matched.model_validate(said)


ORDERS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


@given(card=st.lists(rows(), max_size=8), order=ORDERS, at=INSTANTS)
def test_the_index_finds_what_a_plain_search_finds(
    card: list[Matched], order: dict[str, Scalar], at: datetime
) -> None:
    tied = {number for pair in ties(dict(enumerate(card))) for number in pair}
    card = [row for number, row in enumerate(card) if number not in tied]
    matching = [row for row in card if row.matches(order, at=at)]

    plain = max(matching, key=lambda row: row.specificity, default=None)

    assert RateIndex(card).narrowest(order, at=at) is plain


@given(card=st.lists(rows(), max_size=6))
def test_ties_are_exactly_the_rows_that_some_order_cannot_choose_between(
    card: list[Matched],
) -> None:
    numbered = dict(enumerate(card))

    plain = {
        second
        for (first, one), (second, other) in combinations(numbered.items(), 2)
        if one.specificity == other.specificity and one.overlaps(other)
    }

    assert {second for second, _first in ties(numbered)} == plain


SECONDS: list[Scalar] = [*range(13), "0.5", "3.5", "11.999999", "12.5", "x", True]


@st.composite
def spanned(draw: st.DrawFn) -> Matched:
    """A row that often differs from others by its ranges and times only."""
    match: dict[str, object] = {}
    for name in draw(st.sets(st.sampled_from(["long", "wide"]))):
        low = draw(st.integers(0, 12))
        match[name] = draw(
            st.sampled_from([{"min": low, "max": low + draw(st.integers(0, 4))}, {"min": low}, low])
            | st.lists(st.sampled_from(SECONDS), min_size=1, max_size=3, unique_by=repr)
        )
    said: dict[str, object] = {"match": match}
    for end, days in (("from", st.integers(-3, 0)), ("until", st.integers(1, 3))):
        if draw(st.booleans()):
            said[end] = NOON + timedelta(days=draw(days))
    return Matched.model_validate(said)


MANY = st.lists(spanned(), min_size=9, max_size=40)
SPANNED_ORDERS = st.dictionaries(st.sampled_from(["long", "wide"]), st.sampled_from(SECONDS))


@given(card=MANY, order=SPANNED_ORDERS, at=INSTANTS)
def test_near_an_order_is_each_row_that_matches_it_once(
    card: list[Matched], order: dict[str, Scalar], at: datetime
) -> None:
    near = [id(row) for row in Spans(card).near(order_at(order, at))]

    assert len(near) == len(set(near))
    assert {id(row) for row in card if row.matches(order, at=at)} <= set(near)


@given(card=MANY, one=spanned())
def test_near_a_row_is_each_row_that_it_overlaps_once(card: list[Matched], one: Matched) -> None:
    near = [id(row) for row in Spans(card).near(row_at(one))]

    assert len(near) == len(set(near))
    assert {id(row) for row in card if row.overlaps(one)} <= set(near)


@given(card=MANY, order=SPANNED_ORDERS, at=INSTANTS)
def test_among_many_ranges_the_index_finds_a_narrowest_row(
    card: list[Matched], order: dict[str, Scalar], at: datetime
) -> None:
    matching = [row for row in card if row.matches(order, at=at)]
    plain = max((row.specificity for row in matching), default=None)

    found = RateIndex(card).narrowest(order, at=at)

    assert (found.specificity if found else None) == plain
    assert found is None or found in matching


@given(card=MANY)
def test_among_many_ranges_every_row_that_ties_with_an_earlier_one_is_found(
    card: list[Matched],
) -> None:
    found = dict(ties(dict(enumerate(card))))

    assert all(first < second for second, first in found.items())
    assert all(card[first].overlaps(card[second]) for second, first in found.items())
    assert found.keys() == {
        second
        for (first, one), (second, other) in combinations(enumerate(card), 2)
        if one.specificity == other.specificity and one.overlaps(other)
    }


def test_of_ranges_side_by_side_each_number_has_its_own_and_what_lies_between_has_none() -> None:
    spans = [
        (low, low + width) for low, width in zip(range(0, 300, 3), [0, 1, 2] * 34, strict=False)
    ]
    card = [
        Matched.model_validate({"match": {"long": {"min": low, "max": high}}})
        for low, high in spans
    ]
    index = RateIndex(card)

    assert not list(ties(dict(enumerate(card))))
    for asked in range(-1, 303):
        inside = [row for row, (low, high) in zip(card, spans, strict=True) if low <= asked <= high]
        assert index.narrowest({"long": asked}, at=NOON) is (inside[0] if inside else None)
    for whole in range(302):
        inside = [row for row, (low, high) in zip(card, spans, strict=True) if low <= whole < high]
        found = index.narrowest({"long": f"{whole}.5"}, at=NOON)
        assert found is (inside[0] if inside else None)


def test_of_rows_that_follow_each_other_in_time_each_instant_has_its_own() -> None:
    card = [
        Matched.model_validate(
            {"from": NOON + timedelta(days=day), "until": NOON + timedelta(days=day + 1)}
        )
        for day in range(50)
    ]
    index = RateIndex(card)

    assert not list(ties(dict(enumerate(card))))
    for day, row in enumerate(card):
        assert index.narrowest({}, at=NOON + timedelta(days=day)) is row
        assert index.narrowest({}, at=NOON + timedelta(days=day, hours=23)) is row
    assert index.narrowest({}, at=NOON + timedelta(days=50)) is None


def test_who_has_very_many_ties_is_told_the_first_of_them() -> None:
    card = {n: Matched.model_validate({"match": {"a": "x"}}) for n in range(1000)}

    assert list(ties(card)) == [(n, 0) for n in range(1, TIES_MAX + 1)]


def test_rows_of_very_many_different_dimensions_are_found_all_the_same() -> None:
    card = [
        Matched.model_validate({"match": {"model": f"m{n}", f"of_{n}": {"min": n}, f"on_{n}": n}})
        for n in range(200)
    ]
    index = RateIndex(card)

    assert not list(ties(dict(enumerate(card))))
    assert len(tables_of(card)) <= 64
    assert index.narrowest({"model": "m7", "of_7": 9, "on_7": 7}, at=NOON) is card[7]
    assert index.narrowest({"model": "m7", "of_7": 6, "on_7": 7}, at=NOON) is None
    assert index.narrowest({"model": "m7", "of_7": 9}, at=NOON) is None


@given(one=rows(), other=rows())
def test_rows_overlap_exactly_when_some_order_matches_both(one: Matched, other: Matched) -> None:
    instants = [NOON + timedelta(days=days) for days in range(-7, 8)]
    orders = [
        {"a": a, "b": b, "c": c} for a in VALUES["a"] for b in VALUES["b"] for c in VALUES["c"]
    ]

    both = any(
        one.matches(order, at=at) and other.matches(order, at=at)
        for order in orders
        for at in instants
    )

    assert one.overlaps(other) == both
    assert one.overlaps(other) == other.overlaps(one)


@given(
    ends=st.lists(st.integers(0, 23), min_size=4, max_size=4), minute=st.integers(0, 24 * 60 - 1)
)
def test_hours_that_meet_share_a_minute(ends: list[int], minute: int) -> None:
    texts = [f"{hour:02d}:00" for hour in ends]
    if texts[0] == texts[1] or texts[2] == texts[3]:
        return
    one = Hours.model_validate({"from": texts[0], "to": texts[1], "zone": "UTC"})
    other = Hours.model_validate({"from": texts[2], "to": texts[3], "zone": "UTC"})
    at = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)

    if one.holds(at) and other.holds(at):
        assert one.meets(other)
    shared = any(
        one.holds(midnight + timedelta(hours=hour))
        and other.holds(midnight + timedelta(hours=hour))
        for midnight in [datetime(2026, 11, 23, tzinfo=UTC)]
        for hour in range(24)
    )
    assert one.meets(other) == shared


@pytest.mark.parametrize(
    ("hours", "at", "opens"),
    [
        # In New York 2026-03-08 has no 02:30: the clocks jump from 02:00 to 03:00.
        (("02:30", "05:00"), "2026-03-08T01:00-05:00", "2026-03-08T03:00-04:00"),
        (("02:10", "02:50"), "2026-03-08T01:00-05:00", "2026-03-09T02:10-04:00"),
        (("04:00", "05:00"), "2026-03-08T01:00-05:00", "2026-03-08T04:00-04:00"),
        # 2026-11-01 has 01:30 twice.
        (("01:30", "01:40"), "2026-11-01T00:00-04:00", "2026-11-01T01:30-04:00"),
        (("01:30", "01:40"), "2026-11-01T01:50-04:00", "2026-11-01T01:30-05:00"),
        (("01:30", "01:40"), "2026-11-01T01:50-05:00", "2026-11-02T01:30-05:00"),
        (("22:00", "06:00"), "2026-07-01T07:00-04:00", "2026-07-01T22:00-04:00"),
        (("22:00", "06:00"), "2026-07-01T23:00-04:00", "2026-07-01T23:00-04:00"),
    ],
)
def test_hours_open_at_the_first_instant_that_the_clocks_have(
    hours: tuple[str, str], at: str, opens: str
) -> None:
    start, end = hours
    lane = Hours.model_validate({"from": start, "to": end, "zone": "America/New_York"})

    found = lane.next_at(datetime.fromisoformat(at))

    assert found == datetime.fromisoformat(opens)
    assert lane.holds(found)


def test_a_list_of_very_many_values_is_found_all_the_same() -> None:
    wide = Matched.model_validate(
        {"match": {"a": [f"v{n}" for n in range(200)], "b": list(range(1, 200))}}
    )
    index = RateIndex([wide])

    assert index.narrowest({"a": "v199", "b": 199}, at=NOON) is wide
    assert index.narrowest({"a": "v199", "b": 200}, at=NOON) is None


def test_true_is_not_one_and_a_text_is_no_number() -> None:
    row = Matched.model_validate({"match": {"b": 1}})

    assert row.matches({"b": 1}, at=NOON)
    assert not row.matches({"b": True}, at=NOON)
    assert not row.matches({"b": "1"}, at=NOON)
    assert RateIndex([row]).narrowest({"b": True}, at=NOON) is None
