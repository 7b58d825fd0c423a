"""The ledger lives random lives next to a model of itself, on the real database."""

from datetime import timedelta

import pytest
from django.db import connection
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

from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Entry, Grant, Hold
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import DatabaseMachine, ModelLot, ModelWallet

HALF_HOUR = timedelta(minutes=30)


class LedgerMachine(DatabaseMachine):
    """Every amount is compared after every step, and so is every constraint."""

    holds = Bundle("holds")

    @initialize()
    def open(self) -> None:
        """Publish a catalog and open an account with nothing in it."""
        factories.publish_kling()
        self.ada = factories.new_account("ada")
        self.now = factories.later(self.ada, timedelta(0))
        self.model = ModelWallet()

    # Whole hours pass, and credits expire at half hours: the seconds that the test itself
    # takes never decide which side of an expiry a step falls on.
    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now = factories.later(self.ada, timedelta(hours=hours))
        self.model.expire(self.now)

    @rule(
        credits_=st.integers(1, 500),
        lasts=st.none() | st.integers(0, 60),
        priority=st.integers(0, 3),
    )
    def give(self, credits_: int, lasts: int | None, priority: int) -> None:
        expires_in = None if lasts is None else timedelta(hours=lasts) + HALF_HOUR
        grant = factories.give(self.ada, credits_, expires_in=expires_in, priority=priority)
        self.now = grant.created_at
        self.model.lots[grant.pk] = ModelLot(
            free=grant.amount_micros,
            expires_at=grant.expires_at,
            begins_at=grant.effective_at,
            priority=priority,
        )

    @rule()
    def check_in(self) -> None:
        grant = factories.claim(self.ada)
        self.now = max(self.now, grant.created_at)
        if grant.pk not in self.model.lots:
            self.model.lots[grant.pk] = ModelLot(
                free=66 * MICROS,
                expires_at=grant.expires_at,
                begins_at=grant.effective_at,
                priority=grant.priority,
            )

    @rule(target=holds, credits_=st.integers(1, 700))
    def hold(self, credits_: int) -> Hold | None:
        try:
            held = factories.hold(self.ada, credits_)
        except InsufficientCredits:
            assert self.model.spendable(self.now) < credits_ * MICROS
            return None
        self.now = held.created_at
        self.model.hold(held.pk, credits_ * MICROS, self.now)
        return held

    @rule(held=consumes(holds), share=st.integers(1, 100))
    def capture(self, held: Hold | None, share: int) -> None:
        if held is None:
            return
        micros = max(1, held.amount_micros * share // 100)
        ended = factories.capture(self.ada, held, micros)
        assert ended.settled_at is not None
        self.now = ended.settled_at
        self.model.end(held.pk, micros, self.now)

    @rule(held=consumes(holds))
    def release(self, held: Hold | None) -> None:
        if held is None:
            return
        ended = factories.release(self.ada, held)
        assert ended.settled_at is not None
        self.now = ended.settled_at
        self.model.end(held.pk, 0, self.now)

    @invariant()
    def the_ledger_is_its_model(self) -> None:
        if not hasattr(self, "model"):
            return
        connection.check_constraints()
        assert factories.free_micros(self.ada) == self.model.spendable(self.now)
        factories.settle(self.ada)
        connection.check_constraints()
        found = {
            grant.pk: (
                grant.available_micros,
                grant.held_micros,
                grant.captured_micros,
                grant.expired_micros,
            )
            for grant in Grant.objects.filter(wallet__account=self.ada)
        }
        expected = {
            name: (lot.free, lot.held, lot.spent, lot.gone) for name, lot in self.model.lots.items()
        }
        assert found == expected

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
                "issued": -grant.amount_micros,
                "available": grant.available_micros,
                "held": grant.held_micros,
                "captured": grant.captured_micros,
                "expired": grant.expired_micros,
            }


@pytest.mark.django_db
def test_the_ledger_lives_as_its_model_does() -> None:
    run_state_machine_as_test(LedgerMachine, settings=settings(stateful_step_count=25))
