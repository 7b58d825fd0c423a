"""What a service for so many accounts needs, reckoned from what was measured. Pure.

`python -m tests.scale.model` prints the figures of docs/scale.md; a test holds the page against
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DAY_SECONDS: Final = 86_400
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Load:
    """What is supposed; nothing of it was measured.

    Attributes:
        active: of a hundred accounts so many come on a day.
        jobs, reads: of each that comes, on that day; each checks in once.
        peak: the busiest second beside the mean one.
        busy: how much of a processor may be used before waits grow.
        free: what a page of the disk has free after months of use, beside one that was just built.
        copies: of the database: itself, its standby, and one backup's worth of room.
    """

    accounts: int = 10_000_000
    active: int = 10
    jobs: int = 3
    reads: int = 20
    peak: int = 4
    busy: float = 0.6
    free: float = 1.4
    copies: int = 3


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured: `manage.py bench deeds sizes`, on 2026-11-27.

    Attributes:
        row_bytes: a row with its indexes, as dense as can be.
        own_ms, database_ms: of a processor, for each deed.
    """

    row_bytes: Mapping[str, int]
    own_ms: Mapping[str, float]
    database_ms: Mapping[str, float]


# What one thing leaves behind for ever; messages are forgotten after a week.
ACCOUNT_ROWS: Final = {"account": 1, "wallet": 1, "eventcounter": 1}
CHECK_IN_ROWS: Final = {"grant": 1, "entry": 2}  # given, and later spent or expired
JOB_ROWS: Final = {
    "job": 1,
    "attempt": 1,
    "output": 1,
    "hold": 1,
    "allocation": 1,
    "entry": 2,
    "event": 2,
}
MESSAGES_OF_JOB: Final = 3
MESSAGE_DAYS: Final = 7
# Commits of one job: ordered, rung, claimed, handed over, heard, ended.
JOB_COMMITS: Final = 6
# What happens, by the deed that was weighed for it.
JOB: Final = "an order from submit to capture"
CHECK_IN: Final = "grant"
READ: Final = "GET /v1/balance"


def daily(load: Load) -> dict[str, int]:
    """Return what happens on a day."""
    came = load.accounts * load.active // 100
    return {"came": came, "jobs": came * load.jobs, "reads": came * load.reads}


def peak(load: Load, a_day: int) -> float:
    """Return how often a thing of the day happens in its busiest second."""
    return a_day / DAY_SECONDS * load.peak


def rows_bytes(costs: Costs, rows: Mapping[str, int]) -> int:
    """Return what these rows take."""
    return sum(costs.row_bytes[name] * count for name, count in rows.items())


def reckoned(load: Load, costs: Costs) -> list[tuple[str, str]]:
    """Return each figure of the page, by its name, as it is written there."""
    days = daily(load)
    jobs, came, reads = (peak(load, days[name]) for name in ("jobs", "came", "reads"))
    own = _milliseconds(costs.own_ms, jobs=jobs, came=came, reads=reads)
    there = _milliseconds(costs.database_ms, jobs=jobs, came=came, reads=reads)
    accounts_bytes = load.accounts * rows_bytes(costs, ACCOUNT_ROWS)
    a_day = days["jobs"] * rows_bytes(costs, JOB_ROWS)
    a_day += days["came"] * rows_bytes(costs, CHECK_IN_ROWS)
    messages = days["jobs"] * MESSAGES_OF_JOB * MESSAGE_DAYS * costs.row_bytes["message"]
    year = (a_day * 365) * load.free
    return [
        ("jobs_a_day", f"{days['jobs']:,}"),
        ("jobs_peak", f"{jobs:.0f}"),
        ("check_ins_peak", f"{came:.0f}"),
        ("reads_peak", f"{reads:.0f}"),
        ("commits_peak", f"{jobs * JOB_COMMITS + came:.0f}"),
        ("entries_peak", f"{jobs * JOB_ROWS['entry'] + came:.0f}"),
        ("own_cores", f"{own / 1000 / load.busy:.1f}"),
        ("database_cores", f"{there / 1000 / load.busy:.1f}"),
        # By Little's law: how many come in a second, times how long each takes.
        ("at_once", f"{(own + there) / 1000:.0f}"),
        ("accounts_disk", f"{accounts_bytes * load.free / _GIB:.0f}"),
        ("messages_disk", f"{messages * load.free / _GIB:.0f}"),
        ("year_disk", f"{year / _GIB:,.0f}"),
        ("year_copies", f"{year * load.copies / _GIB:,.0f}"),
        ("month_of_entries", f"{_entries_of_month(load, costs) / _GIB:.0f}"),
        ("redis", f"{days['jobs'] / DAY_SECONDS * load.peak * MESSAGES_OF_JOB:.0f}"),
    ]


def _milliseconds(costs: Mapping[str, float], *, jobs: float, came: float, reads: float) -> float:
    """Return what the busiest second takes of processors."""
    return jobs * costs[JOB] + came * costs[CHECK_IN] + reads * costs[READ]


def _entries_of_month(load: Load, costs: Costs) -> float:
    days = daily(load)
    rows = days["jobs"] * JOB_ROWS["entry"] + days["came"] * CHECK_IN_ROWS["entry"]
    return rows * 30 * costs.row_bytes["entry"] * load.free


MEASURED: Final = Costs(
    row_bytes={
        "account": 345,
        "wallet": 532,
        "eventcounter": 202,
        "grant": 727,
        "entry": 664,
        "hold": 519,
        "allocation": 453,
        "job": 1084,
        "attempt": 632,
        "output": 577,
        "event": 375,
        "message": 347,
    },
    own_ms={
        "GET /v1/balance": 1.86,
        "hold": 0.88,
        "hold and capture": 1.63,
        "submit": 3.54,
        "an order from submit to capture": 22.62,
        "grant": 1.95,
    },
    database_ms={
        "GET /v1/balance": 0.36,
        "hold": 1.04,
        "hold and capture": 2.16,
        "submit": 2.80,
        "an order from submit to capture": 14.19,
        "grant": 1.42,
    },
)


def main() -> None:
    """Print every figure."""
    for name, figure in reckoned(Load(), MEASURED):
        print(f"{name:<20}{figure:>14}")  # noqa: T201 (it is for that)


if __name__ == "__main__":
    main()
