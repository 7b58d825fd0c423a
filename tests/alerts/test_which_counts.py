"""Of several rows that a rule measures: which one counts, and which are none of its business."""

from copy import copy
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.alerts import measures
from billing.alerts.rules import Rule, RuleCode
from billing.jobs.models import Attempt
from billing.outbox import gateway, pauses
from billing.outbox import services as outbox
from billing.outbox.gateway import Ring
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import StripeEvent
from tests import factories
from tests.alerts.conftest import look, only
from tests.insights.selling import order, sell

pytestmark = pytest.mark.django_db
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


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


def late(rule: Rule, at: datetime) -> int | None:
    """Return for how many seconds the one queue that waits has waited; None: none does."""
    return next((measure.value for measure in measures.take(rule, now=at)), None)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Ring]:
    """A broker that takes every ring, and no worker."""
    taken: list[Ring] = []

    def ring(rings: list[Ring]) -> list[Ring]:
        taken.extend(rings)
        return []

    monkeypatch.setattr(gateway, "was_wiped", lambda: False)
    monkeypatch.setattr(gateway, "ring", ring)
    return taken


def test_what_waits_for_its_hour_is_late_from_that_hour_on_however_often_it_is_rung(
    db: None, settings: Settings, rung: list[Ring]
) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    hour = now() + HOUR
    with transaction.atomic():
        outbox.post(TaskName.DELIVER_WEBHOOK, now=now(), not_before=hour, delivery_id="whd_1")

    assert late(rule, hour - SECOND) is None
    assert outbox.ring_due(now=hour) == 1
    assert late(rule, hour + SECOND) == 1
    for minute in range(1, 4):
        outbox.ring_due(now=hour + minute * MINUTE)
    assert len(rung) == 4
    assert late(rule, hour + 3 * MINUTE) == 180

    assert outbox.begin(Message.objects.get().pk, now=hour + 3 * MINUTE)
    assert late(rule, hour + 3 * MINUTE) is None


def test_a_run_that_ends_in_a_pause_or_not_at_all_is_late_only_when_its_message_is_due_again(
    db: None, settings: Settings
) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    posted = now()
    with transaction.atomic():
        outbox.post(TaskName.DISPATCH_JOB, now=posted, job_id="job_1")
    message = Message.objects.get()

    assert outbox.begin(message.pk, now=posted + HOUR)
    assert late(rule, posted + HOUR + pauses.RUN_GRACE) == 0
    assert late(rule, posted + HOUR + pauses.RUN_GRACE + MINUTE) == 60

    outbox.fail(message.pk, error="no room", now=posted + 2 * HOUR)
    again = posted + 2 * HOUR + pauses.after_failure(1)
    assert late(rule, again - SECOND) is None
    assert late(rule, again + MINUTE) == 60

    Message.objects.update(ring_at=None, dead_at=posted, error="no room")
    assert late(rule, posted + DAY) is None
    assert outbox.revive(message.pk, now=posted + DAY)
    assert late(rule, posted + DAY + MINUTE) == 60


def test_what_a_former_release_has_posted_is_late_from_its_next_ring_on(
    db: None, settings: Settings
) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    with transaction.atomic():
        outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id="job_1")
    ring_at = now() + HOUR
    Message.objects.update(due_at=None, ring_at=ring_at)

    assert late(rule, ring_at - SECOND) is None
    assert late(rule, ring_at + MINUTE) == 60


def test_a_queue_waits_since_its_oldest_message_that_nobody_has_begun(
    db: None, settings: Settings
) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    with transaction.atomic():
        for number in range(3):
            outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id=f"job_{number}")
    begun, oldest, _newest = Message.objects.order_by("pk")
    Message.objects.filter(pk=begun.pk).update(due_at=now() - DAY)
    assert outbox.begin(begun.pk, now=now())
    Message.objects.filter(pk=oldest.pk).update(due_at=now() - HOUR)

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
