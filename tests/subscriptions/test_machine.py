"""Subscriptions live random lives next to a model of their months, on the real database."""

import calendar
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.db import connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from billing.insights import audit
from billing.ledger.models import Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.errors import AlreadySubscribed, EndIsOver
from billing.subscriptions.models import Subscription
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import DatabaseMachine
from tests.thoroughness import by_profile

STEPS = by_profile(desk=20, ci=12, night=40)  # of each history
DAY: Final = timedelta(days=1)
CREDITS: Final = {"pro": 50, "top": 200}
_PLAN: Final = """
[[plan]]
code = "{code}"
name = {{ en = "{code}", zh = "{code}" }}
prices = [
  {{ currency = "USD", interval = "P1M", list = "10" }},
  {{ currency = "USD", interval = "P1Y", list = "100" }},
]
  [[plan.allowance]]
  code = "month"
  cadence = "monthly"
  credits = "{credits}"
  zone = "UTC"
"""
CATALOG: Final = """\
schema = 1
slug = "shop"
title = { en = "Shop", zh = "店" }
zone = "UTC"
burn_order = ["expires_at", "effective_at"]
[credit]
name = { en = "credits", zh = "点" }
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
[[model]]
code = "m"
name = { en = "M", zh = "M" }
[[model.task]]
code = "text_to_video"
[model.dimensions]
seconds = { min = 1, max = 60, default = 5 }
[[rate]]
id = "flat"
form = "flat"
match = { model = "m" }
price = "1"
""" + "".join(_PLAN.format(code=code, credits=credits_) for code, credits_ in CREDITS.items())


