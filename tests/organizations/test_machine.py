"""Any history of a pool ends as the model says: orders, ceilings, loans, and their return."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule, run_state_machine_as_test

from billing.accounts.models import Account
from billing.jobs.errors import CeilingReached
from billing.jobs.models import Job
from billing.ledger.errors import InsufficientCredits
from billing.organizations import services
from billing.organizations.models import Allotment
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.ledger.machines import DatabaseMachine
from tests.organizations import studio

NAMES: Final = ("ada", "ben", "cleo")
GIVEN: Final = 60
AMOUNTS: Final = st.integers(1, 25)


@dataclass
class Loan:
    """What was lent to somebody, in the model: free, held by orders, or on its way home."""

    name: str
    ends_at: float  # in hours
    free: int
    taken_back: bool = False
    under_way: int = 0
    held: dict[str, int] = field(default_factory=dict)

    def end(self) -> None:
        """Let what is free of it leave."""
        self.under_way, self.free = self.under_way + self.free, 0


@dataclass
class Order:
    """An order, in the model; of the pool where `loans` is empty."""

    name: str
    micros: int
    loans: list[Loan]
    is_live: bool = True


class Team(DatabaseMachine):
    """A pool of 60 credits, three people, and whatever they do with it."""

    orders: Bundle[str] = Bundle("orders")
    allotments: Bundle[str] = Bundle("allotments")

    @initialize()
    def found(self) -> None:
        free = '  [[plan.allowance]]\n  code = "daily"\n  cadence = "daily"\n  credits = "10"\n'
        studio.open_shop(without=free)
        self.team = studio.found()
        factories.give(self.team.account, GIVEN)
        self.people = {name: studio.member(self.team, name).account for name in NAMES}
        for account in self.people.values():
            factories.settle(account)
        self.hours = 0
        self.pool = GIVEN
        self.spent = 0
        self.ceilings: dict[str, int] = {}
        self.loans: dict[str, Loan] = {}
        self.known: dict[str, Order] = {}

    @rule(name=st.sampled_from(NAMES), credits_=st.integers(0, 40))
    def set_ceiling(self, name: str, credits_: int) -> None:
        studio.ceiling(self.team, name, credits_, "ever")
        self.ceilings[name] = credits_

    @rule(target=orders, name=st.sampled_from(NAMES), seconds=AMOUNTS)
    def order(self, name: str, seconds: int) -> str:
        below = seconds + self._used(name) <= self.ceilings.get(name, GIVEN * GIVEN)
        own = sorted(self._loans_of(name), key=lambda loan: loan.ends_at)
        if below and seconds <= self.pool:
            job = studio.submit(self.team, name, seconds)
            self.pool -= seconds
            self.known[job.pk] = Order(name, seconds, [])
        elif seconds <= sum(loan.free for loan in own):
            job = studio.submit(self.team, name, seconds)
            self.known[job.pk] = Order(name, seconds, self._take(job.pk, own, seconds))
        else:
            before = studio.facts()
            with pytest.raises(InsufficientCredits if below else CeilingReached):
                studio.submit(self.team, name, seconds)
            assert studio.facts() == before
            return ""
        paid_by = self.team.account if not self.known[job.pk].loans else self.people[name]
        assert job.account == paid_by
        return job.pk

    @rule(key=orders)
    def cancel(self, key: str) -> None:
        if self._is_live(key):
            studio.cancel(Job.objects.get(pk=key))
            self._end(key, came_back=True)

    @rule(key=orders)
    def succeed(self, key: str) -> None:
        if self._is_live(key):
            shop.finish(Job.objects.get(pk=key))
            self._end(key, came_back=False)

    @rule(
        target=allotments, name=st.sampled_from(NAMES), credits_=AMOUNTS, lasts=st.integers(1, 40)
    )
    def lend(self, name: str, credits_: int, lasts: int) -> str:
        now = factories.later(self.team.account, timedelta(0))
        # No two end at once, and none while the clock of the model stands still.
        minutes = 60 * lasts + 10 + len(self.loans) % 40
        if credits_ > self.pool:
            with pytest.raises(InsufficientCredits):
                studio.allot(self.team, name, credits_)
            return ""
        end = now + timedelta(minutes=minutes)
        allotment = studio.allot(self.team, name, credits_, expires_at=end)
        self.pool -= credits_
        self.loans[allotment.pk] = Loan(name, self.hours + minutes / 60, credits_)
        return allotment.pk

    @rule(key=allotments)
    def take_back(self, key: str) -> None:
        if key:
            studio.take_back(Allotment.objects.get(pk=key))
            self.loans[key].taken_back = True
            self.loans[key].end()
            self._collect([self.loans[key]])

    @rule(hours=st.sampled_from([1, 6, 25]))
    def wait(self, hours: int) -> None:
        self.hours += hours
        for account in (self.team.account, *self.people.values()):
            factories.later(account, timedelta(hours=hours))
        for loan in self.loans.values():
            if loan.ends_at <= self.hours:
                loan.end()

    @rule()
    def sweep(self) -> None:
        services.collect_due()
        self._collect(self.loans.values())

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        if not hasattr(self, "team"):
            return
        assert studio.credits_of(self.team.account) == self.pool
        for name, account in self.people.items():
            own = [loan for loan in self.loans.values() if loan.name == name]
            assert self._free(account) == sum(loan.free for loan in own)
            held = factories.wallet_of(account).held_micros
            assert held == MICROS * sum(sum(loan.held.values()) for loan in own)

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "team"):
            lent = sum(
                loan.free + loan.under_way + sum(loan.held.values()) for loan in self.loans.values()
            )
            held = sum(
                order.micros for order in self.known.values() if order.is_live and not order.loans
            )
            assert self.pool + lent + held + self.spent == GIVEN

    def teardown(self) -> None:
        """Ask the database and the audit, then roll the history back."""
        if hasattr(self, "team"):
            studio.checked()
        super().teardown()

    # -- the model ------------------------------------------------------------------------------

    def _used(self, name: str) -> int:
        return sum(
            order.micros
            for order in self.known.values()
            if order.name == name and not order.loans and order.micros
        )

    def _loans_of(self, name: str) -> list[Loan]:
        return [loan for loan in self.loans.values() if loan.name == name and loan.free]

    @staticmethod
    def _take(key: str, loans: Iterable[Loan], micros: int) -> list[Loan]:
        taken = []
        for loan in loans:
            share = min(loan.free, micros)
            if share:
                loan.free -= share
                loan.held[key] = share
                micros -= share
                taken.append(loan)
        return taken

    def _is_live(self, key: str) -> bool:
        return bool(key) and self.known[key].is_live

    def _end(self, key: str, *, came_back: bool) -> None:
        order = self.known[key]
        order.is_live = False
        if not came_back:
            self.spent += order.micros
        elif not order.loans:
            self.pool += order.micros
        for loan in order.loans:
            share = loan.held.pop(key)
            if came_back:
                loan.free += share
                if loan.taken_back or loan.ends_at <= self.hours:
                    loan.end()
        if came_back:
            order.micros = 0

    def _collect(self, loans: Iterable[Loan]) -> None:
        for loan in loans:
            self.pool += loan.under_way
            loan.under_way = 0

    @staticmethod
    def _free(account: Account) -> int:
        return studio.credits_of(account)


@pytest.mark.django_db
@pytest.mark.usefixtures("_away")
def test_any_history_of_a_team_is_the_models() -> None:
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
