"""The life of a job, all states against all states: the drawing of the module, as a table."""

import itertools
from typing import Final

import pytest

from billing.jobs.errors import IllegalMove
from billing.jobs.lifecycle import (
    FINAL,
    IN_FLIGHT,
    LIVE,
    MOVES,
    FailureClass,
    JobStatus,
    check_move,
)

# Row: from. Column: to. The order is that of JobStatus:
#   queued, dispatched, running, unknown, succeeded, failed, canceled, expired
DRAWING: Final = {
    "queued": ". X . . . X X X",
    "dispatched": "X . X X X X X .",
    "running": ". . . X X X X .",
    "unknown": ". . X . X X X .",
    "succeeded": ". . . . . . . .",
    "failed": ". . . . . . . .",
    "canceled": ". . . . . . . .",
    "expired": ". . . . . . . .",
}
PAIRS: Final = list(itertools.product(JobStatus, JobStatus))


def is_drawn(source: JobStatus, target: JobStatus) -> bool:
    return DRAWING[source].split()[list(JobStatus).index(target)] == "X"


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_job_moves_only_where_the_drawing_says(source: JobStatus, target: JobStatus) -> None:
    if is_drawn(source, target):
        check_move(source, target)
        return

    with pytest.raises(IllegalMove) as refusal:
        check_move(source, target)

    assert refusal.value.facts == {"source": source, "target": target}


def test_no_job_stays_by_moving() -> None:
    assert not [status for status in JobStatus if status in MOVES[status]]


def test_every_status_is_live_or_final_and_not_both() -> None:
    assert sorted([*LIVE, *FINAL]) == sorted(JobStatus)
    assert set(IN_FLIGHT) < set(LIVE)


def test_every_status_can_be_reached_and_every_live_one_can_end() -> None:
    reached = {JobStatus.QUEUED}
    while more := {target for source in reached for target in MOVES[source]} - reached:
        reached |= more

    assert reached == set(JobStatus)
    assert all(set(MOVES[status]) & set(FINAL) for status in LIVE)


def test_what_is_in_flight_never_expires_unsent() -> None:
    """A backend may be working on it: only its verdict ends such a job."""
    assert not [status for status in IN_FLIGHT if JobStatus.EXPIRED in MOVES[status]]


def test_an_unknown_verdict_never_goes_back_to_the_queue() -> None:
    """It could be rendered twice and paid for once."""
    assert JobStatus.QUEUED not in MOVES[JobStatus.UNKNOWN] | MOVES[JobStatus.RUNNING]


def test_what_constraints_are_built_from_has_an_order() -> None:
    """A set differs from run to run, and `makemigrations` would see changes at random."""
    for words in (LIVE, FINAL, IN_FLIGHT):
        assert isinstance(words, tuple)


def test_the_failure_classes_are_those_of_the_contract() -> None:
    assert {failure.value for failure in FailureClass} == {
        *("backend_error", "timeout", "moderation_input", "moderation_output"),
        *("invalid_input", "canceled_queued", "canceled_running", "rejected"),
    }
