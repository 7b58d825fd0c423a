"""The life of a generation job. Pure: the table is the specification.

queued ⇄ dispatched ──► running ──► succeeded
  │          │   └──────────┼─────► failed
  │          └─► unknown ◄──┤
  ├─► canceled ◄────────────┘        unknown ──► running, or any end
  ├─► failed
  └─► expired
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from billing.jobs.errors import IllegalMove


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # credits held, nothing sent, or provably nothing received
    DISPATCHED = "dispatched"  # an attempt is being handed over, or was taken
    RUNNING = "running"  # the backend says that it works on it
    UNKNOWN = "unknown"  # the backend's verdict is being sought; the hold stays
    SUCCEEDED = "succeeded"  # hold captured
    FAILED = "failed"  # hold settled by the failure policy
    CANCELED = "canceled"  # hold settled by the failure policy
    EXPIRED = "expired"  # hold released: it was never sent in time


MOVES: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.QUEUED: frozenset(
        {JobStatus.DISPATCHED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.EXPIRED}
    ),
    JobStatus.DISPATCHED: frozenset(
        {
            JobStatus.QUEUED,  # the backend provably did not take it
            JobStatus.RUNNING,
            JobStatus.UNKNOWN,
            JobStatus.SUCCEEDED,
            JobStatus.FAILED,
            JobStatus.CANCELED,
        }
    ),
    JobStatus.RUNNING: frozenset(
        {JobStatus.UNKNOWN, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED}
    ),
    JobStatus.UNKNOWN: frozenset(
        {JobStatus.RUNNING, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED}
    ),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
    JobStatus.EXPIRED: frozenset(),
}
# Tuples, not sets: constraints are built from them, and sets have no stable order.
FINAL: Final = tuple(status for status in JobStatus if not MOVES[status])
LIVE: Final = tuple(status for status in JobStatus if MOVES[status])
IN_FLIGHT: Final = (JobStatus.DISPATCHED, JobStatus.RUNNING, JobStatus.UNKNOWN)

# The outcomes of attempts that no backend has taken: names of the protocol's errors.
NEVER_TAKEN: Final = ("Unmakeable", "NotSent", "AtCapacity", "AuthError", "rejected", "never_ran")

assert set(MOVES) == set(JobStatus), "every status needs a row"


class FailureClass(StrEnum):
    """Why a job did not succeed; the catalog prices each class."""

    BACKEND_ERROR = "backend_error"
    TIMEOUT = "timeout"
    MODERATION_INPUT = "moderation_input"
    MODERATION_OUTPUT = "moderation_output"
    INVALID_INPUT = "invalid_input"
    CANCELED_QUEUED = "canceled_queued"
    CANCELED_RUNNING = "canceled_running"
    REJECTED = "rejected"


def check_move(source: JobStatus, target: JobStatus) -> None:
    """Raise `IllegalMove` unless the table allows `source` to become `target`."""
    if target not in MOVES[source]:
        raise IllegalMove(source=source, target=target)
