"""A storm is as it was asked for, and its parts are the whole together."""

import pytest

from tests.kills import plan
from tests.kills.plan import KILLS, Blow

WORDS = ["--kills", "501", "--jobs", "20001", "--wipes", "20", "--zombies", "21", "--seed", "7"]


def test_the_slices_together_are_the_whole() -> None:
    parts = [plan.read([*WORDS, "--slice", f"{one}/4"]) for one in (1, 2, 3, 4)]

    assert sum(part.jobs for part in parts) == 20001
    assert sum(part.kills for part in parts) == 501
    assert sum(part.wipes for part in parts) == 20
    assert sum(part.zombies for part in parts) == 21
    assert len({part.chance for part in parts}) == 4


def test_the_same_seed_is_the_same_storm() -> None:
    one, again = plan.read(WORDS), plan.read(WORDS)
    other = plan.read([*WORDS[:-1], "8"])

    assert plan.orders(one, customers=5) == plan.orders(again, customers=5)
    assert plan.blows(one) == plan.blows(again)
    assert plan.blows(one) != plan.blows(other)


def test_as_many_blows_fall_as_were_asked_for() -> None:
    asked = plan.read(WORDS)

    blows = [one.blow for one in plan.blows(asked)]

    assert sum(blow in KILLS for blow in blows) == 501
    assert blows.count(Blow.WIPE) == 20
    assert blows.count(Blow.ZOMBIE) == 21
    assert set(blows) == set(Blow)


@pytest.mark.parametrize("wrong", ["0/4", "5/4"])
def test_a_slice_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(SystemExit):
        plan.read([*WORDS, "--slice", wrong])
