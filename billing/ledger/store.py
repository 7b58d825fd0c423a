"""The hot path's statements: lock and load a wallet, and write what its timeline did.

One statement locks and tells the time, two load what is alive (a third where an allowance has
come due, and one where units are counted), and one writes all entries and sums. The rules stay
in `timeline`; nothing here decides.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from billing.http.requests import request_id
from billing.ids import new_id
from billing.ledger import statements
from billing.ledger.counting import Use
from billing.ledger.lots import Lot
from billing.ledger.models import Allowance, CountedUse, Grant, Wallet
from billing.ledger.schedules import Schedule
from billing.ledger.timeline import Timeline
from plans.catalog.allowances import Allowance as AllowanceTerms
from plans.catalog.matching import read_match
from plans.catalog.schema import Catalog

_GIVEN_OF_LATE: Final = timedelta(days=70)
_A_YEAR_OF_LATE: Final = timedelta(days=800)


@dataclass(slots=True)
class LockedWallet:
    """A wallet whose row this transaction holds, settled to `now` in memory.

    Attributes:
        now: the lock's instant, the only clock of money.
        due_at, planned: when the wallet changes next, and when each allowance gives next, as
            it stands in the rows, which may be older than what the timeline says.
        catalog: whose rules count for what is done now, such as the one for expired grants.
        timeline: what the wallet is and what happens to it; `write` makes it lasting.
    """

    id: str
    account_id: str
    now: datetime
    seq: int
    digest: bytes
    timeline: Timeline
    due_at: datetime | None
    planned: dict[str, datetime | None]
    catalog: Catalog

    @property
    def is_written(self) -> bool:
        """Whether the rows say what the timeline says."""
        timeline = self.timeline
        return (
            not timeline.movements
            and timeline.due_at() == self.due_at
            and _planned(timeline) == self.planned
        )


def lock(account_id: str, *, catalog: Catalog) -> LockedWallet | None:
    """Lock the account's wallet and load what is alive in it; None when it has none."""
    with connection.cursor() as cursor:
        cursor.execute(statements.LOCK, [account_id])
        row = cursor.fetchone()
        if row is None:
            return None
        wallet_id, available, held, seq, digest, touched_at, due_at, now = row
        timeline = _load(cursor, wallet_id, available, held, touched_at, until=now)
    planned = _planned(timeline)
    timeline.settle(now)
    return LockedWallet(
        id=wallet_id,
        account_id=account_id,
        now=now,
        seq=seq,
        digest=bytes(digest),
        timeline=timeline,
        due_at=due_at,
        planned=planned,
        catalog=catalog,
    )


def _planned(timeline: Timeline) -> dict[str, datetime | None]:
    return {schedule.id: schedule.next_at for schedule in timeline.schedules}


def load(wallet: Wallet) -> Timeline:
    """Return the wallet's timeline as it was last written, unlocked: to look, not to write.

    The balances are summed from the lots of one statement: the wallet's row was read before
    them, and somebody may have moved credits in between.
    """
    with connection.cursor() as cursor:
        timeline = _load(cursor, wallet.pk, 0, 0, wallet.touched_at, until=None)
    timeline.available_micros = sum(lot.available_micros for lot in timeline.lots.values())
    timeline.held_micros = sum(lot.held_micros for lot in timeline.lots.values())
    return timeline


def database_now() -> datetime:
    """Return the database's instant, which every wallet's clock starts from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def clock(wallet: Wallet) -> datetime:
    """Return the wallet's instant: the database's clock plus a sandbox's offset."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT GREATEST(clock_timestamp() + clock_offset, touched_at) "
            "FROM billing_wallet WHERE id = %s",
            [wallet.pk],
        )
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def write(locked: LockedWallet) -> None:
    """Make lasting what the timeline did since it was locked; a second call adds only the new.

    The entries, the grants and the wallet's sums change in one statement.
    """
    timeline = locked.timeline
    facts: dict[str, Any] = {
        "wallet": locked.id,
        "now": locked.now,
        "request": request_id(),
        "available": timeline.available_micros,
        "held": timeline.held_micros,
        "touched": timeline.instant,
        "due": timeline.due_at(),
        "p_id": [schedule.id for schedule in timeline.schedules],
        "p_next": [schedule.next_at for schedule in timeline.schedules],
    }
    facts |= statements.entries(locked)
    facts |= statements.grants(timeline)
    facts |= {"seq": locked.seq, "digest": locked.digest}
    with connection.cursor() as cursor:
        cursor.execute(statements.WRITE, facts)
    locked.due_at, locked.planned = facts["due"], _planned(timeline)
    timeline.movements.clear()
    timeline.issues.clear()
    timeline.ended.clear()


