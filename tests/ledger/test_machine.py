"""The ledger lives random lives next to a model of itself, on the real database."""

from copy import deepcopy
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from django.db import connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.ledger import selectors, store
from billing.ledger import services as ledger
from billing.ledger.errors import GrantsHalted, InDebt, InsufficientCredits
from billing.ledger.models import Entry, Grant, Hold, Wallet
from billing.ledger.services import Cause, GrantTerms
from plans.credits import MICROS, format_micros
from tests import factories
from tests.ledger.machines import DatabaseMachine, ModelWallet, living
from tests.ledger.model_lots import ModelLot
from tests.ledger.shop import customer
from tests.ledger.wallet_plan import PLAN
from tests.thoroughness import by_profile

HALF_HOUR = timedelta(minutes=30)
BUCKETS = ("issued", "available", "held", "captured", "expired", "revoked", "transferred")
SCOPES = st.sampled_from([{}, {"surface": "web"}, {"surface": "web", "model": "m"}])
FACTS = st.fixed_dictionaries(
    {"surface": st.sampled_from(["web", "api"])}, optional={"model": st.sampled_from(["m", "n"])}
)
STEPS = by_profile(desk=20, ci=14, night=40)  # of each history
AUTOMATIC_MAX = 12  # a day of the plan gives 6 at most, check-in included
STANDINGS = st.frozensets(st.sampled_from(["past_due", "unsubscribed"]))


