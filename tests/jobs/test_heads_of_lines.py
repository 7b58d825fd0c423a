"""Whoever stands first and cannot go holds nobody up, and nobody calls for him without end."""

from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet.breaking import OPENS_AFTER
from billing.fleet.models import Breaker
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import queueing
from billing.outbox.models import Message
from tests import factories
from tests.jobs import shop
from tests.jobs.fleet_story import entry, now, order
from tests.jobs.test_lanes import lanes

OTHER = shop.MODEL.replace('code = "m"', 'code = "n"')


@pytest.fixture
def shopper(ada: Account, settings: Settings) -> Account:
    """Ada has credits, in a shop of two models and of one slot."""
    shop.open_shop(models=shop.MODEL + OTHER)
    factories.give(ada, 1000)
    settings.BACKENDS["away"]["concurrency"] = 1
    return ada


def work(runs: int, *, at: datetime | None = None) -> list[str]:
    """Be the worker for so many messages at most; return the jobs for which it was called."""
    called: list[str] = []
    for _run in range(runs):
        message = Message.objects.filter(task="jobs.dispatch", done_at=None).order_by("pk").first()
        if message is None:
            break
        Message.objects.filter(pk=message.pk).update(runs=1)
        called.append(message.arguments["job_id"])
        jobs.dispatch(job_id=called[-1], now=at or now())
        Message.objects.filter(pk=message.pk).update(ring_at=None, done_at=now())
    return called


def handed_over() -> list[str]:
    """Return the jobs of which an attempt was made, in that order."""
    return list(Attempt.objects.order_by("created_at").values_list("job_id", flat=True))


def attempt_at(backend: str, job: Job, **facts: object) -> Attempt:
    """Have the job be handed to the backend; return the attempt, which differs by `facts`."""
    at = now()
    Job.objects.filter(pk=job.pk).update(status="dispatched")
    return Attempt.objects.create(
        **{"job": job, "number": 1, "backend": backend, "lease_until": at, "check_at": at}
        | {"created_at": at}
        | facts
    )


def open_breaker(model: str) -> Breaker:
    """Have the breaker of the model be open, and its pause over."""
    opened_at = now() - timedelta(minutes=1)
    return Breaker.objects.create(
        backend="away",
        model=model,
        state="open",
        unheard=OPENS_AFTER,
        openings=1,
        opened_at=opened_at,
        retry_at=opened_at + timedelta(seconds=30),
    )


def test_who_stands_first_behind_an_open_breaker_is_the_probe(shopper: Account) -> None:
    first = order(shopper)
    others = [shop.submit(shopper, model="n") for _number in range(3)]
    breaker = open_breaker("m")

    called = work(runs=4)

    assert called == [*(job.pk for job in others), first.pk]
    assert handed_over() == [first.pk]
    breaker.refresh_from_db()
    assert breaker.openings == 2  # it was sent, and the backend is still away


def test_what_a_backend_cannot_make_stands_in_nobodys_way_there(
    shopper: Account, settings: Settings
) -> None:
    other = entry("http://127.0.0.1:9", models=["m"], concurrency=1)
    settings.BACKENDS = {"away": settings.BACKENDS["away"], "other": other}
    attempt_at("other", order(shopper))
    picky = order(shopper)
    attempt_at("away", picky, state="ended", outcome="Unmakeable", ended_at=now())
    Job.objects.filter(pk=picky.pk).update(status="queued")
    waiting = shop.submit(shopper)

    work(runs=1)

    assert handed_over()[2:] == [waiting.pk]
    assert picky.pk not in [job.pk for job in queueing.waiting("away", now=now())]
    assert picky.pk in [job.pk for job in queueing.waiting("other", now=now())]


def test_a_lane_whose_hours_are_over_leaves_the_slot_to_the_next_at_once(
    ada: Account, settings: Settings
) -> None:
    night = lanes(opens_in=-timedelta(minutes=10))
    shop.open_shop(night.replace('code = "night"', 'code = "night"\npriority = 40'))
    factories.give(ada, 1000)
    settings.BACKENDS["away"]["concurrency"] = 1
    late = [order(ada, shop.order_of({"lane": "night"})) for _number in range(3)]
    by_day = shop.submit(ada)

    called = work(runs=9, at=now() + timedelta(hours=2))

    assert called == [by_day.pk, *(job.pk for job in late), by_day.pk]
    assert handed_over() == [by_day.pk]


def test_a_probe_that_an_operator_has_failed_lets_another_go(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS["away"]["concurrency"] = 2
    failed, waiting = order(shopper), order(shopper)
    attempt = attempt_at("away", failed, state="accepted", accepted_at=now())
    breaker = open_breaker("m")
    Breaker.objects.update(state="half_open", probe_id=attempt.pk)
    jobs.dispatch(job_id=waiting.pk, now=now())
    assert handed_over() == [failed.pk]

    at = now()
    jobs.fail(job_id=failed.pk, operator="grace", now=at)

    breaker.refresh_from_db()
    assert (breaker.state, breaker.retry_at, breaker.probe_id) == ("open", at, "")
    jobs.dispatch(job_id=waiting.pk, now=now())
    assert handed_over() == [failed.pk, waiting.pk]