def months_after(start: datetime, months: int) -> datetime:
    """Return the same day and time so many months later, or the month's last day."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))


@dataclass
class ModelSubscription:
    """A plan with a price, from which every month of it is drawn; it gives each month once."""

    plan: str
    interval: str
    anchor: datetime
    ends_at: datetime | None
    is_past_due: bool = False
    months: int = 0  # so many were given


@dataclass
class ModelAccount:
    """Whatever the account was given, month by month; it shares no line with the product."""

    current: ModelSubscription | None = None
    given: list[tuple[datetime, datetime, int]] = field(default_factory=list)

    def settle(self, now: datetime) -> None:
        """Give all months that have begun, and end what is over."""
        one = self.current
        if one is None:
            return
        while (start := months_after(one.anchor, one.months)) <= now and (
            one.ends_at is None or start < one.ends_at
        ):
            one.months += 1
            end = months_after(one.anchor, one.months)
            self.given.append((start, end, CREDITS[one.plan] * MICROS))
        if one.ends_at is not None and one.ends_at <= now:
            self.current = None

    def wish(
        self, plan: str, interval: str, ends_at: datetime | None, now: datetime
    ) -> type[Exception] | None:
        """Be on this plan at this price until then; return the refusal, if it is one."""
        self.settle(now)
        one = self.current
        same = one is not None and (one.plan, one.interval) == (plan, interval)
        if one is not None and same and one.ends_at == ends_at:
            return None
        if ends_at is not None and ends_at <= now:
            return EndIsOver
        if one is not None and same:
            one.ends_at = ends_at
            return None
        if one is not None and ends_at is not None and one.ends_at is None:
            return AlreadySubscribed
        if one is not None and one.plan == plan:  # another price: its months go on
            self.current = ModelSubscription(plan, interval, one.anchor, ends_at, months=one.months)
            return None
        self.current = ModelSubscription(plan, interval, now, ends_at)
        self.settle(now)
        return None

    def free_micros(self, now: datetime) -> int:
        """Return what is left when nobody spends: the months that are under way."""
        return sum(micros for start, end, micros in self.given if start <= now < end)


class SubscriptionMachine(DatabaseMachine):
    """Plan, end, arrears and credits are compared after every step."""

    @initialize()
    def open(self) -> None:
        """Open an account on the free plan, which gives nothing."""
        publish.publish(CATALOG, now=datetime.now(UTC))
        self.ada = factories.new_account("ada")
        factories.settle(self.ada)
        self.model = ModelAccount()
        self.wished: tuple[str, str, datetime | None] | None = None

    @rule(
        plan=st.sampled_from(sorted(CREDITS)),
        interval=st.sampled_from(["P1M", "P1Y"]),
        days=st.none() | st.integers(-2, 400),
    )
    def keep(self, plan: str, interval: str, days: int | None) -> None:
        now = factories.later(self.ada, timedelta(0))
        ends_at = None if days is None else now + days * DAY
        self.wished = (plan, interval, ends_at)
        self._keep(is_past_due=False)

    @precondition(lambda self: self.model.current is not None)
    @rule(days=st.integers(1, 27))
    def another_price(self, days: int) -> None:
        """Pay by the other interval some days later: the months go on as they were."""
        self.time_passes(days)
        if (one := self.model.current) is not None:
            other = {"P1M": "P1Y", "P1Y": "P1M"}[one.interval]
            self.wished = (one.plan, other, one.ends_at)
            self._keep(is_past_due=False)

    @precondition(lambda self: self.wished is not None)
    @rule(is_past_due=st.booleans())
    def keep_again(self, is_past_due: bool) -> None:  # noqa: FBT001 (Hypothesis calls it by name)
        """Say the same once more: nothing changes but whether it is paid."""
        self._keep(is_past_due=is_past_due)

    def _keep(self, *, is_past_due: bool) -> None:
        assert self.wished is not None
        plan, interval, ends_at = self.wished
        expected, refused = deepcopy(self.model), None
        with transaction.atomic():
            locked = factories.lock(self.ada)
            try:
                services.keep(
                    account=self.ada,
                    plan=plan,
                    interval=interval,
                    currency="USD",
                    ends_at=ends_at,
                    is_past_due=is_past_due,
                )
            except (AlreadySubscribed, EndIsOver) as refusal:
                refused = type(refusal)
        if refused is not None:
            assert expected.wish(plan, interval, ends_at, locked.now) is refused
            return
        subscription = Subscription.objects.filter(account=self.ada, ended_at=None).get()
        now = max(subscription.started_at, locked.now)
        assert self.model.wish(plan, interval, ends_at, now) is None
        assert self.model.current is not None
        self.model.current.is_past_due = is_past_due

    @rule()
    def leave(self) -> None:
        with transaction.atomic():
            services.keep(
                account=self.ada,
                plan="free",
                interval=None,
                currency=None,
                ends_at=None,
                is_past_due=False,
            )
        self.model.settle(factories.wallet_of(self.ada).touched_at)
        self.model.current = None

    @rule(days=st.integers(1, 20) | st.sampled_from([28, 31, 59, 200, 366]))
    def time_passes(self, days: int) -> None:
        self.model.settle(factories.later(self.ada, days * DAY))

    @rule()
    def a_sweep_comes_by(self) -> None:
        services.end_due()

    @invariant()
    def the_account_is_its_model(self) -> None:
        if not hasattr(self, "model"):
            return
        now = factories.later(self.ada, timedelta(0))
        connection.check_constraints()
        self.model.settle(now)
        assert factories.free_micros(self.ada) == self.model.free_micros(now)
        found, wanted = selectors.open_of(self.ada), self.model.current
        if found is not None and found.ends_at is not None and found.ends_at <= now:
            found = None  # nobody has written its end down yet, and nobody is asked to
        assert (found is None) == (wanted is None)
        if found is not None and wanted is not None:
            assert (found.plan, found.interval, found.ends_at) == (
                *(wanted.plan, wanted.interval, wanted.ends_at),
            )
            assert (found.past_due_at is not None) == wanted.is_past_due
        self.no_month_is_given_twice()

    def no_month_is_given_twice(self) -> None:
        """Assert that each grant is a month of the model's, and none of them is there twice."""
        rows = Grant.objects.filter(wallet__account=self.ada)
        found = Counter(rows.values_list("effective_at", "expires_at", "amount_micros"))
        assert found <= Counter(self.model.given)

    def teardown(self) -> None:
        """Audit what was lived before it is rolled back."""
        breaches = [str(breach) for breach in audit.breaches()] if hasattr(self, "model") else []
        super().teardown()
        assert breaches == []


@pytest.mark.night
@pytest.mark.django_db
def test_subscriptions_live_as_their_model_does() -> None:
    run_state_machine_as_test(SubscriptionMachine, settings=settings(stateful_step_count=STEPS))
