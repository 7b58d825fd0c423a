"""Fair turns: nobody waits longer than a sum of weights says, and nothing buys a better place."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.jobs import fairness
from billing.jobs.fairness import Lane, Lanes
from tests.unit.waiting_room import COST_MS, FairRoom, Order, QueueByAge, counts, first_starts, town

DAY: Final = timedelta(days=1)
NOW: Final = datetime(2026, 11, 26, tzinfo=UTC)


def filled(orders: Sequence[Order]) -> FairRoom:
    room = FairRoom()
    for order in orders:
        room.come(order)
    return room


# -- 10,000 orders, half of them one account's --------------------------------------------------
def test_while_all_wait_each_account_is_served_by_its_weight() -> None:
    room = filled(town())

    room.start(2 * (4 + 100 * 4 + 40 * 16 + 1000))  # two rounds: even the free ones wait so long

    served = counts(room.started)
    weights = {order.account: order.weight for order in town()}
    assert {abs(served[name] - 2 * weight) for name, weight in weights.items()} <= {0, 1}


def test_a_free_account_waits_no_longer_than_one_round_of_all_weights() -> None:
    room = filled(town())

    room.start(10_000)

    # Each other account goes first with its weight's worth, and one job that is on its way.
    most = (4 + 1) * 101 + (16 + 1) * 40 + (1 + 1) * 1000
    first = first_starts(room.started)
    assert max(first[f"free{n}"] for n in range(1000)) <= most


def test_nobody_of_the_whales_own_tier_waits_for_the_whale() -> None:
    room = filled(town())

    room.start(10_000)

    first = first_starts(room.started)
    assert max(first[f"mate{n}"] for n in range(100)) - first["whale"] <= 16 * 40 // 4 + 100
    last = max(number for number, one in enumerate(room.started) if one.account == "mate99")
    whales = counts(room.started[:last])["whale"]
    assert whales <= 10 + 1  # as many as a mate has ordered


def test_the_control_starves_all_who_came_after_the_whale() -> None:
    queue = QueueByAge()
    for order in town():
        queue.come(order)

    queue.start(10_000)

    first = first_starts(queue.started)
    assert min(first[f"free{n}"] for n in range(1000)) > 8000
    assert first["mate0"] > 5000


# -- what buys nothing -------------------------------------------------------------------------
def test_time_in_which_nothing_was_ordered_earns_nothing() -> None:
    room = filled([Order("busy")] * 300)
    room.start(100)
    for _order in range(100):
        room.come(Order("idler"))

    served = counts(room.start(100))

    assert abs(served["idler"] - served["busy"]) <= 1


def test_time_in_which_the_backend_was_idle_costs_nothing() -> None:
    room = filled([Order("early")] * 100)
    room.start(100)  # alone: it took no one's share
    for account in ("early", "new") * 50:
        room.come(Order(account))

    served = counts(room.start(50))

    assert abs(served["early"] - served["new"]) <= 1


def test_work_that_is_split_into_many_orders_is_made_no_sooner() -> None:
    whole = [Order("whole", cost_ms=4 * COST_MS)] * 25
    split = [Order("split", cost_ms=COST_MS)] * 100
    room = filled([*split, *whole])

    room.start(75)

    work = dict.fromkeys(("whole", "split"), 0)
    for order in room.started:
        work[order.account] += order.cost_ms
    assert abs(work["whole"] - work["split"]) <= 4 * COST_MS


def test_a_plan_of_four_times_the_weight_gets_four_times_the_work_however_it_is_cut() -> None:
    room = filled([Order("one", 1, COST_MS)] * 400 + [Order("four", 4, 3 * COST_MS)] * 400)

    room.start(280)

    served = counts(room.started)
    assert abs(3 * served["four"] - 4 * served["one"]) <= 3 * 4


@given(st.integers(0, 40), st.integers(1, 16))
def test_who_gives_up_a_place_and_comes_again_is_no_further_ahead(
    meanwhile: int, weight: int
) -> None:
    room = filled([Order("rival")] * 50)
    room.come(Order("ada", weight))
    room.come(Order("ada", weight))

    had = room.leave("ada")
    for order in [order for _start in range(meanwhile) for order in room.start()]:
        assert order.account in ("rival", "ada")

    assert room.come(Order("ada", weight)) >= had


@st.composite
def arrivals(draw: st.DrawFn) -> list[Order | None]:
    """Return orders of a few accounts, and starts (None) in between."""
    weights = draw(st.lists(st.integers(1, 16), min_size=1, max_size=5))
    order = st.builds(
        lambda number, cost: Order(f"a{number}", weights[number], cost),
        st.integers(0, len(weights) - 1),
        st.integers(1, 100_000),
    )
    return draw(st.lists(st.one_of(order, st.none()), max_size=60))


@given(arrivals())
def test_no_order_is_overtaken_by_more_work_than_the_weights_allow(
    events: list[Order | None],
) -> None:
    """Between an order and its start others are served what their weight makes of its own work."""
    room = FairRoom()
    come: list[tuple[Order, int, int]] = []  # with the starts before it, and own work waiting
    owed: dict[str, int] = {}
    starts: list[Order] = []
    for event in events:
        if event is None:
            for order in room.start():
                starts.append(order)
                owed[order.account] -= order.cost_ms
        else:
            owed[event.account] = owed.get(event.account, 0) + event.cost_ms
            come.append((event, len(starts), owed[event.account]))
            room.come(event)
    starts += room.start(len(events))

    dearest = {order.account: 0 for order, _since, _own in come}
    for order, _since, _own in come:
        dearest[order.account] = max(dearest[order.account], order.cost_ms)
    weights = {order.account: order.weight for order, _since, _own in come}
    seen: dict[str, int] = {}
    for order, since, own in come:
        number = seen[order.account] = seen.get(order.account, 0) + 1
        places = [place for place, one in enumerate(starts) if one.account == order.account]
        for account in weights.keys() - {order.account}:
            before = starts[since : places[number - 1]]
            work = sum(one.cost_ms for one in before if one.account == account)
            most = own * weights[account] / order.weight + dearest[account] + len(before)
            assert work <= most


# -- lanes -------------------------------------------------------------------------------------
def lane(code: str, priority: int, share: int) -> Lane:
    return Lane(code=code, priority=priority, share=share, promise=DAY)


def started_of(lanes: Lanes, waiting: dict[str, int]) -> list[str]:
    """Start all that waits; return of which lane each start was."""
    found, left = [], dict(waiting)
    while any(left.values()):
        code = lanes.next_of([one for one, count in left.items() if count]).code
        lanes.start(code)
        left[code] -= 1
        found.append(code)
    return found


def test_a_lane_that_waits_gets_its_share_of_starts_and_the_first_lane_the_rest() -> None:
    lanes = Lanes([lane("fast", 50, 5), lane("usual", 100, 10), lane("slow", 900, 5)])

    found = started_of(lanes, dict.fromkeys(("fast", "usual", "slow"), 2000))[:1000]

    # Where two are behind at once, one of them goes a start later.
    assert found.count("usual") in (99, 100)
    assert found.count("slow") in (49, 50)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5).filter(lambda all_: sum(all_) <= 50))
def test_no_lane_waits_longer_than_its_share_and_two_starts_of_each_other(
    shares: list[int],
) -> None:
    lanes = Lanes([lane(f"l{place}", place, share) for place, share in enumerate(shares)])

    found = started_of(lanes, {f"l{place}": 300 for place in range(len(shares))})[:300]

    for place, share in enumerate(shares):
        own = [-1, *(number for number, code in enumerate(found) if code == f"l{place}"), 300]
        longest = max(after - before for before, after in pairwise(own))
        assert longest <= -(-100 // share) + 2 * (len(shares) - 1)


def test_a_lane_that_had_nothing_for_long_gets_one_start_for_it_and_no_more() -> None:
    lanes = Lanes([lane("fast", 50, 5), lane("slow", 900, 5)])
    started_of(lanes, {"fast": 500})

    found = started_of(lanes, {"fast": 100, "slow": 100})[:21]

    assert found.count("slow") == 2
    assert (found[0], found[20]) == ("slow", "slow")


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 30), min_size=1),
    st.sampled_from("abcd"),
    st.integers(0, 50),
)
def test_the_starts_before_a_job_are_those_that_really_come(
    waiting: dict[str, int], own: str, before: int
) -> None:
    codes = {**waiting, own: waiting.get(own, 0)}
    known = [lane(code, ord(code), 12) for code in codes]
    lanes, same = Lanes(known, number=before), Lanes(known, number=before)

    told = lanes.starts_before(own, waiting)

    found = started_of(same, {**codes, own: codes[own] + 1})
    places = [place for place, code in enumerate(found) if code == own]
    assert told == places[codes[own]]


def test_every_fourth_start_of_a_lane_is_for_what_is_nearly_out_of_time() -> None:
    lanes = Lanes([lane("usual", 100, 5)])

    urgent = []
    for _start in range(12):
        urgent.append(lanes.next_of(["usual"]).is_for_urgent)
        lanes.start("usual")

    assert urgent == [False, False, False, True] * 3
    assert lanes.next_of(["usual"]).near_until(NOW) == NOW + DAY / 4


# -- how long it is ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ahead", "busy", "slots", "waits"),
    [
        (0, [], 2, 0),
        (0, [30, 50], 2, 30),
        (1, [30, 50], 2, 50),
        (2, [30, 50], 2, 90),
        (3, [], 1, 180),
        (0, [10, 20, 30], 2, 20),  # one more than there are slots: the first end frees none
    ],
)
def test_a_wait_is_as_long_as_the_slots_are_taken(
    ahead: int, busy: list[int], slots: int, waits: int
) -> None:
    ends = [timedelta(seconds=one) for one in busy]

    found = fairness.waits_for(ahead, timedelta(seconds=60), ends, slots=slots)

    assert found == timedelta(seconds=waits)


@given(st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_is_told_is_never_sooner_and_no_finer_than_it_can_be(wait: timedelta) -> None:
    said = fairness.told(wait)

    assert wait <= said
    assert said - wait <= max(timedelta(seconds=10), wait / 5)
    assert said % timedelta(seconds=10) == timedelta(0)


@pytest.mark.parametrize(
    ("distance", "reach", "likely"),
    [(0, 8, 1.0), (2, 8, 0.75), (8, 8, 0.0), (9, 8, 0.0), (1, 0, 0.0), (1, -5, 0.0)],
)
def test_a_new_order_goes_first_while_the_clock_is_far_enough_before_who_waits(
    distance: int, reach: int, likely: float
) -> None:
    assert fairness.chance(distance, reach=reach) == likely


@pytest.mark.parametrize(
    ("busy_minutes", "longer"), [(0, 1.0), (2, 1.25), (4, 5 / 3), (5, 2.0), (50, 2.0)]
)
def test_a_wait_grows_by_those_who_will_go_first_and_is_at_most_doubled(
    busy_minutes: int, longer: float
) -> None:
    five, wait = timedelta(minutes=5), timedelta(minutes=9)

    grown = fairness.with_newcomers(
        wait, work=timedelta(minutes=busy_minutes), within=five, slots=2
    )

    assert abs(grown - wait * longer) < timedelta(milliseconds=1)


def test_what_has_run_longer_than_usual_may_end_soon_but_has_not_ended() -> None:
    minute = timedelta(minutes=1)

    assert fairness.left_of(minute, ran=timedelta(seconds=20)) == timedelta(seconds=40)
    assert fairness.left_of(minute, ran=timedelta(hours=2)) == timedelta(seconds=6)


def test_an_order_costs_what_its_model_takes_for_each_output() -> None:
    typical = timedelta(seconds=90)

    assert fairness.cost_ms(typical=typical, seconds=5, outputs=4) == 360_000
    assert fairness.cost_ms(typical=None, seconds=5, outputs=2) == 10_000
    assert fairness.cost_ms(typical=None, seconds=0, outputs=1) == 1
