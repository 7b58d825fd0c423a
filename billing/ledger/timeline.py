"""A wallet as a timeline: what has come due, what may be spent, what goes back. Pure.

Integers and instants only: no Django, no clock, no I/O. The same code answers for the
present, the past and the future, and runs a sandbox's clock.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from billing.ledger.errors import InsufficientCredits
from billing.ledger.journal import PATHS, SYSTEM, Actor, Bucket, Cause, Kind, Movement
from plans import periods
from plans.burn_order import Rank

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a window that never ends


@dataclass(slots=True)
class Lot:
    """What is left of one grant. `expires_at` None means never; ends are exclusive."""

    id: str
    source: str
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    pending_micros: int = 0
    available_micros: int = 0
    held_micros: int = 0


@dataclass(slots=True)
class Schedule:
    """An automatic allowance: `amount_micros` at the start of each window, from `next_at` on."""

    id: str
    code: str
    cadence: str
    zone: str
    anchor_at: datetime
    amount_micros: int
    source: str
    priority: int
    expiry: str
    next_at: datetime | None  # None: nothing more comes
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Issue:
    """A grant that does not stand in the database yet: what its row will say beside the lot."""

    lot: Lot
    amount_micros: int
    fact: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A share of one grant: `amount_micros` of the lot `grant_id`."""

    grant_id: str
    amount_micros: int


