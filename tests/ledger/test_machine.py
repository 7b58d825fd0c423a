"""The ledger lives random lives next to a model of itself, on the real database."""

from datetime import timedelta
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
    rule,
    run_state_machine_as_test,
)

from billing.ledger import services as ledger
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Entry, Grant, Hold
from billing.ledger.services import Cause
from plans.credits import MICROS, format_micros
from tests import factories
from tests.ledger.machines import DatabaseMachine, ModelLot, ModelWallet, living
from tests.ledger.shop import allowance, customer

HALF_HOUR = timedelta(minutes=30)
PLAN = "\n".join(
    [
        allowance(code="fill", cadence="daily", credits="50", fill="set_to", expiry="P3D",
                  priority=4, zone="UTC"),
        allowance(code="cap", cadence="daily", credits="5", rollover="cap", rollover_cap="9",
                  priority=1, zone="UTC"),
        allowance(code="stay", cadence="daily", credits="2", rollover="while_subscribed",
                  priority=2, zone="UTC"),
        allowance(code="keep", cadence="weekly", credits="20", rollover="periods",
                  rollover_periods=1, priority=3, zone="UTC"),
        allowance(code="roll", cadence="rolling", period="PT24H", credits="30", priority=5),
        allowance(code="day", cadence="daily", mode="claimed", credits="10", priority=6,
                  zone="UTC"),
        allowance(code="videos", cadence="daily", unit="output", amount=3, zone="UTC",
                  scope='{ surface = "web" }'),
    ]
)  # fmt: skip
SCOPES = st.sampled_from([{}, {"surface": "web"}, {"surface": "web", "model": "m"}])
FACTS = st.fixed_dictionaries(
    {"surface": st.sampled_from(["web", "api"])}, optional={"model": st.sampled_from(["m", "n"])}
)
STANDINGS = st.frozensets(st.sampled_from(["past_due", "unsubscribed"]))


class LedgerMachine(DatabaseMachine):
    """Every amount is compared after every step, and so is every constraint."""

    holds = Bundle("holds")
    draws = Bundle("draws")

    @initialize(in_flight=st.none() | st.integers(1, 60))
    def open(self, in_flight: int | None) -> None:
        """Publish a catalog and open an account with what its plan gives at once."""
        rule_ = f'expiry_in_flight = "{f"PT{in_flight}H" if in_flight else "expire"}"'
        self.ada = customer(free=PLAN, keys=rule_)
        opened_at = factories.wallet_of(self.ada).created_at
        lasts = timedelta(hours=in_flight) if in_flight else None
        self.model = ModelWallet(opened_at, MICROS, lasts)
        self.given = 0

    @rule(hours=st.integers(1, 30) | st.sampled_from([24 * 10, 24 * 45]))
    def time_passes(self, hours: int) -> None:
        self.model.settle(factories.later(self.ada, timedelta(hours=hours)))

    @rule(
        credits_=st.integers(1, 500),
        lasts=st.none() | st.integers(0, 60),
        waits=st.just(0) | st.integers(1, 9),
        scope=SCOPES,
        locks=STANDINGS,
    )
    def give(
        self,
        credits_: int,
        lasts: int | None,
        waits: int,
        scope: dict[str, str],
        locks: frozenset[str],
    ) -> None:
        self.given += 1
        grant = factories.give(
            self.ada,
            credits_,
            expires_in=None if lasts is None else timedelta(hours=waits + lasts) + HALF_HOUR,
            begins_in=timedelta(hours=waits),
            priority=10 + self.given,
            scope={name: (value,) for name, value in scope.items()},
            locked_while=tuple(sorted(locks)),
        )
        self.model.settle(grant.created_at)
        self.model.lots[grant.fact] = ModelLot(
            free=grant.amount_micros,
            begins_at=grant.effective_at,
            expires_at=grant.expires_at,
            priority=grant.priority,
            scope=scope,
            locks=locks,
        )

    @rule()
    def check_in(self) -> None:
        grant = factories.claim(self.ada)
        self.model.settle(max(self.model.at, grant.created_at))
        if grant.fact not in self.model.lots:
            assert grant.fact == f"allowance:day:{grant.created_at.date().isoformat()}"
            self.model.lots[grant.fact] = ModelLot(
                free=10 * MICROS,
                begins_at=grant.effective_at,
                expires_at=self.model.next_day,
                priority=6,
            )

    @rule(target=holds, credits_=st.integers(0, 150), facts=FACTS, standing=STANDINGS)
    def hold(self, credits_: int, facts: dict[str, str], standing: frozenset[str]) -> Hold | None:
        usable = self.model.spendable(facts, standing)
        if usable < credits_ * MICROS:
            with pytest.raises(InsufficientCredits) as refused:
                factories.hold(self.ada, credits_, facts=facts, standing=standing)
            assert refused.value.facts["available"] == format_micros(usable)
            return None
        held = factories.hold(self.ada, credits_, facts=facts, standing=standing)
        parts = [
            (self.fact_of(part.grant), part.amount_micros)
            for part in held.allocations.select_related("grant").order_by("position")
        ]
        assert sum(part for _name, part in parts) == credits_ * MICROS
        self.model.hold(held.pk, parts, facts=facts, standing=standing, now=held.created_at)
        return held

    @rule(held=consumes(holds), share=st.integers(1, 100))
    def capture(self, held: Hold | None, share: int) -> None:
        if held is None:
            return
        micros = min(held.amount_micros, max(1, held.amount_micros * share // 100))
        ended = factories.capture(self.ada, held, micros)
        assert ended.settled_at is not None
        self.model.end(held.pk, micros, ended.settled_at)

    @rule(held=consumes(holds))
    def release(self, held: Hold | None) -> None:
        if held is None:
            return
        ended = factories.release(self.ada, held)
        assert ended.settled_at is not None
        self.model.end(held.pk, 0, ended.settled_at)

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
        now = factories.later(self.ada, timedelta(0))
        connection.check_constraints()
        self.model.settle(now)
        assert factories.free_micros(self.ada) == self.model.spendable(
            {"surface": "web", "model": "m"}, frozenset()
        )
        found = living(
            (
                self.fact_of(grant),
                grant.available_micros + grant.pending_micros,
                grant.held_micros,
                grant.captured_micros,
            )
            for grant in Grant.objects.filter(wallet__account=self.ada)
        )
        assert found == self.model.alive()

    @invariant()
    def the_counted_videos_are_those_of_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        with transaction.atomic():
            (videos,) = ledger.counted(factories.lock(self.ada))
        assert videos.left_micros == self.model.videos_left()

    @invariant()
    def the_journal_explains_every_grant(self) -> None:
        if not hasattr(self, "model"):
            return
        totals = {
            name: dict.fromkeys(("issued", "available", "held", "captured", "expired"), 0)
            for name in Grant.objects.values_list("pk", flat=True)
        }
        rows = Entry.objects.values_list("grant_id", "source", "target", "amount_micros")
        for name, source, target, micros in rows:
            totals[name][source] -= micros
            totals[name][target] += micros
        for grant in Grant.objects.all():
            assert totals[grant.pk] == {
                "issued": grant.pending_micros - grant.amount_micros,
                "available": grant.available_micros,
                "held": grant.held_micros,
                "captured": grant.captured_micros,
                "expired": grant.expired_micros,
            }


@pytest.mark.django_db
def test_the_ledger_lives_as_its_model_does() -> None:
    run_state_machine_as_test(LedgerMachine, settings=settings(stateful_step_count=25))