def lots_of(wallet: Wallet, grant_ids: Iterable[str]) -> list[Lot]:
    """Return the lots of these grants as they are now, whether anything is left of them or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{statements.LOT} WHERE wallet_id = %s AND id = ANY(%s)", [wallet.pk, [*grant_ids]]
        )
        return [_lot(row) for row in cursor.fetchall()]


def schedules(wallet: Wallet, *, at: datetime) -> list[Schedule]:
    """Return the allowances that the wallet had at the past instant `at`, with nothing due."""
    rows = Allowance.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=at),
        wallet=wallet,
        mode=Allowance.Mode.AUTO,
        started_at__lte=at,
    )
    return [replace(schedule(row), next_at=None) for row in rows.order_by("position", "id")]


def uses(wallet_id: str, *, since: datetime) -> list[Use]:
    """Return what was taken from windows that were not over at `since`, in order.

    What was settled by then comes as one use a window; to look back further see `each_use`.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.USES, {"wallet": wallet_id, "since": since})
        return [Use(*row) for row in cursor.fetchall()]


def each_use(wallet_id: str, *, since: datetime) -> list[Use]:
    """Return the use of each order of windows that were not over at `since`, in order."""
    rows = CountedUse.objects.filter(wallet_id=wallet_id, window_ends_at__gt=since)
    return [
        Use(*row)
        for row in rows.order_by("created_at", "id").values_list(
            *("series", "window", "window_ends_at", "units_micros"),
            *("kept_micros", "created_at", "settled_at"),
        )
    ]


def schedule(allowance: Allowance) -> Schedule:
    """Return the row as the pure core knows it."""
    return Schedule(
        id=allowance.pk,
        code=allowance.code,
        terms=_terms(json.dumps(allowance.terms)),
        zone=allowance.zone,
        anchor_at=allowance.anchor_at,
        subscription=allowance.subscription,
        next_at=allowance.next_at,
        ends_at=allowance.ends_at,
        windows_of=allowance.windows_of,
    )


def _load(
    cursor: Any,  # noqa: ANN401 (Django's cursor wrapper has no public type)
    wallet_id: str,
    available_micros: int,
    held_micros: int,
    touched_at: datetime,
    *,
    until: datetime | None,
) -> Timeline:
    """Load a timeline that will be settled to `until`; None: to whatever instant."""
    cursor.execute(statements.LOTS, [wallet_id])
    lots = {row[0]: _lot(row) for row in cursor.fetchall()}
    schedules = _schedules(cursor, wallet_id, touched_at)
    counted = any(schedule.terms.is_counted for schedule in schedules)
    return Timeline(
        available_micros=available_micros,
        held_micros=held_micros,
        instant=touched_at,
        lots=lots,
        schedules=schedules,
        given=_given(wallet_id, schedules, until),
        uses=uses(wallet_id, since=touched_at) if counted else [],
        new_id=_new_grant_id,
    )


def _lot(row: tuple[Any, ...]) -> Lot:
    *plain, series, scope, locked_while, is_bought, with_subscription, lasts, pack, again = row
    lot = Lot(*plain)
    lot.series = series
    lot.scope = read_match(scope)
    lot.locked_while = tuple(json.loads(locked_while)) if locked_while != "[]" else ()
    lot.is_bought = is_bought
    lot.with_subscription = with_subscription
    lot.lasts = lasts
    lot.pack = pack
    lot.is_returned = again
    return lot


def _schedules(
    cursor: Any,  # noqa: ANN401 (Django's cursor wrapper has no public type)
    wallet_id: str,
    at: datetime,
) -> list[Schedule]:
    cursor.execute(statements.SCHEDULES, [wallet_id, at])
    return [
        Schedule(key, code, _terms(terms), *others)
        for key, code, terms, *others in cursor.fetchall()
    ]


@lru_cache(maxsize=4096)
def _terms(text: str) -> AllowanceTerms:
    return AllowanceTerms.model_validate_json(text)


def _given(wallet_id: str, schedules: list[Schedule], until: datetime | None) -> set[str]:
    """Return the facts of what the schedules' allowances gave of late, when it will be asked.

    Of late means not long before the next window: a later zone or plan may name a day again
    that was given already, but never one of months ago; a year may be named again for a year.
    """
    coming = [one for one in schedules if one.next_at is not None]
    starts = [one.next_at for one in coming if one.next_at is not None]
    if not starts or (until is not None and min(starts) > until):
        return set()
    yearly = [one.series for one in coming if one.terms.cadence == "yearly"]
    recent = Grant.objects.filter(
        Q(effective_at__gte=min(starts) - _GIVEN_OF_LATE)
        | Q(series__in=yearly, effective_at__gte=min(starts) - _A_YEAR_OF_LATE),
        wallet_id=wallet_id,
        fact__startswith="allowance:",
    )
    return set(recent.values_list("fact", flat=True))


def _new_grant_id() -> str:
    return new_id("gr")
