"""The balances of a wallet in memory, and what may happen to a lot: one movement each. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from billing.ledger.debts import Owed, pay
from billing.ledger.journal import PATHS, SYSTEM, Actor, Bucket, Cause, Kind, Movement
from billing.ledger.lots import Lot


@dataclass(slots=True, kw_only=True)
class Balances:
    """What a wallet has and owes, and what moved.

    Attributes:
        instant: every movement so far counts at or before it.
        debts: what is owed, the oldest first.
        movements: what has happened here and is not yet written.
        ended: lots whose end was drawn here, and is not yet written.
    """

    available_micros: int
    held_micros: int
    instant: datetime
    lots: dict[str, Lot]
    debts: list[Owed] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)

    @property
    def debt_micros(self) -> int:
        """What is owed in all."""
        return sum(debt.missing_micros for debt in self.debts)

    def expire(
        self, lot: Lot, *, cause: Cause, actor: Actor, amount_micros: int | None = None
    ) -> None:
        """Take what is free of a lot, or `amount_micros` of it, because its time is over.

        What was only lent to this wallet goes back to where it came from instead.
        """
        if gone := lot.available_micros if amount_micros is None else amount_micros:
            self._move(Kind.TRANSFER if lot.goes_back else Kind.EXPIRE, lot, gone, cause, actor)

    def revoke(
        self, lot: Lot, *, cause: Cause, actor: Actor, amount_micros: int | None = None
    ) -> int:
        """Take back what is free of a lot, or at most `amount_micros`; return how much it was.

        What has not begun yet is withdrawn first.
        """
        most = lot.pending_micros + lot.available_micros
        wanted = most if amount_micros is None else min(most, amount_micros)
        if early := min(lot.pending_micros, wanted):
            self._move(Kind.WITHDRAW, lot, early, cause, actor)
        if taken := wanted - early:
            self._move(Kind.REVOKE, lot, taken, cause, actor)
        return wanted

    def transfer(self, lot: Lot, amount_micros: int, *, cause: Cause, actor: Actor) -> None:
        """Take `amount_micros` of what is free of a lot out of this wallet, into another."""
        assert 0 < amount_micros <= lot.available_micros
        self._move(Kind.TRANSFER, lot, amount_micros, cause, actor)

    def set_aside(
        self, lot: Lot, amount_micros: int, *, hold_id: str, cause: Cause, actor: Actor
    ) -> None:
        """Set `amount_micros` of what is free of a lot aside. It is not used: no window begins."""
        assert 0 < amount_micros <= lot.available_micros
        self._move(Kind.HOLD, lot, amount_micros, cause, actor, hold_id)

    def forfeit(
        self, lot: Lot, amount_micros: int, *, hold_id: str, cause: Cause, actor: Actor
    ) -> None:
        """Take back what a hold has of a lot; it is free for no instant, so that it pays no debt.

        What is of a lot that has ended meanwhile lapses.
        """
        if lot.is_over(self.instant):
            self._move(Kind.LAPSE, lot, amount_micros, cause, actor, hold_id)
            return
        self._move(Kind.RELEASE, lot, amount_micros, cause, actor, hold_id)
        self._move(Kind.REVOKE, lot, amount_micros, cause, actor)

    def end(self, lot: Lot) -> None:
        """Draw the end of a lot to this instant: what comes back to it later lapses."""
        if not lot.is_over(self.instant):
            self._end_at(lot, self.instant)

    def _end_at(self, lot: Lot, at: datetime) -> None:
        assert lot.expires_at is None or at < lot.expires_at, "an end only comes nearer"
        lot.expires_at = self.ended[lot.id] = at

    def _arrive(
        self,
        kind: Kind,
        lot: Lot,
        amount_micros: int,
        cause: Cause,
        actor: Actor,
        hold_id: str | None = None,
    ) -> None:
        """Let credits be free, by a grant or a release; what is owed is paid of them at once.

        What was only lent to this wallet pays none of its debts.
        """
        self._move(kind, lot, amount_micros, cause, actor, hold_id)
        if not self.debts or lot.goes_back:
            return
        first = [debt for debt in self.debts if debt.id in lot.pays_first]
        others = [debt for debt in self.debts if debt.id not in lot.pays_first]
        for debt, share in pay(first + others, lot.available_micros):
            self._move(Kind.REPAY, lot, share, Cause("debt", debt.id), SYSTEM)
        self.debts = [debt for debt in self.debts if debt.missing_micros]

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
