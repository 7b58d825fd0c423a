"""One wallet's random life, next to its model."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any, Final

from django.db import connection

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger import services as ledger
from billing.ledger.errors import AmountOutOfRange, InDebt, InsufficientCredits
from billing.ledger.models import Grant, Hold
from billing.ledger.services import Cause, GrantTerms, LockedWallet, Sending
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import ModelWallet, living
from tests.ledger.model_lots import ModelLot

JOB: Final = Cause("job", "job_night")
IN_FLIGHT: Final = timedelta(hours=7)
_LIVE: Final = """
    SELECT w.available_micros, w.held_micros, w.debt_micros, g.id, g.fact,
           g.available_micros + g.pending_micros, g.held_micros
    FROM billing_wallet AS w
    LEFT JOIN billing_grant AS g ON g.wallet_id = w.id
        AND (g.pending_micros > 0 OR g.available_micros > 0 OR g.held_micros > 0)
    WHERE w.account_id = %s
"""


class Difference(Exception):
    """The wallet is not what its model is."""


class Life:
    """A sandbox wallet and its model; `live` does the same to both."""

    def __init__(self, name: str, random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self.account: Account = factories.new_account(name)
        factories.settle(self.account)
        opened_at = factories.wallet_of(self.account).created_at
        self._partner: Account = factories.new_account(f"{name}-partner")
        factories.settle(self._partner)
        self._model = ModelWallet(opened_at, MICROS, IN_FLIGHT)
        self._random = random
        self._catalog = plans.current().catalog
        self._names: dict[str, str] = {}  # of grants, by id, as the model calls them
        self._holds: list[Hold] = []
        self._draws: list[str] = []
        self._numbers = 0
        self._past: list[tuple[datetime, tuple[int, int, int]]] = []
        self._acts: dict[Callable[[LockedWallet], None], int] = {
            self._give: 20,
            self._hold: 30,
            self._end: 28,
            self._claim: 4,
            self._draw: 5,
            self._end_draw: 4,
            self._owe: 2,
            self._claw_back: 2,
            self._send: 2,
            self._lend: 2,
            self._more: 2,
        }

    def live(self, number: int) -> None:
        """Let time pass, do `number` things, and compare; in the caller's transaction.

        Raises:
            Difference: wallet and model differ.
        """
        if self._random.random() < 0.6:
            self._pass_time()
            number -= 1
        locked = ledger.lock_wallet(self.account, catalog=self._catalog)
        self._model.settle(locked.now)
        ledger.settle(locked)
        self._follow()
        if self._random.random() < 0.1:  # first: what has ended is not held at that very instant
            self._unsubscribe(locked)
        acts, weights = zip(*self._acts.items(), strict=True)
        for act in self._random.choices(acts, weights, k=number):
            act(locked)
            self.counts[act.__name__.strip("_")] += 1
        self._compare()
        self._past.append((locked.now, self._sums()))

    def _pass_time(self) -> None:
        """Let hours or weeks pass; sometimes look back, or ahead, first."""
        hours = self._random.choice([1, 2, 5, 11, 17, 24, 30, 30, 100, 24 * 45])
        self.counts["time"] += 1
        if self._past and self._random.random() < 0.03:
            at, then = self._random.choice(self._past)
            self._must_be(self._told(at), then, f"as of {at}")
        factories.later(self.account, timedelta(hours=hours))

    def _give(self, locked: LockedWallet) -> None:
        number, now = self._number(), locked.now
        begins_at = now + self._some_hours(9) if self._random.random() < 0.3 else now
        ends_at = begins_at + self._some_hours(60) if self._random.random() < 0.7 else None
        scope = self._random.choice([{}, {}, {"surface": "web"}, {"surface": "web", "model": "m"}])
        locks = self._random.choice([(), (), ("past_due",), ("unsubscribed",)])
        micros = self._random.randint(1, 500 * MICROS)
        terms = GrantTerms(
            amount_micros=micros,
            source="night",
            fact=f"night:{number}",
            priority=10 + number,
            effective_at=begins_at,
            expires_at=ends_at,
            scope={name: (value,) for name, value in scope.items()},
            locked_while=locks,
        )
        grant = ledger.grant(
            locked, terms, cause=Cause("operator", "grace"), actor=factories.OPERATOR
        )
        self._names[grant.pk] = grant.fact
        lot = ModelLot(micros, begins_at, ends_at, 10 + number, scope, frozenset(locks))
        self._model.give(grant.fact, lot)

    def _claim(self, locked: LockedWallet) -> None:
        grant = ledger.claim(locked, actor=factories.SYSTEM).grant
        if grant.fact not in self._model.lots:
            lot = ModelLot(10 * MICROS, locked.now, self._model.next_day, 6)
            self._model.give(grant.fact, lot)

    def _hold(self, locked: LockedWallet) -> None:
        facts, standing = self._order()
        usable = self._model.spendable(facts, standing)
        micros = self._random.choice([0, usable, usable // 3, usable + 1, 40 * MICROS])
        lasts = locked.now + self._some_hours(50) if self._random.random() < 0.3 else None
        refusal = InDebt if self._model.debts else InsufficientCredits
        may = not self._model.debts and micros <= usable
        try:
            held = ledger.hold(
                locked,
                amount_micros=micros,
                reference=f"night:{self._number()}",
                catalog=self._catalog,
                facts=facts,
                standing=standing,
                cause=JOB,
                actor=factories.SYSTEM,
                lasts_until=lasts,
            )
        except refusal:
            self._must_be("refused", "made" if may else "refused", f"{micros} of {usable}")
            return
        self._must_be("made", "made" if may else "refused", f"{micros} of {usable}")
        self._taken(held, facts, standing)
        self._holds.append(held)

    def _taken(self, held: Hold, facts: dict[str, str], standing: frozenset[str]) -> None:
        given = held.allocations.order_by("position").values_list("grant_id", "amount_micros")
        self._model.hold(
            held.pk,
            [(self._name(grant_id), micros) for grant_id, micros in given],
            facts=facts,
            standing=standing,
            now=held.created_at,
            ends_at=held.expires_at,
        )

    def _end(self, locked: LockedWallet) -> None:
        if not self._holds:
            return
        held = self._holds.pop(self._random.randrange(len(self._holds)))
        micros = self._random.choice([0, 1, held.amount_micros, held.amount_micros // 2])
        micros = min(micros, held.amount_micros)
        how: Any = {"hold_id": held.pk, "cause": JOB, "actor": factories.SYSTEM}
        ended = (
            ledger.capture(locked, amount_micros=micros, **how)
            if micros
            else ledger.release(locked, **how)
        )
        in_time = self._model.end(held.pk, micros, locked.now)
        self._follow()
        self._must_be(ended.state != "expired", in_time, f"hold {held.pk} was {ended.state}")

    def _more(self, locked: LockedWallet) -> None:
        facts, standing = self._order()
        usable = 0 if self._model.debts else self._model.spendable(facts, standing)
        wanted = self._random.choice([0, usable // 2, usable + 5])
        reference = f"night:{self._number()}:overrun"
        taken = ledger.take_more(
            locked,
            reference=reference,
            amount_micros=wanted,
            catalog=self._catalog,
            facts=facts,
            standing=standing,
            cause=JOB,
            actor=factories.SYSTEM,
        )
        self._must_be(taken, min(usable, wanted), "what was taken beyond a hold")
        if taken:
            held = Hold.objects.get(wallet_id=locked.id, reference=reference)
            self._taken(held, facts, standing)
            self._model.end(held.pk, taken, locked.now)

    def _owe(self, locked: LockedWallet) -> None:
        micros, fact = self._random.randint(1, 60 * MICROS), f"night:{self._number()}"
        ledger.owe(locked, amount_micros=micros, fact=fact, cause=JOB, actor=factories.SYSTEM)
        self._model.owe(fact, micros)

    def _claw_back(self, locked: LockedWallet) -> None:
        known = list(self._names)
        if not known:
            return
        chosen = self._random.sample(known, min(2, len(known)))
        micros, fact = self._random.randint(1, 90 * MICROS), f"refund:{self._number()}"
        clawed = ledger.claw_back(
            locked,
            grant_ids=chosen,
            amount_micros=micros,
            fact=fact,
            cause=Cause("refund", "re_night"),
            actor=factories.OPERATOR,
        )
        wanted = self._model.claw_back([self._name(one) for one in chosen], micros, fact)
        self._must_be((clawed.revoked_micros, clawed.owed_micros), wanted, "what was clawed back")

    def _send(self, locked: LockedWallet) -> None:
        usable = self._model.sendable()
        micros = self._random.choice([1, usable // 2, usable, usable + 1])
        may = not self._model.debts and 0 < micros <= usable
        sending = Sending(
            amount_micros=micros, fact=f"night:{self._number()}", standing=frozenset()
        )
        try:
            sent = ledger.transfer(locked, self._other(), sending, actor=factories.OPERATOR)
        except (AmountOutOfRange, InDebt, InsufficientCredits):
            self._must_be("refused", "sent" if may else "refused", f"{micros} of {usable}")
            return
        self._must_be("sent", "sent" if may else "refused", f"{micros} of {usable}")
        for grant_id, part in sent.parts.values_list("source_id", "amount_micros"):
            self._model.send(self._name(grant_id), part)

    def _lend(self, locked: LockedWallet) -> None:
        """Somebody lends the wallet credits until some hours later."""
        number, until = self._number(), locked.now + self._some_hours(60)
        micros, source = self._random.randint(1, 90 * MICROS), f"lent-{number}"
        terms = GrantTerms(
            amount_micros=micros, source=source, fact=f"night:{number}", priority=10 + number
        )
        lender = self._other()
        cause = Cause("operator", "grace")
        ledger.grant(lender, terms, cause=cause, actor=factories.OPERATOR)
        sending = Sending(
            amount_micros=micros,
            fact=f"night:{number}",
            standing=frozenset(),
            sources=(source,),
            is_lent=True,
            lent_until=until,
        )
        sent = ledger.transfer(lender, locked, sending, actor=factories.OPERATOR)
        grant = sent.parts.get().target
        self._names[grant.pk] = grant.fact
        lot = ModelLot(micros, grant.effective_at, until, 10 + number, is_lent=True)
        self._model.give(grant.fact, lot)

    def _other(self) -> LockedWallet:
        return ledger.lock_wallet(self._partner, catalog=self._catalog)

    def _unsubscribe(self, locked: LockedWallet) -> None:
        self.counts["unsubscribe"] += 1
        ledger.end_with_subscription(locked, cause=Cause("subscription", "sub_night"))
        self._model.unsubscribe(locked.now)

    def _draw(self, locked: LockedWallet) -> None:
        facts, _standing = self._order()
        outputs, reference = self._random.randint(1, 4), f"night:{self._number()}"
        windows = ledger.counted(locked)
        covers = ledger.cover(windows, facts=facts, outputs=outputs, seconds=outputs)
        ledger.draw(locked, covers, reference=reference)
        whole = self._model.videos_left() // MICROS if facts["surface"] == "web" else 0
        taken = min(outputs, whole) * MICROS
        self._must_be(sum(one.units_micros for one in covers), taken, "the units drawn")
        if taken:
            self._model.draw(reference, taken)
            self._draws.append(reference)

    def _end_draw(self, locked: LockedWallet) -> None:
        if not self._draws:
            return
        reference = self._draws.pop(self._random.randrange(len(self._draws)))
        thirds = self._random.randint(0, 3)
        ledger.settle_draws(locked, reference=reference, kept_share=Fraction(thirds, 3))
        drawn = next(day[reference] for day in self._model.used.values() if reference in day)
        self._model.keep(reference, drawn * thirds // 3)

    # -- what is compared ------------------------------------------------------------------------

    def compare_all(self) -> None:
        """Compare every grant the wallet ever had, and what the journal says of the past.

        Raises:
            Difference: wallet and model differ.
        """
        rows = Grant.objects.filter(wallet__account=self.account).values_list(
            *("pk", "fact", "available_micros", "pending_micros", "held_micros"),
            *("captured_micros", "transferred_micros"),
        )
        found = living(
            (self._name(key, fact), free + pending, *rest)
            for key, fact, free, pending, *rest in rows
        )
        self._must_be(found, self._model.alive(), "all grants")
        for at, then in self._random.sample(self._past, min(1, len(self._past))):
            self._must_be(self._told(at), then, f"as of {at}")

    def _follow(self) -> None:
        """Let the model share out among twins what the wallet did, where there are any."""
        if self._model.twins():
            rows = Grant.objects.filter(wallet__account=self.account).values_list(
                "pk", "fact", "available_micros"
            )
            self._model.follow({self._name(key, fact): free for key, fact, free in rows})

    def _compare(self) -> None:
        """Compare the sums and whatever is alive, as the rows say it in this transaction."""
        with connection.cursor() as cursor:
            cursor.execute(_LIVE, [self.account.pk])
            rows = cursor.fetchall()
        self._must_be(tuple(rows[0][:3]), self._sums(), "free, held and owed")
        found = {
            self._name(key, fact): (free, held)
            for _a, _h, _d, key, fact, free, held in rows
            if key is not None
        }
        wanted = {
            name: (lot.free, lot.held)
            for name, lot in self._model.lots.items()
            if lot.free or lot.held
        }
        self._must_be(found, wanted, "what is alive")

    def _sums(self) -> tuple[int, int, int]:
        return (self._model.free(), self._model.held(), self._model.debt())

    def _told(self, at: datetime) -> tuple[int, int, int]:
        then = selectors.balance(factories.wallet_of(self.account), as_of=at)
        return (then.available_micros, then.held_micros, then.debt_micros)

    def _must_be(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            raise Difference(
                f"{self.account.external_id}, {what}: {found}, and its model says {wanted}; "
                f"{dict(self.counts)}"
            )

    def _name(self, grant_id: str, fact: str = "") -> str:
        """Return what the model calls a grant: its fact, with facts of others for their ids."""
        if grant_id not in self._names:
            fact = fact or Grant.objects.values_list("fact", flat=True).get(pk=grant_id)
            if fact.startswith("returned:"):
                _word, hold, lapsed = fact.split(":")
                fact = f"returned:{hold}:{self._name(lapsed)}"
            self._names[grant_id] = fact
        return self._names[grant_id]

    def _order(self) -> tuple[dict[str, str], frozenset[str]]:
        facts = {"surface": self._random.choice(["web", "api"])}
        if self._random.random() < 0.5:
            facts["model"] = self._random.choice(["m", "n"])
        standing = self._random.choice([(), (), ("past_due",), ("unsubscribed",)])
        return facts, frozenset(standing)

    def _some_hours(self, most: int) -> timedelta:
        """Return hours, and some microseconds, so that no two things fall due together."""
        return timedelta(
            hours=self._random.randint(1, most), microseconds=self._random.randint(1, 10**9)
        )

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
