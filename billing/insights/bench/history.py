"""Gives accounts a long past in a database that is thrown away: what years of use leave behind.

The rows are copied in past the triggers, which is why only a superuser can; they are such as the
triggers would have let through, and the audit finds nothing wrong with them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db import connection

from billing.accounts.models import Account
from billing.ids import id_of, new_id
from billing.ledger.journal import GENESIS, PATHS, Actor, Cause, Kind, Movement, chain
from plans.credits import MICROS

GRANTS: Final = 4
EVERY_JOB: Final = (Kind.HOLD, Kind.CAPTURE, Kind.RELEASE)  # three credits, one of which comes back
_CREDITS: Final = {Kind.HOLD: 3, Kind.CAPTURE: 2, Kind.RELEASE: 1}
_JOBS_A_COPY: Final = 20_000
_CAUSE: Final = Cause("operator", "bench")
_ACTOR: Final = Actor("system", "bench")
_ENTRY: Final = (
    *("id", "previous_id", "wallet_id", "seq", "kind", "source", "target", "amount_micros"),
    *("grant_id", "hold_id", "available_after_micros", "held_after_micros", "cause_type"),
    *("cause_id", "actor_type", "actor_id", "request_id", "effective_at", "created_at", "digest"),
)
_HOLD: Final = (
    *("id", "wallet_id", "reference", "state", "amount_micros", "captured_micros"),
    *("created_at", "settled_at"),
)
_ALLOCATION: Final = (
    *("hold_id", "grant_id", "wallet_id", "position", "amount_micros", "created_at"),
)
Rows: TypeAlias = list[tuple[Any, ...]]


@dataclass(slots=True)
class _Past:
    """One wallet while its past is written; the attributes are its row's."""

    id: str
    grants: Sequence[str]
    now: datetime
    seq: int = 0
    last_entry_id: str = ""
    digest: bytes = GENESIS
    available_micros: int = 0
    held_micros: int = 0

    def entry(self, kind: Kind, grant: str, hold: str | None, micros: int) -> tuple[Any, ...]:
        """Return the row of the next entry, and follow it."""
        source, target = PATHS[kind]
        change = {"available": 0, "held": 0}
        for bucket, sign in ((source, -micros), (target, micros)):
            change[bucket.value] = change.get(bucket.value, 0) + sign
        self.available_micros += change["available"]
        self.held_micros += change["held"]
        movement = Movement(
            kind=kind,
            grant_id=grant,
            hold_id=hold,
            amount_micros=micros,
            available_after_micros=self.available_micros,
            held_after_micros=self.held_micros,
            cause=_CAUSE,
            actor=_ACTOR,
            effective_at=self.now,
        )
        self.seq += 1
        previous, self.last_entry_id = self.last_entry_id, _id("en", self.now)
        self.digest = chain(self.digest, wallet_id=self.id, seq=self.seq, movement=movement)
        return (
            *(self.last_entry_id, previous, self.id, self.seq),
            *(kind.value, source.value, target.value, micros, grant, hold),
            *(self.available_micros, self.held_micros, _CAUSE.type, _CAUSE.id),
            *(_ACTOR.type, _ACTOR.id, "", self.now, self.now, self.digest),
        )


def give_a_past(account: Account, *, entries: int, since: datetime, until: datetime) -> None:
    """Give an account without a wallet one with so many entries, evenly between two instants.

    Four grants come first; then jobs, each with a hold that was captured in part. Of each grant
    more than half is left.
    """
    jobs, rest = divmod(entries - GRANTS, len(EVERY_JOB))
    assert jobs >= 0, "a past begins with its grants"
    # What does not make a job more makes grants.
    past = _Past(new_id("wa"), [_id("gr", since) for _grant in range(GRANTS + rest)], since)
    given = (jobs + 1000) * 4 * MICROS
    step = (until - since) / max(1, jobs)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        _make_partitions(cursor, since, until)
        _copy(
            cursor,
            "entry",
            _ENTRY,
            [past.entry(Kind.GRANT, grant, None, given) for grant in past.grants],
        )
        for first in range(0, jobs, _JOBS_A_COPY):
            _copy_jobs(cursor, past, range(first, min(jobs, first + _JOBS_A_COPY)), step)
        _write_sums(cursor, past, account, given=given, jobs=jobs, since=since)
        cursor.execute("SET session_replication_role = DEFAULT")


def _copy_jobs(cursor: Any, past: _Past, jobs: range, step: timedelta) -> None:  # noqa: ANN401 (Django's cursor has no public type)
    entries: Rows = []
    holds: Rows = []
    allocations: Rows = []
    amount, spent = (_CREDITS[kind] * MICROS for kind in (Kind.HOLD, Kind.CAPTURE))
    for number in jobs:
        grant, hold = past.grants[number % len(past.grants)], _id("ho", past.now)
        entries += [past.entry(kind, grant, hold, _CREDITS[kind] * MICROS) for kind in EVERY_JOB]
        holds.append((hold, past.id, hold, "captured", amount, spent, past.now, past.now))
        allocations.append((hold, grant, past.id, 0, amount, past.now))
        past.now += step
    _copy(cursor, "entry", _ENTRY, entries)
    _copy(cursor, "hold", _HOLD, holds)
    _copy(cursor, "allocation", _ALLOCATION, allocations)


def _write_sums(
    cursor: Any,  # noqa: ANN401 (as above)
    past: _Past,
    account: Account,
    *,
    given: int,
    jobs: int,
    since: datetime,
) -> None:
    """Write the wallet and its grants as their entries left them."""
    cursor.execute(
        "INSERT INTO billing_wallet (id, account_id, is_sandbox, available_micros, held_micros,"
        " debt_micros, timed_holds, automatic_count, seq, last_entry_id, digest, touched_at,"
        " clock_offset, created_at) VALUES (%s, %s, true, %s, 0, 0, 0, 0, %s, %s, %s, %s, '0', %s)",
        [
            *(past.id, account.pk, past.available_micros, past.seq, past.last_entry_id),
            *(past.digest, past.now, since),
        ],
    )
    for place, grant in enumerate(past.grants):
        spent = len(range(place, jobs, len(past.grants))) * _CREDITS[Kind.CAPTURE] * MICROS
        cursor.execute(
            "INSERT INTO billing_grant (id, wallet_id, source, fact, reason, priority, series,"
            " pack, scope, locked_while, with_subscription, goes_back, lasts, streak_days,"
            " paid_micros, paid_currency, amount_micros, pending_micros, available_micros,"
            " held_micros, captured_micros, expired_micros, revoked_micros, transferred_micros,"
            " effective_at, created_at) VALUES (%s, %s, 'bench', %s, '', 100, '', '', '{}', '[]',"
            " false, false, '', 0, 0, '', %s, 0, %s, 0, %s, 0, 0, 0, %s, %s)",
            [grant, past.id, f"bench:{place}", given, given - spent, spent, since, since],
        )


def _make_partitions(cursor: Any, since: datetime, until: datetime) -> None:  # noqa: ANN401 (as above)
    cursor.execute(
        "SELECT billing_make_partition(month::date) FROM generate_series("
        "date_trunc('month', %s AT TIME ZONE 'UTC'), %s AT TIME ZONE 'UTC', '1 month') AS month",
        [since, until],
    )


def _copy(cursor: Any, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:  # noqa: ANN401 (as above)
    with cursor.copy(f"COPY billing_{table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _id(prefix: str, at: datetime) -> str:
    return id_of(prefix, (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
