"""Of several rows that a rule measures: which one counts, and which are none of its business."""

from copy import copy
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.alerts import measures
from billing.alerts.rules import RuleCode
from billing.jobs.models import Attempt
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import StripeEvent
from tests import factories
from tests.alerts.conftest import look, only
from tests.insights.selling import order, sell

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def test_the_oldest_hold_counts_that_has_no_end_of_its_own(
    buyer: Account, settings: Settings
) -> None:
    rule = only(settings, RuleCode.HOLD_STUCK)
    factories.give(buyer, 1000)
    factories.hold(buyer, 6, lasts=HOUR)
    assert measures.take(rule, now=now()) == []

    holds = [order(buyer)[0].hold_id for _number in range(2)]
    [measure] = measures.take(rule, now=now())

    assert measure.rows == [("billing.hold", hold_id) for hold_id in holds]


def test_a_queue_waits_since_its_oldest_message_that_nobody_has_begun(
    db: None, settings: Settings
) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    with transaction.atomic():
        for number in range(3):
            outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id=f"job_{number}")
    begun, oldest, _newest = Message.objects.order_by("pk")
    Message.objects.filter(pk=begun.pk).update(runs=1, created_at=now() - DAY)
    Message.objects.filter(pk=oldest.pk).update(created_at=now() - HOUR)

    [measure] = measures.take(rule, now=now())

    assert HOUR.total_seconds() <= measure.value < 2 * HOUR.total_seconds()


def test_of_stripes_events_the_oldest_counts(db: None, settings: Settings) -> None:
    rule = only(settings, RuleCode.STRIPE_LAG)
    for number, age in enumerate((HOUR, MINUTE)):
        StripeEvent.objects.create(
            id=f"evt_{number}", type="invoice.paid", is_live=False, via="webhook", raw="{}",
            created_at=now(), received_at=now() - age,
        )  # fmt: skip

    [measure] = measures.take(rule, now=now())

    assert measure.value >= HOUR.total_seconds()
    assert [key for _model, key in measure.rows] == ["evt_0", "evt_1"]


def test_few_jobs_those_of_days_ago_and_of_the_sandbox_have_no_margin(
    buyer: Account, settings: Settings
) -> None:
    rule = only(settings, RuleCode.MARGIN_NEGATIVE, least=2)
    settings.BACKENDS = {"away": {**settings.BACKENDS["away"], "sandbox": True}}
    play = factories.new_account("eve", is_sandbox=True)
    for account, jobs in ((buyer, 1), (play, 2)):
        factories.give(account, 100, paid_micros=10_000_000, paid_currency="CNY")
        for _number in range(jobs):
            sell(account)
    Attempt.objects.update(cost_micros=9_000_000, cost_currency="CNY")
    assert measures.take(rule, now=now()) == []

    sell(buyer)
    Attempt.objects.update(cost_micros=9_000_000, cost_currency="CNY")

    assert [one.facts["jobs"] for one in measures.take(rule, now=now())] == [2]
    assert measures.take(rule, now=now() + DAY + MINUTE) == []


def test_many_newer_errands_of_one_task_hide_no_older_one_of_another(
    db: None, settings: Settings
) -> None:
    only(settings, RuleCode.OUTBOX_DEAD)
    with transaction.atomic():
        outbox.post(TaskName.CANCEL_JOB, now=now(), job_id="job_1")
    Message.objects.update(ring_at=None, dead_at=now() - HOUR, error="OSError: no space")
    one = Message.objects.get()
    more = [copy(one) for _number in range(1001)]
    for number, message in enumerate(more):
        message.pk, message.task = f"{one.pk[:-4]}{number:04}", TaskName.DISPATCH_JOB.value
        message.dead_at = now()
    Message.objects.bulk_create(more)

    found = {alert.subject: alert for alert in look(MINUTE)}

    assert {subject: alert.value for subject, alert in found.items()} == {
        "jobs.cancel": 1,
        "jobs.dispatch": 1001,
    }
    assert len(found["jobs.dispatch"].facts["rows"]) == 10
