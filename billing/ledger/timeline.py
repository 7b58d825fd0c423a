"""A wallet as a timeline: what has come due, what may be spent, what goes back. Pure.

Integers and instants only: no Django, no clock, no I/O. The same code answers for the
present, the past and the future, and runs a sandbox's clock.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.ledger.bounds import Automatic
from billing.ledger.counting import Counted, Use, counted_at
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.journal import SYSTEM, Actor, Cause, Kind
from billing.ledger.lots import RETURNED, Agenda, Issue, Lot, Part, Timed
from billing.ledger.moving import Balances
from billing.ledger.schedules import Schedule
from plans import periods
from plans.burn_order import Rank
from plans.catalog.values import Scalar
from plans.periods import Window


@dataclass(slots=True, kw_only=True)
class Timeline(Balances):
    """One wallet in memory, from the last entry on.

    Attributes:
        schedules: the allowances that are open, in the order of their plan.
        given: facts of allowances that were granted before; a window is never given twice.
        uses: what was taken from the windows of counted allowances.
        timed: open holds that end by themselves.
        automatic: how much is given by itself, and whether it goes on.
        issues: grants that are not yet written.
        timed_out: holds that have ended by themselves here, and are not yet written so.
    """

    schedules: list[Schedule]
    new_id: Callable[[], str]
    given: set[str] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    automatic: Automatic = field(default_factory=Automatic)
    issues: list[Issue] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)

    def settle(self, now: datetime) -> None:
        """Bring everything that has come due by `now` into the movements, in its own order.

        Afterwards no lot is effective-but-pending or expired-but-available at `now`, and no
        schedule is behind. At one instant an expiry counts before a hold's end, and that before
        a new grant.
        """
        agenda = Agenda(self.lots.values())
        while (due := self._first([agenda.next_at()])) is not None and due <= now:
            self.instant = max(self.instant, due)
            coming = agenda.pop(due)
            for lot in coming:
                if lot.is_over(due):
                    self.expire(lot, cause=Cause("expiry", lot.id), actor=SYSTEM)
            for lot in self._time_out(due):
                agenda.note(lot)
            for lot in coming:
                self._begin(lot, due)
                agenda.note(lot)
            for schedule in self._giving():
                if schedule.next_at is not None and schedule.next_at <= due:
                    given = self._give(schedule, schedule.next_at, now)
                    if given is not None:
                        agenda.note(given)
        self.instant = max(self.instant, now)

    def due_at(self) -> datetime | None:
        """Return the next instant at which anything changes by itself; None: never."""
        return self._first(
            [
                *(lot.effective_at for lot in self.lots.values() if lot.pending_micros),
                *(lot.expires_at for lot in self.lots.values() if lot.available_micros),
            ]
        )

    def grant(self, issue: Issue, *, cause: Cause, actor: Actor, pays_debts: bool = True) -> None:
        """Add a grant; its credits count from its `effective_at`, at once when that is past."""
        lot = issue.lot
        assert issue.amount_micros > 0
        assert lot.id not in self.lots
        lot.pending_micros = issue.amount_micros
        self.lots[lot.id] = lot
        self.issues.append(issue)
        if lot.effective_at <= self.instant:
            arrive = self._arrive if pays_debts else self._move
            arrive(Kind.GRANT, lot, issue.amount_micros, cause, actor)

    def pay(self, schedule: Schedule, window: Window, *, cause: Cause) -> None:
        """Give what a window brings that is paid for, however late; the caller knows it has not.

        One that is over by now lasts as long again from now on: who has paid has its credits.
        No bound stops it, for it does not come by itself.
        """
        fact = schedule.fact(window)
        assert fact not in self.given
        amount_micros = self.fill_micros(schedule, at=self.instant)
        self.given.add(fact)
        self._carry_over(schedule)
        if not amount_micros:
            return
        lot = schedule.lot(self.new_id(), window, self.instant)
        if lot.is_over(self.instant):
            lot.expires_at = self.instant + (window.ends_at - window.starts_at)
        self.grant(Issue(lot, amount_micros, fact), cause=cause, actor=SYSTEM)

    def spendable(self, facts: Mapping[str, Scalar], standing: frozenset[str]) -> list[Lot]:
        """Return the lots that may pay an order of these facts, in no order.

        Args:
            standing: how the account stands, of `lots.STANDINGS`.
        """
        return [
            lot for lot in self.lots.values() if lot.available_micros and lot.pays(facts, standing)
        ]

    def spendable_micros(self, facts: Mapping[str, Scalar], standing: frozenset[str]) -> int:
        """Return how much an order of these facts may cost at most."""
        return sum(lot.available_micros for lot in self.spendable(facts, standing))

    def locked_micros(self, standing: frozenset[str]) -> int:
        """Return how much no order at all may use while the account stands so."""
        return sum(lot.available_micros for lot in self.lots.values() if lot.is_locked(standing))

    def counted(self, at: datetime | None = None) -> list[Counted]:
        """Return the counted allowances' windows at `at`, or now, in the order of the plan."""
        return counted_at(self.schedules, self.uses, at or self.instant)

    def left_micros(self, series: str, *, at: datetime | None = None) -> int:
        """Return what is unspent of a series' credits, or will be at `at`: free, or still held.

        An order under way may give back what it holds, so that nothing is missing yet.
        """
        return sum(
            lot.available_micros + lot.held_micros
            for lot in self.lots.values()
            if lot.series == series and not lot.is_over(at or self.instant)
        )

    def fill_micros(self, schedule: Schedule, *, at: datetime) -> int:
        """Return what a window gives at `at`: all, or what is missing where it only fills up."""
        if schedule.terms.fill == "set_to":
            return max(0, schedule.amount_micros - self.left_micros(schedule.series, at=at))
        return schedule.amount_micros

    def hold(
        self,
        *,
        hold_id: str,
        amount_micros: int,
        rank: Callable[[Lot], Rank],
        facts: Mapping[str, Scalar],
        standing: frozenset[str],
        cause: Cause,
        actor: Actor,
    ) -> list[Part]:
        """Set `amount_micros` aside, lot by lot in the burn order `rank`; of 0 nothing moves.

        Raises:
            InDebt: something is owed; nothing has moved.
            InsufficientCredits: the free lots that may pay fall short; nothing has moved.
        """
        assert amount_micros >= 0
        if self.debts:
            raise InDebt(debt_micros=self.debt_micros)
        free_micros = self.spendable_micros(facts, standing)
        if free_micros < amount_micros:
            raise InsufficientCredits(
                need_micros=amount_micros,
                available_micros=free_micros,
                unusable_micros=self.available_micros - free_micros,
            )
        parts = self.would_use(amount_micros, rank=rank, facts=facts, standing=standing)
        for part in parts:
            lot = self.lots[part.grant_id]
            self._use(lot)
            self._move(Kind.HOLD, lot, part.amount_micros, cause, actor, hold_id)
        return parts

    def would_use(
        self,
        amount_micros: int,
        *,
        rank: Callable[[Lot], Rank],
        facts: Mapping[str, Scalar],
        standing: frozenset[str],
    ) -> list[Part]:
        """Return which lots would pay `amount_micros`, as far as they reach; nothing moves."""
        parts, missing = [], amount_micros
        for lot in sorted(
            self.spendable(facts, standing), key=lambda lot: rank(self._as_if_used(lot))
        ):
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
        in_flight: str = "expire",
    ) -> None:
        """End a hold: capture the first `capture_micros` of its parts, give the rest back.

        It goes back last taken first. What goes back to a grant that has ended meanwhile
        lapses: it is expired, not free; unless `in_flight` is a period, for which it is given
        anew, once, on the same terms. Above the cap of its series it expires as well.
        """
        self.timed = [hold for hold in self.timed if hold.id != hold_id]
        missing, back = capture_micros, []
        for part in parts:
            lot = self.lots[part.grant_id]
            taken = min(part.amount_micros, missing)
            missing -= taken
            if taken:
                self._move(Kind.CAPTURE, lot, taken, cause, actor, hold_id)
            if rest := part.amount_micros - taken:
                back.append((lot, rest))
        assert missing == 0, "a capture never exceeds its hold"
        self._give_back(hold_id, back, cause, actor, in_flight)

    # -- what happens by itself --------------------------------------------------------------

    def _first(self, instants: Iterable[datetime | None]) -> datetime | None:
        """Return the first of these instants and of those at which an allowance gives."""
        known = [at for at in instants if at is not None]
        known += [one.next_at for one in self._giving() if one.next_at is not None]
        known += [hold.ends_at for hold in self.timed]
        return min(known, default=None)

    def _giving(self) -> list[Schedule]:
        """Return the allowances that give by themselves: none when that was halted."""
        return [] if self.automatic.halted_at is not None else self.schedules

    def _time_out(self, due: datetime) -> list[Lot]:
        """Release the holds that end by themselves at `due`; return the lots they took from."""
        over = [hold for hold in self.timed if hold.ends_at <= due]
        for hold in over:
            cause = Cause("expiry", hold.id)
            self.resolve(
                hold_id=hold.id, parts=hold.parts, capture_micros=0, cause=cause, actor=SYSTEM
            )
            self.timed_out.append(hold.id)
        return [self.lots[part.grant_id] for hold in over for part in hold.parts]

    def _begin(self, lot: Lot, due: datetime) -> None:
        if lot.pending_micros and lot.effective_at <= due:
            self._arrive(Kind.GRANT, lot, lot.pending_micros, Cause("allowance", lot.id), SYSTEM)

    def _give(self, schedule: Schedule, at: datetime, now: datetime) -> Lot | None:
        """Grant the schedule's window at `at`; windows that are no longer felt are passed over.

        A wallet that slept for a hundred days wakes with today's credits, not with a hundred
        grants that expired unseen; where something rolls over, with all that is left by it. A
        debt feels every window: its credits pay.
        """
        first = at if self.debts else schedule.first_that_counts(at, now)
        if first > at:
            schedule.next_at = schedule.within(first)
            return None
        window = schedule.window(at)
        schedule.next_at = None if schedule.is_rolling else schedule.within(window.ends_at)
        fact = schedule.fact(window)
        unseen = not self.debts and schedule.is_over_unseen(window, at, now)
        if fact in self.given or unseen:
            return None
        amount_micros = self.fill_micros(schedule, at=self.instant)
        if amount_micros and not self.automatic.admits(self.instant):
            schedule.next_at = at  # given when somebody has looked at it
            return None
        self.given.add(fact)
        self._carry_over(schedule)
        if not amount_micros:
            return None
        lot = schedule.lot(self.new_id(), window, at)
        issue = Issue(lot, amount_micros, fact, day_at=schedule.day_at(window))
        self.grant(issue, cause=Cause("allowance", schedule.id), actor=SYSTEM)
        return lot

    def _carry_over(
        self,
        schedule: Schedule,
        *,
        before: datetime | None = None,
        at_most_micros: int | None = None,
    ) -> None:
        """Expire what is free above the cap of what may be carried over, the oldest first.

        What is held is judged when it comes back: work that crosses the edge of a window costs
        nobody what he would have had without it.

        Args:
            before: the start of a window that has begun; what that gave is not carried over.
                None: it has not given yet.
            at_most_micros: how much came back; None: all that is above.
        """
        cap_micros = schedule.terms.rollover_cap_micros
        if cap_micros is None:
            return
        own = [
            lot
            for lot in self.lots.values()
            if lot.series == schedule.series
            and lot.available_micros
            and (before is None or lot.effective_at < before)
        ]
        above = sum(lot.available_micros for lot in own) - cap_micros
        if at_most_micros is not None:
            above = min(above, at_most_micros)
        for lot in sorted(own, key=lambda lot: (lot.effective_at, lot.id)):
            if above > 0:
                gone = min(above, lot.available_micros)
                cause = Cause("rollover", schedule.id)
                self.expire(lot, cause=cause, actor=SYSTEM, amount_micros=gone)
                above -= gone

    # -- lots --------------------------------------------------------------------------------

    def _use(self, lot: Lot) -> None:
        """Begin the window of a lot, or of its series, that begins with its first use."""
        if lot.lasts and lot.expires_at is None:
            self._end_at(lot, periods.add_period(self.instant, lot.lasts))
        for schedule in self.schedules:
            waits = schedule.is_rolling and schedule.next_at is None
            # Credits of a window that is over, given anew, are no use of the present one.
            if waits and schedule.series == lot.series and not lot.is_returned:
                schedule.next_at = schedule.within(schedule.after(self.instant))

    def _as_if_used(self, lot: Lot) -> Lot:
        """Return the lot with the end that it gets by being used, for the order of burning."""
        if lot.lasts and lot.expires_at is None:
            return replace(lot, expires_at=periods.add_period(self.instant, lot.lasts))
        return lot

    def _give_back(
        self, hold_id: str, back: list[tuple[Lot, int]], cause: Cause, actor: Actor, in_flight: str
    ) -> None:
        """Return the rests of a hold to their lots, or what the rule `in_flight` makes of them."""
        for lot, rest in reversed(back):
            if not lot.is_over(self.instant):
                self._arrive(Kind.RELEASE, lot, rest, cause, actor, hold_id)
                continue
            if lot.goes_back:
                self._move(Kind.RELEASE, lot, rest, cause, actor, hold_id)
                self.expire(lot, cause=cause, actor=actor, amount_micros=rest)
                continue
            self._move(Kind.LAPSE, lot, rest, cause, actor, hold_id)
            if in_flight != "expire" and not lot.is_returned:
                issue = Issue(self._anew(lot, in_flight), rest, f"{RETURNED}{hold_id}:{lot.id}")
                self.grant(issue, cause=cause, actor=actor)
        self._keep_to_caps(back)

    def _keep_to_caps(self, back: list[tuple[Lot, int]]) -> None:
        """Let none of what came back be free again above the cap of its series."""
        for schedule in self.schedules:
            rest = sum(rest for lot, rest in back if lot.series == schedule.series)
            if rest:
                began = schedule.window(self.instant).starts_at
                self._carry_over(schedule, before=began, at_most_micros=rest)

    def _anew(self, lot: Lot, period: str) -> Lot:
        """Return an empty lot of the same kind that begins now and lasts one `period`."""
        return Lot(
            id=self.new_id(),
            source=lot.source,
            priority=lot.priority,
            effective_at=self.instant,
            expires_at=periods.add_period(self.instant, period),
            scope=lot.scope,
            locked_while=lot.locked_while,
            pack=lot.pack,
            series=lot.series,
            with_subscription=lot.with_subscription,
            is_returned=True,
        )
