"""A plan is made by its chance alone, and has everything in it."""

from collections import Counter

from tests.deliveries import plan
from tests.deliveries.plan import Asked, Forgery, Way


def test_a_plan_is_the_same_for_the_same_chance_and_another_for_another() -> None:
    one, other = Asked(1000, "1/1/1"), Asked(1000, "2/1/1")
    events = [f"evt_{number}" for number in range(100)]
    assert plan.stories(one) == plan.stories(one) != plan.stories(other)
    sent = plan.deliveries(one, events, part=0)
    assert sent == plan.deliveries(one, events, part=0) != plan.deliveries(one, events, part=1)


def test_every_event_is_delivered_and_none_more_often_than_ten_times_in_both_parts() -> None:
    events = [f"evt_{number}" for number in range(40)]
    times: Counter[str] = Counter()
    for part in (0, 1):
        sent = plan.deliveries(Asked(10_000, "1/1/1"), events, part=part)
        assert {one.event for one in sent if one.forgery is None} == set(events)
        assert {one.forgery for one in sent} == {None, *Forgery}
        times.update(one.event for one in sent if one.forgery is None)
    assert max(times.values()) == plan.COPIES_MAX


def test_slices_are_the_whole_together() -> None:
    parts = [plan.read(["--deliveries", "100", "--slice", f"{one}/3"]) for one in (1, 2, 3)]
    assert sum(part.deliveries for part in parts) == 100
    assert len({part.chance for part in parts}) == 3


def test_every_way_to_pay_occurs() -> None:
    assert {story.way for story in plan.stories(Asked(20_000, "1/1/1"))} == set(Way)
