"""Slices of the crash points are the whole together, and a share of them is spread evenly."""

from tests.faults.crashing import plan

CASES = range(500)


def test_slices_are_the_whole_together_and_nothing_twice() -> None:
    parts = [plan.read(["--crashes", "--slice", f"{mine}/3"]) for mine in (1, 2, 3)]

    lived = [case for part in parts for case in part.chosen(CASES, start=17)]

    assert sorted(lived) == list(CASES)


def test_a_share_takes_every_so_manieth_whatever_went_before() -> None:
    asked = plan.read(["--crashes", "--share", "1/60"])

    first, second = asked.chosen(range(100), start=0), asked.chosen(range(100), start=100)

    assert first == [59]
    assert second == [19, 79]


def test_without_a_share_all_are_lived() -> None:
    asked = plan.read(["--crashes", "--scenes", "submit,check-in"])

    assert asked.scenes == ("submit", "check-in")
    assert asked.chosen(CASES, start=3) == list(CASES)