@dataclass(slots=True)
class Timeline:
    """One wallet in memory, from the last entry on.

    Attributes:
        instant: every movement so far counts at or before it.
        given: facts of allowances that were granted before; a window is never given twice.
        movements, issues: what has happened here and is not yet written.
    """

    available_micros: int
    held_micros: int
    instant: datetime
    lots: dict[str, Lot]
    schedules: list[Schedule]
    new_id: Callable[[], str]
    given: set[str] = field(default_factory=set)
    movements: list[Movement] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def settle(self, now: datetime) -> None:
        """Bring everything that has come due by `now` into the movements, in its own order.

        Afterwards no lot is effective-but-pending or expired-but-available at `now`, and no
        schedule is behind. At one instant an expiry counts before a new grant.
        """
        while (due := self.due_at()) is not None and due <= now:
            self.instant = max(self.instant, due)
            for lot in list(self.lots.values()):
                self._expire(lot, due)
            for lot in list(self.lots.values()):
                self._begin(lot, due)
            for schedule in self.schedules:
                if schedule.next_at is not None and schedule.next_at <= due:
                    self._give(schedule, schedule.next_at, now)
        self.instant = max(self.instant, now)

    def due_at(self) -> datetime | None:
        """Return the next instant at which anything changes by itself; None: never."""
        instants = [lot.effective_at for lot in self.lots.values() if lot.pending_micros]
        instants += [
            lot.expires_at
            for lot in self.lots.values()
            if lot.expires_at is not None and lot.available_micros
        ]
        instants += [one.next_at for one in self.schedules if one.next_at is not None]
        return min(instants, default=None)

    def grant(self, issue: Issue, *, cause: Cause, actor: Actor) -> None:
        """Add a grant; its credits count from its `effective_at`, at once when that is past."""
        lot = issue.lot
        assert issue.amount_micros > 0
        assert lot.id not in self.lots
        lot.pending_micros = issue.amount_micros
        self.lots[lot.id] = lot
        self.issues.append(issue)
        if lot.effective_at <= self.instant:
            self._move(Kind.GRANT, lot, issue.amount_micros, cause, actor)

    def hold(
        self,
        *,
        hold_id: str,
        amount_micros: int,
        rank: Callable[[Lot], Rank],
        cause: Cause,
        actor: Actor,
    ) -> list[Part]:
        """Set `amount_micros` aside, lot by lot in the burn order `rank`.

        Raises:
            InsufficientCredits: the free lots fall short; nothing has moved.
        """
        assert amount_micros > 0
        if self.available_micros < amount_micros:
            raise InsufficientCredits(
                need_micros=amount_micros, available_micros=self.available_micros
            )
        parts = self.would_use(amount_micros, rank=rank)
        for part in parts:
            self._move(
                Kind.HOLD, self.lots[part.grant_id], part.amount_micros, cause, actor, hold_id
            )
        return parts

    def would_use(self, amount_micros: int, *, rank: Callable[[Lot], Rank]) -> list[Part]:
        """Return which lots would pay `amount_micros`, as far as they reach; nothing moves."""
        parts, missing = [], amount_micros
        for lot in sorted(self.lots.values(), key=rank):
            share = min(lot.available_micros, missing)
            if share:
                parts.append(Part(lot.id, share))
                missing -= share
        return parts

    def resolve(
        self,
        *,
        hold_id: str,
        parts: Iterable[Part],
        capture_micros: int,
        cause: Cause,
        actor: Actor,
    ) -> None:
        """End a hold: capture the first `capture_micros` of its parts, give the rest back.

        What goes back to a grant that has expired meanwhile lapses: it is expired, not free.
        """
        missing = capture_micros
        for part in parts:
            lot = self.lots[part.grant_id]
            taken = min(part.amount_micros, missing)
            missing -= taken
            if taken:
                self._move(Kind.CAPTURE, lot, taken, cause, actor, hold_id)
            if rest := part.amount_micros - taken:
                gone = lot.expires_at is not None and lot.expires_at <= self.instant
                kind = Kind.LAPSE if gone else Kind.RELEASE
                self._move(kind, lot, rest, cause, actor, hold_id)
        assert missing == 0, "a capture never exceeds its hold"

    # -- what happens by itself --------------------------------------------------------------

    def _expire(self, lot: Lot, due: datetime) -> None:
        if lot.expires_at is not None and lot.expires_at <= due and lot.available_micros:
            self._move(Kind.EXPIRE, lot, lot.available_micros, Cause("expiry", lot.id), SYSTEM)

    def _begin(self, lot: Lot, due: datetime) -> None:
        if lot.pending_micros and lot.effective_at <= due:
            self._move(Kind.GRANT, lot, lot.pending_micros, Cause("allowance", lot.id), SYSTEM)

    def _give(self, schedule: Schedule, at: datetime, now: datetime) -> None:
        """Grant the schedule's window at `at`; windows that nobody saw and are over are skipped.

        A wallet that slept for a hundred days wakes with today's credits, not with a hundred
        grants that expired unseen.
        """
        window = window_of(schedule.cadence, schedule.zone, schedule.anchor_at, at)
        if window.ends_at <= now and schedule.expiry == "window_end":
            latest = window_of(schedule.cadence, schedule.zone, schedule.anchor_at, now)
            schedule.next_at = _within(schedule, latest.starts_at)
            return
        schedule.next_at = _within(schedule, window.ends_at)
        fact = fact_of(schedule.code, window)
        if fact in self.given:
            return
        self.given.add(fact)
        lot = Lot(
            id=self.new_id(),
            source=schedule.source,
            priority=schedule.priority,
            effective_at=self.instant,
            expires_at=expiry_of(schedule.expiry, window, self.instant),
        )
        self.grant(
            Issue(lot, schedule.amount_micros, fact),
            cause=Cause("allowance", schedule.id),
            actor=SYSTEM,
        )

    def _move(
        self,
        kind: Kind,
        lot: Lot,
        amount_micros: int,
        cause: Cause,
        actor: Actor,
        hold_id: str | None = None,
    ) -> None:
        source, target = PATHS[kind]
        self._change(lot, source, -amount_micros)
        self._change(lot, target, amount_micros)
        self.movements.append(
            Movement(
                kind=kind,
                grant_id=lot.id,
                hold_id=hold_id,
                amount_micros=amount_micros,
                available_after_micros=self.available_micros,
                held_after_micros=self.held_micros,
                cause=cause,
                actor=actor,
                effective_at=self.instant,
            )
        )

    def _change(self, lot: Lot, bucket: Bucket, delta_micros: int) -> None:
        if bucket == Bucket.ISSUED:
            lot.pending_micros += delta_micros
            assert lot.pending_micros >= 0
        elif bucket == Bucket.AVAILABLE:
            lot.available_micros += delta_micros
            self.available_micros += delta_micros
            assert lot.available_micros >= 0
        elif bucket == Bucket.HELD:
            lot.held_micros += delta_micros
            self.held_micros += delta_micros
            assert lot.held_micros >= 0


def window_of(cadence: str, zone: str, anchor_at: datetime, at: datetime) -> periods.Window:
    """Return the window of an allowance that holds the instant `at`."""
    if cadence == "daily":
        return periods.daily_window(zone, at)
    if cadence == "monthly":
        return periods.monthly_window(zone, anchor_at, at)
    assert cadence == "once", cadence
    return periods.Window(key="once", starts_at=anchor_at, ends_at=FOREVER)


def expiry_of(expiry: str, window: periods.Window, granted_at: datetime) -> datetime | None:
    """Return the instant from which a grant made in `window` is gone; None: it stays."""
    if expiry == "never":
        return None
    if expiry == "window_end":
        return window.ends_at
    return periods.add_period(granted_at, expiry)


def fact_of(code: str, window: periods.Window) -> str:
    """Return the business fact that makes an allowance's grant unique in its wallet.

    The code of a monthly allowance names its plan; a day's credits, and those that come once,
    are the account's. Going from plan to plan and back brings none of them twice.
    """
    return f"allowance:{code}:{window.key}"


def _within(schedule: Schedule, next_at: datetime) -> datetime | None:
    """Return `next_at`, or None once the schedule has ended or its only window is given."""
    ended = schedule.ends_at is not None and next_at >= schedule.ends_at
    return None if ended or next_at >= FOREVER else next_at
