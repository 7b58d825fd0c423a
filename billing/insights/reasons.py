"""Why a balance is what it is, in numbers that add up: sums by reason, from rows and forecast.

What is told is the entries, and what has come due since and nobody has written yet: the same
movements by which the ledger itself would settle the wallet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http.errors import Unavailable
from billing.ledger import living, selectors
from billing.ledger.journal import PATHS, Bucket, Kind, Movement
from billing.ledger.lots import Lot
from billing.ledger.models import Entry, Hold, Wallet
from billing.ledger.selectors import Balance
from billing.packs.api import coming_of

_TRIES: Final = 5


class Flow(StrEnum):
    """What a movement does to what a wallet has, free and set aside together."""

    CAME = "came"
    SPENT = "spent"
    REPAID = "repaid"  # paid a debt
    EXPIRED = "expired"
    TAKEN = "taken"
    MOVED = "moved"  # to another wallet


FLOWS: Final[Mapping[Kind, Flow]] = {
    Kind.GRANT: Flow.CAME,
    Kind.CAPTURE: Flow.SPENT,
    Kind.REPAY: Flow.REPAID,
    Kind.EXPIRE: Flow.EXPIRED,
    Kind.LAPSE: Flow.EXPIRED,
    Kind.REVOKE: Flow.TAKEN,
    Kind.TRANSFER: Flow.MOVED,
}
# Between free and set aside, or before it was either: the sum of both stays.
STILL: Final = (Kind.HOLD, Kind.RELEASE, Kind.WITHDRAW)
assert {*FLOWS, *STILL} == set(Kind), "every kind is told of"
assert all((Bucket.ISSUED in PATHS[kind]) == (FLOWS[kind] == Flow.CAME) for kind in FLOWS)


@dataclass(slots=True)
class Reason:
    """All that moved for one reason.

    Attributes:
        cause: the type of the entries' cause.
        what: the model that credits were spent on; of all other flows the credits' source.
        micros: what it did to the balance; below zero for what went.
        count: of what was spent, how many orders; else how many movements.
    """

    flow: Flow
    cause: str
    what: str
    micros: int
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Credits that are set aside, and for what."""

    reference: str
    micros: int


@dataclass(frozen=True, slots=True)
class Story:
    """A balance at one instant, and what led to it.

    Attributes:
        since: the instant from which on it is told; None: from the beginning.
        opening_micros: what the wallet had before that, free and set aside.
        reasons: all that came and went since, the largest of each flow first.
        held: what is set aside at the instant, the largest first.
        balance: as the ledger says it.
        is_ahead: the instant is to come: a forecast.
        halted_at: since when nothing comes by itself any more; None: it does, or this is past.
    """

    account: str
    since: datetime | None
    opening_micros: int
    reasons: tuple[Reason, ...]
    held: tuple[Held, ...]
    balance: Balance
    is_ahead: bool
    halted_at: datetime | None

    @property
    def sum_micros(self) -> int:
        """Return what the reasons add up to: what must be free."""
        moved = sum(reason.micros for reason in self.reasons)
        return self.opening_micros + moved - sum(held.micros for held in self.held)


def story(account: Account, *, as_of: datetime | None, since: datetime | None) -> Story | None:
    """Return what led to the account's balance now, at a past instant, or ahead.

    None: it has no wallet, so nothing was ever given.

    Args:
        since: tell only what counts from then on; None: from when the wallet was empty last,
            for what came before that has no part in the balance.

    Raises:
        Unavailable: the wallet moved each time that it was looked at.
    """
    for _try in range(_TRIES):
        seen = Wallet.objects.select_related("account").filter(account=account).first()
        if seen is None:
            return None
        told = _told(seen, as_of, since)
        now = Wallet.objects.filter(pk=seen.pk).values_list("seq", "touched_at", "debt_micros")
        if now.get() == (seen.seq, seen.touched_at, seen.debt_micros):
            return told  # nobody moved anything between two looks
    raise Unavailable(_("The wallet does not stand still; try again."))


