from collections import Counter

import pytest

from tests.fuzz import plan
from tests.fuzz.plan import Asked, Role
from tests.fuzz.tally import Tally

OPERATIONS = [f"GET /v1/{number}" for number in range(85)]


def asked(requests: int, slice_: str = "1/1") -> Asked:
    return plan.read(["--fuzz", str(requests), "--slice", slice_])


@pytest.mark.parametrize("requests", [1, 99, 1000, 100_003])
def test_all_roles_and_the_garbage_make_the_requests_that_are_asked_for(requests: int) -> None:
    whole = asked(requests)

    assert set(plan.shares(whole)) == set(Role)
    assert sum(plan.shares(whole).values()) + plan.garbage(whole) == requests


def test_the_slices_are_the_whole_together_and_each_has_a_chance_of_its_own() -> None:
    slices = [asked(1003, f"{mine}/4") for mine in (1, 2, 3, 4)]

    assert sum(one.requests for one in slices) == 1003
    assert len({one.chance for one in slices}) == len({one.seed for one in slices}) == 4


def test_a_long_run_walks_around_all_operations_and_a_short_one_around_some_by_chance() -> None:
    short, other = asked(1000, "1/2"), asked(1000, "2/2")

    assert set(plan.walked(asked(100_000), Role.USER, OPERATIONS)) == set(OPERATIONS)
    assert 0 < len(plan.walked(short, Role.USER, OPERATIONS)) < len(OPERATIONS)
    assert plan.walked(short, Role.USER, OPERATIONS) == plan.walked(short, Role.USER, OPERATIONS)
    assert plan.walked(short, Role.USER, OPERATIONS) != plan.walked(other, Role.USER, OPERATIONS)


def test_a_tally_counts_what_was_answered_and_tells_a_flaw_once() -> None:
    told: list[str] = []
    tally = Tally(["GET /a", "GET /b"], tell=told.append)
    for role, operation, status in (("user", "GET /a", 200), ("user", "GET /b", 500)):
        tally.note(role, operation, status)
    tally.note("owner", "GET /b", 0)
    for role in ("user", "owner"):
        tally.blame(role, "GET /b", "a server error", "its case")

    assert tally.unreached == ["GET /b"]
    assert [line for line in told if "its case" in line] == told
    assert len(told) == 1
    assert tally.summary() == {
        "requests": 3,
        "server_errors": 1,
        "unanswered": 1,
        "flaws": 1,
        "operations": 2,
        "unreached": 1,
    }
    assert tally.flaws["GET /b", "a server error"].roles == Counter(user=1, owner=1)
