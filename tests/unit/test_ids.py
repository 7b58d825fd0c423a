"""Ids sort by when they were made, and are never made twice."""

import time

import pytest

from billing.ids import ID_LENGTH_MAX, made_at, new_id


def test_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_790_000_000_000_000_000)

    made = [new_id("job") for _ in range(1_000)]

    assert made == sorted(set(made))
    assert {made_at(one) for one in made} == {made_at(made[0])}
    assert max(map(len, made)) <= ID_LENGTH_MAX


def test_ids_go_on_where_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = iter([2_000_000, 1_000_000, 1_000_000, 2_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(hands))

    late, early, next_early, late_again = (new_id("job") for _ in range(4))

    assert early < next_early < min(late, late_again)
    assert late != late_again