def _told(wallet: Wallet, as_of: datetime | None, since: datetime | None) -> Story:
    now = selectors.instant(wallet)
    at = as_of or now
    coming = partial(coming_of, wallet.account)
    balance = selectors.balance(wallet, as_of=at, coming=coming)
    happened = [one for one in coming(at) if one.at <= at]
    ahead = living.lived(wallet, at=at, happened=happened)
    # What was written down later is in what is lived through again.
    written = Entry.objects.filter(
        wallet=wallet, seq__lte=wallet.seq, effective_at__lte=at, created_at__lte=at
    )
    cut = _cut(written, ahead.movements, since)
    movements = ahead.movements[cut.movements :]
    reasons = _reasons(wallet, cut.seq, balance.as_of) if cut.movements == 0 else {}
    for movement in movements:
        _add(reasons, movement, ahead.lots[movement.grant_id])
    return Story(
        account=wallet.account.external_id,
        since=since or cut.at,
        opening_micros=cut.micros,
        reasons=tuple(sorted(reasons.values(), key=_largest_first)),
        held=_held(wallet, balance.as_of, ahead.movements),
        balance=balance,
        is_ahead=balance.as_of > now,
        halted_at=wallet.halted_at if balance.as_of >= now else None,
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the telling begins: after the entry `seq`, or after so many unwritten movements."""

    seq: int = 0
    movements: int = 0
    at: datetime | None = None
    micros: int = 0


def _cut(written: QuerySet[Entry], movements: Sequence[Movement], since: datetime | None) -> _Cut:
    if since is not None:
        passed = sum(movement.effective_at < since for movement in movements)
        return _after(written.filter(effective_at__lt=since), movements, passed)
    totals = [one.available_after_micros + one.held_after_micros for one in movements]
    last = max((place for place, total in enumerate(totals) if total), default=None)
    if last is not None:
        empty = [place for place in range(last) if not totals[place]]
        if empty:
            return _after(written, movements, empty[-1] + 1)
    else:  # it is empty now: what emptied it is to be told
        filled = written.exclude(available_after_micros=0, held_after_micros=0)
        written = written.filter(seq__lt=filled.order_by("-seq").values("seq")[:1])
    return _after(written.filter(available_after_micros=0, held_after_micros=0), movements, 0)


def _after(before: QuerySet[Entry], movements: Sequence[Movement], passed: int) -> _Cut:
    if passed:
        last = movements[passed - 1]
        total = last.available_after_micros + last.held_after_micros
        return _Cut(movements=passed, at=last.effective_at, micros=total)
    entry = before.order_by("-seq").first()
    if entry is None:
        return _Cut()
    total = entry.available_after_micros + entry.held_after_micros
    return _Cut(seq=entry.seq, at=entry.effective_at, micros=total)


_Reasons = dict[tuple[Flow, str, str], Reason]


def _reasons(wallet: Wallet, after: int, until: datetime) -> _Reasons:
    """Sum the entries by reason; the database does it, so ten thousand are no matter."""
    found: _Reasons = {}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [wallet.pk, after, wallet.seq, until, until, [*FLOWS]])
        for kind, cause, what, micros, count, first_at, last_at in cursor.fetchall():
            part = Reason(
                FLOWS[Kind(kind)],
                cause,
                what,
                _signed(Kind(kind), int(micros)),
                count,
                first_at,
                last_at,
            )
            _merge(found, part)
    return found


_SUMS: Final = """
    SELECT e.kind, e.cause_type,
           CASE WHEN e.kind = 'capture' THEN COALESCE(j.model, '') ELSE g.source END AS what,
           sum(e.amount_micros),
           CASE WHEN e.kind = 'capture' THEN count(DISTINCT e.cause_id) ELSE count(*) END,
           min(e.effective_at), max(e.effective_at)
    FROM billing_entry e JOIN billing_grant g ON g.id = e.grant_id
    LEFT JOIN billing_job j ON e.kind = 'capture' AND e.cause_type = 'job' AND j.id = e.cause_id
    WHERE e.wallet_id = %s AND e.seq > %s AND e.seq <= %s AND e.effective_at <= %s
      AND e.created_at <= %s AND e.kind = ANY(%s)
    GROUP BY e.kind, e.cause_type, what
"""


def _add(reasons: _Reasons, movement: Movement, lot: Lot) -> None:
    """Add what nobody has written yet; none of it spends on an order."""
    if movement.kind in FLOWS:
        at = movement.effective_at
        micros = _signed(movement.kind, movement.amount_micros)
        flow = FLOWS[movement.kind]
        _merge(reasons, Reason(flow, movement.cause.type, lot.source, micros, 1, at, at))


def _merge(reasons: _Reasons, part: Reason) -> None:
    key = (part.flow, part.cause, part.what)
    known = reasons.setdefault(key, part)
    if known is not part:
        known.micros += part.micros
        known.count += part.count
        known.first_at = min(known.first_at, part.first_at)
        known.last_at = max(known.last_at, part.last_at)


def _signed(kind: Kind, micros: int) -> int:
    return micros if FLOWS[kind] == Flow.CAME else -micros


def _largest_first(reason: Reason) -> tuple[int, int, str, str]:
    return list(Flow).index(reason.flow), -abs(reason.micros), reason.cause, reason.what


def _held(wallet: Wallet, at: datetime, movements: Iterable[Movement]) -> tuple[Held, ...]:
    """Return what is set aside at `at`, hold by hold."""
    left: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SET_ASIDE, [wallet.pk, wallet.seq, at, at])
        left.update((hold_id, int(micros)) for hold_id, micros in cursor.fetchall())
    for movement in movements:
        if movement.hold_id is not None:
            source, _target = PATHS[movement.kind]
            sign = -1 if source == Bucket.HELD else 1
            left[movement.hold_id] = left.get(movement.hold_id, 0) + sign * movement.amount_micros
    open_ones = {hold_id: micros for hold_id, micros in left.items() if micros}
    names = dict(Hold.objects.filter(pk__in=open_ones).values_list("pk", "reference"))
    found = [Held(names[hold_id], micros) for hold_id, micros in open_ones.items()]
    return tuple(sorted(found, key=lambda held: (-held.micros, held.reference)))


_SET_ASIDE: Final = """
    SELECT hold_id, sum(CASE WHEN kind = 'hold' THEN amount_micros ELSE -amount_micros END)
    FROM billing_entry
    WHERE wallet_id = %s AND seq <= %s AND effective_at <= %s AND created_at <= %s
      AND hold_id IS NOT NULL
    GROUP BY hold_id
    HAVING sum(CASE WHEN kind = 'hold' THEN amount_micros ELSE -amount_micros END) <> 0
"""
