"""What a change of plan costs and gives: nobody gains by it, and nobody loses what he paid for."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from plans import changes
from plans.catalog.commerce import Change
from plans.changes import Held, Wanted
from plans.credits import MICROS

CENT = 10_000
PLANS = {"small": (30, 300), "middle": (60, 720), "large": (200, 3000)}
DIFFERENCE = Change(when="now", credits="difference")
ADD = Change(when="now", credits="add")
REPLACE = Change(when="now", credits="replace")


def held(plan: str, *, windows: int = 1) -> Held:
    """Return a period of which nothing was used, at its beginning."""
    price, credits_ = PLANS[plan]
    return Held(
        price_micros=price * MICROS * windows,
        paid_micros=price * MICROS * windows,
        window_micros=credits_ * MICROS,
        windows=windows,
        unbegun=windows - 1,
        window_left=Fraction(1),
        given_micros=credits_ * MICROS,
        unused_micros=credits_ * MICROS,
    )


def wanted(plan: str, *, windows: int = 1) -> Wanted:
    price, credits_ = PLANS[plan]
    return Wanted(price * MICROS * windows, credits_ * MICROS)


def test_the_difference_is_paid_for_the_time_that_is_left_and_brings_as_much_of_it() -> None:
    half = replace(held("small"), window_left=Fraction(1, 2))

    found = changes.reckon(DIFFERENCE, half, wanted("large"), same_interval=True, unit_micros=CENT)

    assert found is not None
    assert (found.due_micros, found.gives_micros) == (85 * MICROS, 1350 * MICROS)
    assert not found.begins_anew


def test_a_minute_before_the_end_a_change_brings_no_credits_for_nothing() -> None:
    late = replace(held("small"), window_left=Fraction(1, 43_200))

    found = changes.reckon(DIFFERENCE, late, wanted("large"), same_interval=True, unit_micros=CENT)

    assert found is not None
    assert found.due_micros == CENT  # 0.0039 is rounded up
    assert found.gives_micros == 2700 * MICROS // 43_200


def test_what_is_unused_is_taken_off_the_price_of_what_replaces_it() -> None:
    third = replace(held("small"), unused_micros=100 * MICROS, window_left=Fraction(1, 10))

    found = changes.reckon(REPLACE, third, wanted("large"), same_interval=True, unit_micros=CENT)

    assert found is not None
    assert (found.worth_micros, found.due_micros) == (10 * MICROS, 190 * MICROS)
    assert (found.takes_micros, found.gives_micros) == (100 * MICROS, 3000 * MICROS)


def test_months_that_have_not_begun_are_taken_off_whatever_the_rule() -> None:
    year = replace(held("small", windows=12), unbegun=9, unused_micros=0)

    for rule in (ADD, REPLACE):
        found = changes.reckon(
            rule, year, wanted("large", windows=12), same_interval=True, unit_micros=CENT
        )
        assert found is not None
        assert found.worth_micros == 270 * MICROS


def test_a_change_that_would_lose_what_was_paid_waits_for_the_end_of_the_period() -> None:
    for rule in (DIFFERENCE, REPLACE):
        assert (
            changes.reckon(
                rule, held("large"), wanted("small"), same_interval=True, unit_micros=CENT
            )
            is None
        )


def test_what_pays_for_longer_is_an_upgrade_and_what_costs_less_is_none() -> None:
    def kind(interval: str, price: int) -> str:
        return changes.kind_of(
            interval="P1M", price_micros=60, new_interval=interval, new_price_micros=price
        )

    assert kind("P1Y", 30) == "upgrade"
    assert kind("P1M", 61) == "upgrade"
    assert kind("P1M", 59) == "downgrade"
    assert kind("P1W", 600) == "downgrade"
    assert kind("P1M", 60) == "none"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLANS)),
        st.sampled_from([DIFFERENCE, ADD, REPLACE]),
        st.fractions(0, 1),
        st.fractions(0, 1),
    ),
    max_size=8,
)


@given(start=st.sampled_from(sorted(PLANS)), steps=STEPS)
def test_no_sequence_of_changes_yields_more_than_was_paid_for(
    start: str, steps: list[tuple[str, Change, Fraction, Fraction]]
) -> None:
    """Credits are valued at the best rate of any plan: 15 for each unit of money."""
    best = max(Fraction(credits_, price) for price, credits_ in PLANS.values())
    now, paid_micros, had_micros = held(start), PLANS[start][0] * MICROS, 0
    got_micros = now.given_micros
    for plan, rule, time_goes, is_used in steps:
        used = int(now.unused_micros * is_used)
        had_micros += used
        now = replace(
            now,
            unused_micros=now.unused_micros - used,
            window_left=now.window_left * (1 - time_goes),
        )
        found = changes.reckon(rule, now, wanted(plan), same_interval=True, unit_micros=CENT)
        if found is None or plan == start:
            continue
        paid_micros += found.due_micros
        got_micros += found.gives_micros - found.takes_micros
        fresh = held(plan)
        start = plan
        if found.begins_anew:
            # What is not taken stays to be used, and is worth nothing at the next change.
            now = fresh
        else:
            now = replace(
                fresh,
                paid_micros=now.paid_micros + found.due_micros,
                window_left=now.window_left,
                given_micros=now.given_micros + found.gives_micros,
                unused_micros=now.unused_micros + found.gives_micros,
            )
        assert found.due_micros >= 0
        assert got_micros <= paid_micros * best
        assert had_micros <= got_micros
