"""The width of a backend: found by its own "full", and slowly tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.fleet.slots import GROWS_AFTER, Slots, made, refused


def many_made(slots: Slots, count: int, *, ceiling: int) -> Slots:
    """Return the slots after so many good ends."""
    for _end in range(count):
        slots = made(slots, ceiling=ceiling)
    return slots


@pytest.mark.parametrize(("in_flight", "left"), [(5, 5), (1, 1), (0, 1), (9, 8)])
def test_full_means_as_many_as_were_in_flight_and_never_none(in_flight: int, left: int) -> None:
    assert refused(Slots(), in_flight=in_flight, ceiling=8).open(8) == left


def test_each_ten_good_ends_open_one_slot_more_up_to_what_is_configured() -> None:
    narrow = refused(Slots(), in_flight=2, ceiling=4)

    assert many_made(narrow, GROWS_AFTER - 1, ceiling=4).open(4) == 2
    assert many_made(narrow, GROWS_AFTER, ceiling=4).open(4) == 3
    assert many_made(narrow, 100 * GROWS_AFTER, ceiling=4) == Slots()


def test_a_setting_that_was_lowered_counts_at_once() -> None:
    assert refused(Slots(), in_flight=6, ceiling=8).open(3) == 3


@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=200), st.integers(1, 32))
def test_there_is_always_a_slot_and_never_one_too_many(
    words: list[int | None], ceiling: int
) -> None:
    slots = Slots()
    for in_flight in words:
        before = slots.open(ceiling)
        if in_flight is None:
            slots = made(slots, ceiling=ceiling)
            assert before <= slots.open(ceiling) <= before + 1
        else:
            slots = refused(slots, in_flight=in_flight, ceiling=ceiling)
            assert slots.open(ceiling) <= max(1, in_flight)
        assert 1 <= slots.open(ceiling) <= ceiling


@given(width=st.integers(1, 16))
def test_a_crowd_that_is_turned_away_leaves_what_the_backend_holds(width: int) -> None:
    """All submit at once; each that is refused sees those that are not yet refused in flight."""
    slots, ceiling = Slots(), 16
    for in_flight in range(ceiling - 1, width - 1, -1):
        slots = refused(slots, in_flight=in_flight, ceiling=ceiling)

    assert slots.open(ceiling) == width