class LedgerMachine(DatabaseMachine):
    """Every amount is compared after every step, and so is every constraint."""

    holds = Bundle("holds")
    draws = Bundle("draws")

    @initialize(in_flight=st.none() | st.integers(1, 60))
    def open(self, in_flight: int | None) -> None:
        """Publish a catalog and open an account with what its plan gives at once."""
        rules = (
            f'expiry_in_flight = "{f"PT{in_flight}H" if in_flight else "expire"}"\n'
            f"safety = {{ automatic_grants_per_day = {AUTOMATIC_MAX} }}"
        )
        self.ada = customer(free=PLAN, keys=rules)
        self.bob = factories.new_account("bob")
        opened_at = factories.wallet_of(self.ada).created_at
        lasts = timedelta(hours=in_flight) if in_flight else None
        self.model = ModelWallet(opened_at, MICROS, lasts)
        self.given = 0
        self.past: list[tuple[datetime, tuple[int, int, int]]] = []

    @rule(hours=st.integers(1, 30) | st.sampled_from([24 * 10, 24 * 45]))
    def time_passes(self, hours: int) -> None:
        """Foresee what will be; then let it come."""
        wallet = factories.wallet_of(self.ada)
        at = store.clock(wallet) + timedelta(hours=hours)
        foreseen, expected = selectors.balance(wallet, as_of=at), deepcopy(self.model)
        expected.settle(at)
        assert (*(foreseen.available_micros, foreseen.held_micros, foreseen.debt_micros),) == (
            expected.free(),
            expected.held(),
            expected.debt(),
        )
        self.model.settle(factories.later(self.ada, timedelta(hours=hours)))

    @precondition(lambda self: len(self.past) > 1)
    @rule(share=st.floats(0, 0.99))
    def look_back(self, share: float) -> None:
        at, then = self.past[int(share * (len(self.past) - 1))]
        told = selectors.balance(factories.wallet_of(self.ada), as_of=at)
        assert (told.available_micros, told.held_micros, told.debt_micros) == then

    @rule(
        credits_=st.integers(1, 500),
        lasts=st.none() | st.integers(0, 60),
        waits=st.just(0) | st.integers(1, 9),
        scope=SCOPES,
        locks=STANDINGS,
        is_lent=st.booleans(),
    )
    def give(
        self,
        credits_: int,
        lasts: int | None,
        waits: int,
        scope: dict[str, str],
        locks: frozenset[str],
        is_lent: bool,  # noqa: FBT001 (Hypothesis calls it by name)
    ) -> None:
        self.given += 1
        waits = 0 if is_lent else waits
        grant = factories.give(
            self.ada,
            credits_,
            expires_in=None if lasts is None else timedelta(hours=waits + lasts) + HALF_HOUR,
            begins_in=timedelta(hours=waits),
            priority=10 + self.given,
            scope={name: (value,) for name, value in scope.items()},
            locked_while=tuple(sorted(locks)),
            goes_back=is_lent,
        )
        self.model.settle(grant.created_at)
        lot = ModelLot(
            free=grant.amount_micros,
            begins_at=grant.effective_at,
            expires_at=grant.expires_at,
            priority=grant.priority,
            scope=scope,
            locks=locks,
            is_lent=is_lent,
        )
        self.model.give(grant.fact, lot)

    @rule()
    def check_in(self) -> None:
        grant = factories.claim(self.ada)
        self.model.settle(max(self.model.at, grant.created_at))
        if grant.fact not in self.model.lots:
            assert grant.fact == f"allowance:day:{grant.created_at.date().isoformat()}"
            lot = ModelLot(10 * MICROS, grant.effective_at, self.model.next_day, 6)
            self.model.give(grant.fact, lot, by_itself=True)

    @rule(
        target=holds,
        credits_=st.integers(0, 150),
        facts=FACTS,
        standing=STANDINGS,
        hours=st.none() | st.integers(1, 50),
    )
    def hold(
        self, credits_: int, facts: dict[str, str], standing: frozenset[str], hours: int | None
    ) -> Hold | None:
        if self.model.debts:
            with pytest.raises(InDebt) as owing:
                factories.hold(self.ada, credits_, facts=facts, standing=standing)
            assert owing.value.facts["debt"] == format_micros(self.model.debt())
            return None
        usable = self.model.spendable(facts, standing)
        if usable < credits_ * MICROS:
            with pytest.raises(InsufficientCredits) as refused:
                factories.hold(self.ada, credits_, facts=facts, standing=standing)
            assert refused.value.facts["available"] == format_micros(usable)
            return None
        lasts = None if hours is None else timedelta(hours=hours)
        held = factories.hold(self.ada, credits_, facts=facts, standing=standing, lasts=lasts)
        parts = [
            (self.fact_of(part.grant), part.amount_micros)
            for part in held.allocations.select_related("grant").order_by("position")
        ]
        assert sum(part for _name, part in parts) == credits_ * MICROS
        self.model.hold(
            held.pk,
            parts,
            facts=facts,
            standing=standing,
            now=held.created_at,
            ends_at=held.expires_at,
        )
        return held

    @rule(held=consumes(holds), share=st.integers(1, 100))
    def capture(self, held: Hold | None, share: int) -> None:
        if held is None:
            return
        micros = min(held.amount_micros, max(1, held.amount_micros * share // 100))
        self._ended(factories.capture(self.ada, held, micros), micros)

    @rule(held=consumes(holds))
    def release(self, held: Hold | None) -> None:
        if held is None:
            return
        self._ended(factories.release(self.ada, held), 0)

    def _ended(self, ended: Hold, micros: int) -> None:
        assert ended.settled_at is not None
        in_time = self.model.end(ended.pk, micros, max(self.model.at, ended.settled_at))
        assert in_time == (ended.state != Hold.State.EXPIRED)

    @rule(credits_=st.integers(1, 80))
    def owe(self, credits_: int) -> None:
        debt = factories.owe(self.ada, credits_)
        self.model.settle(debt.created_at)
        self.model.owe(debt.fact, debt.amount_micros)

    @rule(places=st.lists(st.integers(0, 30), min_size=1, max_size=3), credits_=st.integers(1, 90))
    def claw_back(self, places: list[int], credits_: int) -> None:
        self.given += 1
        found = list(Grant.objects.filter(wallet__account=self.ada).order_by("id"))
        chosen = list({(one := found[place % len(found)]).pk: one for place in places}.values())
        with transaction.atomic():
            locked = factories.lock(self.ada)
            fact = f"refund:{self.given}"
            clawed = ledger.claw_back(
                locked,
                grant_ids=[grant.pk for grant in chosen],
                amount_micros=credits_ * MICROS,
                fact=fact,
                cause=Cause("refund", "re_test"),
                actor=factories.OPERATOR,
            )
        self.model.settle(locked.now)
        names = [self.fact_of(grant) for grant in chosen]
        assert (clawed.revoked_micros, clawed.owed_micros) == self.model.claw_back(
            names, credits_ * MICROS, fact
        )

    @rule(credits_=st.integers(1, 90))
    def send(self, credits_: int) -> None:
        usable, refusal = self.model.sendable(), InDebt if self.model.debts else InsufficientCredits
        if self.model.debts or usable < credits_ * MICROS:
            with pytest.raises(refusal):
                factories.send(self.ada, self.bob, credits_ * MICROS)
            return
        sent = factories.send(self.ada, self.bob, credits_ * MICROS)
        self.model.settle(max(self.model.at, sent.created_at))
        for part in sent.parts.select_related("source"):
            self.model.send(self.fact_of(part.source), part.amount_micros)

    @rule()
    def something_gives_again_and_again(self) -> None:
        """It is refused where the catalog says so; an operator lets it go on."""
        for _time in range(AUTOMATIC_MAX + 1):
            room = self.loop()
            if not room:
                break
        else:
            pytest.fail("nothing stopped it")
        with transaction.atomic():  # what a window would do that comes beyond it
            locked = factories.lock(self.ada)
            assert not locked.timeline.automatic.admits(locked.now)
            store.write(locked)
        assert Wallet.objects.filter(account=self.ada, halted_at__isnull=False).exists()
        with transaction.atomic():
            ledger.resume_grants(factories.lock(self.ada))
        self.model.settle(locked.now)
        self.model.given_today = 0

    def loop(self) -> bool:
        """Give a credit that nobody asked for; say whether there was room for it today."""
        self.given += 1
        terms = GrantTerms(amount_micros=MICROS, source="loop", fact=f"loop:{self.given}")
        with transaction.atomic():
            locked = factories.lock(self.ada)
            self.model.settle(locked.now)
            room = self.model.given_today < AUTOMATIC_MAX
            try:
                given = ledger.grant(
                    locked, terms, cause=Cause("campaign", "loop"), actor=factories.SYSTEM
                )
            except GrantsHalted:
                assert not room
                return False
        assert room
        lot = ModelLot(MICROS, given.effective_at, None, given.priority)
        self.model.give(given.fact, lot, by_itself=True)
        return True

    @rule()
    def the_subscription_ends(self) -> None:
        with transaction.atomic():
            locked = factories.lock(self.ada)
            ledger.end_with_subscription(locked, cause=Cause("subscription", "sub_1"))
        self.model.unsubscribe(locked.now)

    @rule(target=draws, outputs=st.integers(1, 4), facts=FACTS)
    def draw(self, outputs: int, facts: dict[str, str]) -> str:
        self.given += 1
        reference = f"test:{self.given}"
        with transaction.atomic():
            locked = factories.lock(self.ada)
            windows = ledger.counted(locked)
            covers = ledger.cover(windows, facts=facts, outputs=outputs, seconds=outputs)
            ledger.draw(locked, covers, reference=reference)
        self.model.settle(locked.now)
        whole = self.model.videos_left() // MICROS if facts["surface"] == "web" else 0
        taken = min(outputs, whole)
        assert sum(one.units_micros for one in covers) == taken * MICROS
        assert sum(one.share for one in covers) == Fraction(taken, outputs)
        if taken:
            self.model.draw(reference, taken * MICROS)
        return reference

    @rule(reference=consumes(draws), thirds=st.integers(0, 3))
    def end_of_draw(self, reference: str, thirds: int) -> None:
        with transaction.atomic():
            locked = factories.lock(self.ada)
            ledger.settle_draws(locked, reference=reference, kept_share=Fraction(thirds, 3))
        drawn = [day[reference] for day in self.model.used.values() if reference in day]
        if drawn:
            self.model.keep(reference, drawn[0] * thirds // 3)

    def fact_of(self, grant: Grant) -> str:
        """Return the grant's fact, with the facts of other grants instead of their ids."""
        if not grant.fact.startswith("returned:"):
            return grant.fact
        _word, hold, lapsed = grant.fact.split(":")
        return f"returned:{hold}:{self.fact_of(Grant.objects.get(pk=lapsed))}"

    @invariant()
    def the_ledger_is_its_model(self) -> None:
        if not hasattr(self, "model"):
            return
        connection.check_constraints()
        with transaction.atomic():
            locked = factories.lock(self.ada)
            ledger.settle(locked)
            (videos,) = ledger.counted(locked)
        self.model.settle(locked.now)
        assert videos.left_micros == self.model.videos_left()
        rows = [
            (
                self.fact_of(grant),
                grant.available_micros + grant.pending_micros,
                grant.held_micros,
                grant.captured_micros,
                grant.transferred_micros,
            )
            for grant in Grant.objects.filter(wallet__account=self.ada)
        ]
        self.model.follow({name: free for name, free, *_rest in rows})
        found = living(rows)
        assert found == self.model.alive()
        wallet = Wallet.objects.get(account=self.ada)
        told = (wallet.available_micros, wallet.held_micros, wallet.debt_micros)
        assert told == (self.model.free(), self.model.held(), self.model.debt())
        self.past.append((wallet.touched_at, told))
        if len(self.past) % 5 == 0:
            self.the_journal_explains_every_grant()

    def the_journal_explains_every_grant(self) -> None:
        """Assert that each grant is the sum of its entries, and that every rule holds at once."""
        connection.check_constraints()
        assert factories.free_micros(self.ada) >= self.model.spendable(
            {"surface": "web", "model": "m"}, frozenset()
        )
        totals = {
            name: dict.fromkeys(BUCKETS, 0) for name in Grant.objects.values_list("pk", flat=True)
        }
        rows = Entry.objects.values_list("grant_id", "source", "target", "amount_micros")
        for name, source, target, micros in rows:
            totals[name][source] -= micros
            totals[name][target] += micros
        for grant in Grant.objects.all():
            issued = grant.pending_micros - grant.amount_micros
            assert totals[grant.pk] == {
                bucket: issued if bucket == "issued" else getattr(grant, f"{bucket}_micros")
                for bucket in BUCKETS
            }


@pytest.mark.night
@pytest.mark.django_db
def test_the_ledger_lives_as_its_model_does() -> None:
    run_state_machine_as_test(LedgerMachine, settings=settings(stateful_step_count=STEPS))
