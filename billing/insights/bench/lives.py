"""What accounts of the bench have lived through, step by step, and how SQL chains it. Pure.

Each of two lives has ten entries: in one all jobs come out, in the other none does, and credits
are given for each that failed. The chain is computed by SQL as `journal.chain` computes it; the
audit, which asks that, says whether it is the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from billing.ledger.journal import Kind
from plans.credits import MICROS

JOBS: Final = 3
ENTRIES: Final = 1 + 3 * JOBS
GIVEN_MICROS: Final = 10 * MICROS
HELD_MICROS: Final = 3 * MICROS
SPENT_MICROS: Final = 2 * MICROS
GOODWILL_MICROS: Final = MICROS
_GENESIS: Final = "'\\x" + "00" * 32 + "'::bytea"


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a life.

    Attributes:
        grant: which of the account's grants, from 0 on.
        job: for which of its jobs, from 1 on; 0: for none.
        available_micros, held_micros: the wallet's balances afterwards.
    """

    kind: Kind
    micros: int
    grant: int
    job: int
    available_micros: int
    held_micros: int


def life(*, fails: bool) -> list[Step]:
    """Return the entries of an account whose jobs all fail, or none does, in their order."""
    steps, available, held = [], 0, 0
    for kind, micros, grant, job in _moves(fails=fails):
        if kind in {Kind.GRANT, Kind.RELEASE}:
            available += micros
        if kind is Kind.HOLD:
            available, held = available - micros, held + micros
        if kind in {Kind.CAPTURE, Kind.RELEASE}:
            held -= micros
        steps.append(Step(kind, micros, grant, job, available, held))
    assert len(steps) == ENTRIES
    return steps


def _moves(*, fails: bool) -> Iterator[tuple[Kind, int, int, int]]:
    yield Kind.GRANT, GIVEN_MICROS, 0, 0
    for job in range(1, JOBS + 1):
        yield Kind.HOLD, HELD_MICROS, 0, job
        if fails:
            yield Kind.RELEASE, HELD_MICROS, 0, job
        else:
            yield Kind.CAPTURE, SPENT_MICROS, 0, job
            yield Kind.RELEASE, HELD_MICROS - SPENT_MICROS, 0, job
    if fails:
        for job in range(1, JOBS + 1):
            yield Kind.GRANT, GOODWILL_MICROS, job, 0


def key(prefix: str, number: str) -> str:
    """Return the SQL of an id: of the account's instant, and with a number in place of chance."""
    return f"'{prefix}_' || t || lpad(({number})::text, 25, '0')"


# How the rows of an account are numbered; `a` counts accounts, and `j` their jobs.
KEYS: Final[Mapping[str, str]] = {
    "account": key("acc", "a"),
    "wallet": key("wa", "a"),
    "hold": key("ho", f"a * {JOBS} + j"),
    "job": key("job", f"a * {JOBS} + j"),
    "attempt": key("at", f"a * {JOBS} + j"),
}


def grant_key(place: object) -> str:
    """Return the SQL of the id of one of an account's grants."""
    return key("gr", f"a * {JOBS + 1} + {place}")


def entry_key(seq: object) -> str:
    """Return the SQL of the id of one of an account's entries."""
    return key("en", f"a * {ENTRIES} + {seq}")


def chained(accounts: str) -> str:
    """Return SQL that adds to accounts what their entries' digests are, in order.

    Args:
        accounts: SQL of rows of a (their number), at, t (the digits of it), and fails.
    """
    wallet = KEYS["wallet"]
    told = "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'"
    sql = f"SELECT *, {wallet} AS w, {told} AS told, {_GENESIS} AS d0 FROM ({accounts}) AS first"  # noqa: S608 (SQL of our own pieces)
    for seq, (good, bad) in enumerate(zip(life(fails=False), life(fails=True), strict=True), 1):
        facts = f"CASE WHEN fails THEN {_facts(seq, bad)} ELSE {_facts(seq, good)} END"
        digest = f"sha256(d{seq - 1} || convert_to({facts}, 'UTF8'))"
        # OFFSET 0 keeps each digest from being computed anew for all that come after it.
        sql = f"SELECT *, {digest} AS d{seq} FROM ({sql}) AS one OFFSET 0"  # noqa: S608 (as above)
    digests = ", ".join(f"d{seq}" for seq in range(1, ENTRIES + 1))
    return f"SELECT a, at, t, fails, ARRAY[{digests}] AS digests FROM ({sql}) AS whole"  # noqa: S608 (as above)


def _facts(seq: int, step: Step) -> str:
    """Return the SQL of an entry's facts as they are chained: see `journal.facts_of`."""
    hold, cause = "'null'", '\'"operator","bench"\''
    if step.job:
        hold = f"'\"' || {_of_job('hold', step.job)} || '\"'"
        cause = f"'\"job\",\"' || {_of_job('job', step.job)} || '\"'"
    return (
        f'\'["\' || w || \'",{seq},"{step.kind}",{step.micros},"\' || {grant_key(step.grant)}'
        f" || '\",' || {hold} || ',{step.available_micros},{step.held_micros},' || {cause}"
        ' || \',"system","bench","\' || told || \'"]\''
    )


def _of_job(name: str, job: int) -> str:
    return KEYS[name].replace("+ j", f"+ {job}")
