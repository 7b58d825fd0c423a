"""Each rule bites at its bound and not before it, and what is well again is closed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.alerts import measures, services
from billing.alerts.models import Alert
from billing.alerts.rules import CALM, RuleCode
from billing.fleet import services as fleet
from billing.fleet.breaking import OPENS_AFTER, Sign
from billing.gpu.protocol import Fail, State, Status
from billing.jobs.models import Attempt, Job
from billing.jobs.services import hearing
from billing.ledger.models import Hold, Wallet
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import StripeEvent
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery
from tests import factories
from tests.alerts.conftest import look, only
from tests.insights.selling import order, sell

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def now() -> datetime:
    return datetime.now(UTC)


def closes(after: timedelta) -> bool:
    """Say whether what stands is closed once it has been well for long enough, and not before."""
    [alert] = look(after)
    assert alert.well_since is not None
    assert look(after + CALM - MINUTE)
    return look(after + CALM + MINUTE) == []


def fail(buyer: Account, how: Fail = Fail.PROVIDER) -> Job:
    job, attempt = order(buyer)
    hearing.apply_status(attempt.pk, Status(state=State.FAILED, fail=how), now=now())
    return job


def test_a_backend_that_makes_too_few_videos(buyer: Account, settings: Settings) -> None:
    rule = only(settings, RuleCode.GPU_SUCCESS_LOW, bites_at=75, well_at=80, least=4)
    factories.give(buyer, 1000)
    for _each in range(3):
        sell(buyer)
    fail(buyer)
    fail(buyer, Fail.MODERATION)  # says nothing of the backend

    assert look() == []  # 3 of 4

    fail(buyer)
    [watched] = look(MINUTE)
    assert (watched.subject, watched.value, watched.state) == ("away/kling-v1-6", 60, "pending")
    [alert] = look(MINUTE + rule.lasts)
    assert (alert.state, alert.facts["ended"], alert.facts["made"]) == ("open", 5, 3)

    assert closes(HOUR)  # nothing has ended lately


def test_a_backend_of_which_too_few_orders_are_known(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.GPU_SUCCESS_LOW, least=2)
    factories.give(buyer, 1000)
    fail(buyer)

    assert look() == []
    fail(buyer)
    assert len(look(MINUTE)) == 1


def test_a_value_between_its_bounds_leaves_an_alert_as_it_is(
    buyer: Account, settings: Settings
) -> None:
    only(settings, RuleCode.GPU_SUCCESS_LOW, bites_at=50, well_at=80, least=1, lasts=timedelta(0))
    factories.give(buyer, 1000)
    fail(buyer)
    assert look()[0].state == "open"

    for _each in range(3):
        sell(buyer)  # 75 %

    [alert] = look(CALM + MINUTE)
    assert (alert.value, alert.worst, alert.well_since) == (75, 0, None)
    sell(buyer)  # 80 %
    assert closes(CALM + 2 * MINUTE)


def test_a_breaker_that_stays_open(db: None, settings: Settings) -> None:
    rule = only(settings, RuleCode.BREAKER_OPEN)
    with transaction.atomic():
        for number in range(OPENS_AFTER):
            fleet.note(
                "away",
                model="m",
                attempt_id=f"at_{number}",
                sign=Sign.UNHEARD,
                reason="refused",
                now=now(),
            )

    assert look(timedelta(seconds=rule.bites_at) - MINUTE) == []
    [alert] = look(timedelta(seconds=rule.bites_at) + SECOND)
    assert (alert.subject, alert.state) == ("away/m", "open")

    fleet.reset_breaker(backend="away", model="m", operator="grace")
    assert closes(HOUR)


@pytest.mark.parametrize("code", [RuleCode.SIDES_DISAGREE, RuleCode.INVARIANT_BROKEN])
def test_what_a_check_over_all_rows_has_found(code: RuleCode, db: None, settings: Settings) -> None:
    only(settings, code)
    services.inspected(code, lines=[], now=now())
    assert look() == []

    services.inspected(code, lines=["I1 wa_1: it is negative"], now=now())
    [alert] = look(MINUTE)
    assert (alert.state, alert.severity, alert.value) == ("open", "critical", 1)
    assert alert.facts["lines"] == ["I1 wa_1: it is negative"]

    services.inspected(code, lines=[], now=now())
    assert closes(2 * MINUTE)


def test_a_hold_that_stays_open(buyer: Account, settings: Settings) -> None:
    rule = only(settings, RuleCode.HOLD_STUCK)
    factories.give(buyer, 1000)
    job, attempt = order(buyer)

    assert look(timedelta(seconds=rule.bites_at) - MINUTE) == []
    [alert] = look(timedelta(seconds=rule.bites_at) + MINUTE)
    assert (alert.state, alert.facts["rows"]) == ("open", [["billing.hold", job.hold_id]])

    hearing.apply_status(attempt.pk, Status(state=State.FAILED, fail=Fail.LOST), now=now())
    assert closes(timedelta(seconds=rule.bites_at) + 3 * MINUTE)


def test_jobs_that_only_a_person_can_end(buyer: Account, settings: Settings) -> None:
    rule = only(settings, RuleCode.JOB_NEEDS_PERSON)
    factories.give(buyer, 1000)
    job, attempt = order(buyer)
    Job.objects.filter(pk=job.pk).update(status="unknown", deadline_at=now() + HOUR)

    assert look() == []
    [watched] = look(HOUR + MINUTE)
    assert watched.state == "pending"
    [alert] = look(HOUR + MINUTE + rule.lasts)
    assert (alert.state, alert.facts["rows"]) == ("open", [["billing.job", job.pk]])

    hearing.apply_status(attempt.pk, Status(state=State.FAILED, fail=Fail.LOST), now=now())
    assert closes(3 * HOUR)


def test_webhooks_that_were_given_up(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.WEBHOOK_DEAD, bites_at=2, well_at=1)
    with transaction.atomic():
        endpoint = webhooks.create_endpoint(
            account=buyer, url="https://hooks.example.com/x", now=now()
        )
    for number in range(2):
        with transaction.atomic():
            webhooks.publish(account=buyer, type="job.succeeded", data={"n": number}, now=now())
    first, second = Delivery.objects.order_by("pk")
    dead = {"next_at": None, "last_trouble": "timeout", "dead_at": now()}
    Delivery.objects.filter(pk=first.pk).update(**dead)

    assert look() == []
    Delivery.objects.filter(pk=second.pk).update(**dead)
    [alert] = look(MINUTE)
    assert (alert.subject, alert.state, alert.value) == (endpoint.pk, "open", 2)

    assert closes(2 * HOUR)  # nothing was given up of late


def test_errands_that_were_given_up(db: None, settings: Settings) -> None:
    only(settings, RuleCode.OUTBOX_DEAD)
    with transaction.atomic():
        outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id="job_1")
    message = Message.objects.get()
    assert look() == []

    Message.objects.update(ring_at=None, dead_at=now(), error="OSError: no space")
    [alert] = look(MINUTE)
    assert (alert.subject, alert.state) == ("jobs.dispatch", "open")
    assert alert.facts["rows"] == [["billing.message", message.pk]]

    outbox.revive(message.pk, now=now())
    assert closes(2 * MINUTE)


def test_what_stands_behind_too_many_that_are_worse_is_not_well(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(settings, RuleCode.OUTBOX_DEAD)
    with transaction.atomic():
        outbox.post(TaskName.CANCEL_JOB, now=now(), job_id="job_1")
    Message.objects.update(ring_at=None, dead_at=now(), error="OSError: no space")
    [alert] = look()
    with transaction.atomic():
        for number in range(2):
            outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id=f"job_{number}")
    worse = Message.objects.filter(task=TaskName.DISPATCH_JOB)
    worse.update(ring_at=None, dead_at=now(), error="OSError: no space")
    monkeypatch.setattr(measures, "SUBJECTS_MAX", 1)

    for minutes in (1, 2, 8, 9):
        assert alert in look(minutes * MINUTE)

    for message in Message.objects.filter(dead_at__isnull=False):
        outbox.revive(message.pk, now=now())
    look(10 * MINUTE)
    assert look(16 * MINUTE) == []


def test_a_queue_that_nobody_works_on(db: None, settings: Settings) -> None:
    rule = only(settings, RuleCode.QUEUE_WAITS)
    with transaction.atomic():
        outbox.post(TaskName.DISPATCH_JOB, now=now(), job_id="job_1")
        outbox.post(
            TaskName.DELIVER_WEBHOOK, now=now(), not_before=now() + DAY, delivery_id="whd_1"
        )

    assert look(timedelta(seconds=rule.bites_at) - MINUTE) == []
    [alert] = look(timedelta(seconds=rule.bites_at) + SECOND)
    assert (alert.subject, alert.state) == ("dispatch", "open")

    for message in Message.objects.filter(rings=1):  # and who tells of the alert
        outbox.finish(message.pk, now=now())
    assert closes(HOUR)


def test_events_of_stripe_that_are_not_applied(db: None, settings: Settings) -> None:
    rule = only(settings, RuleCode.STRIPE_LAG)
    StripeEvent.objects.create(
        id="evt_1", type="invoice.paid", is_live=False, via="webhook", raw="{}",
        created_at=now(), received_at=now(),
    )  # fmt: skip

    assert look(timedelta(seconds=rule.bites_at) - MINUTE) == []
    [alert] = look(timedelta(seconds=rule.bites_at) + SECOND)
    assert (alert.subject, alert.state) == ("waiting", "open")

    StripeEvent.objects.update(error="no such customer")
    failing, waiting = look(HOUR)
    assert (failing.subject, failing.state) == ("failing", "open")
    assert waiting.well_since is not None

    StripeEvent.objects.update(error="", applied_at=now())
    look(2 * HOUR)
    assert look(2 * HOUR + CALM + MINUTE) == []


def test_a_model_that_costs_more_than_it_brings(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.MARGIN_NEGATIVE, least=2)
    factories.give(buyer, 100, paid_micros=10_000_000, paid_currency="CNY")  # 10 credits: 1 CNY
    first, second = sell(buyer), sell(buyer)
    Attempt.objects.update(cost_micros=1_000_000, cost_currency="CNY")

    assert look() == []  # 0 %

    Attempt.objects.filter(job=first).update(cost_micros=1_020_000)
    assert look(HOUR)[0].value == -1
    [alert] = look(2 * HOUR)
    assert (alert.subject, alert.state) == ("kling-v1-6/CNY", "open")
    assert alert.facts["jobs"] == 2

    Attempt.objects.filter(job=second).update(cost_micros=100_000)
    look(3 * HOUR)
    assert look(4 * HOUR) == []


def test_jobs_that_were_free_in_part_have_no_margin(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.MARGIN_NEGATIVE, least=1)
    factories.give(buyer, 5, paid_micros=500_000, paid_currency="CNY")
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer)
    Attempt.objects.update(cost_micros=1_000_000, cost_currency="CNY")

    assert look() == []


def test_free_credits_that_are_used_unusually_fast(
    db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """What an hour used is read from entries below; here only how hours are compared."""
    only(settings, RuleCode.FREE_BURN_UNUSUAL, least=10)
    hours = {0: 39, 1: 20, 2: 10, 3: 900, 4: 10, 5: 30, 6: 13, 7: 0}  # 13 in the middle
    began = now()
    monkeypatch.setattr(measures, "_free_used", lambda until: hours[round((began - until) / DAY)])
    assert [alert.value for alert in look()] == [300]
    hours[0] = 38
    assert look(6 * MINUTE)[0].value == 292

    hours[0] = 26
    assert closes(12 * MINUTE)
    hours[0] = 38
    assert look(HOUR) == []


def test_bought_credits_are_used_as_fast_as_anybody_likes(
    buyer: Account, settings: Settings
) -> None:
    only(settings, RuleCode.FREE_BURN_UNUSUAL, least=1)
    factories.give(buyer, 1000, paid_micros=100_000_000, paid_currency="CNY")
    sell(buyer)

    assert look(MINUTE) == []


def test_few_free_credits_are_no_alert(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.FREE_BURN_UNUSUAL, least=11)
    factories.give(buyer, 1000)
    for _each in range(3):
        sell(buyer)

    assert look(MINUTE) == []
    sell(buyer)
    assert [alert.value for alert in look(7 * MINUTE)] == [363]


def test_accounts_that_are_halted(buyer: Account, settings: Settings) -> None:
    only(settings, RuleCode.GRANTS_HALTED)
    factories.give(buyer, 1)
    assert look() == []

    Wallet.objects.filter(account=buyer).update(halted_at=now())
    [alert] = look(MINUTE)
    assert (alert.state, alert.value) == ("open", 1)

    Wallet.objects.filter(account=buyer).update(halted_at=None)
    assert closes(2 * MINUTE)


def test_every_rule_can_be_measured_where_nothing_is(db: None) -> None:
    assert services.evaluate(now=now()) == 13
    assert not Alert.objects.exists()
    assert not Hold.objects.exists()
