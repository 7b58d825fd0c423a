"""A slot that frees is filled at once: one worker is called for each, and each for another job."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import queueing
from billing.jobs.turns import LaneClock
from billing.outbox.models import Message
from tests import factories
from tests.jobs import shop
from tests.jobs.fleet_story import forget_messages, order, rung


@pytest.fixture
def shopper(ada: Account) -> Account:
    """Ada has credits, in a shop of one model."""
    shop.open_shop()
    factories.give(ada, 1000)
    return ada


def working(account: Account, number: int) -> list[Job]:
    """Return so many jobs that the backend works on."""
    found = [shop.submit(account) for _number in range(number)]
    for job in found:
        shop._send(job)
    return found


def free_the_slot_of(job: Job) -> None:
    """End the job's attempt, as whoever ends one does."""
    now = datetime.now(UTC)
    with transaction.atomic():
        Attempt.objects.filter(job=job).update(state="ended", outcome="x", ended_at=now)
        queueing.ring_next("away", now=now)


def test_slots_that_free_together_go_to_as_many_jobs(shopper: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["concurrency"] = 3
    at_work = working(shopper, 3)
    waiting = [order(shopper) for _number in range(4)]

    for job in at_work:
        free_the_slot_of(job)

    assert rung() == [job.pk for job in waiting[:3]]


def test_who_has_no_turn_yet_is_not_rung_for(shopper: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["concurrency"] = 1
    [at_work] = working(shopper, 1)
    forget_messages()
    first, _second = shop.submit(shopper), order(shopper)
    Message.objects.filter(arguments__job_id=first.pk).update(
        ring_at=first.created_at, done_at=None
    )
    before = rung()

    free_the_slot_of(at_work)

    assert before == rung() == [first.pk]


def test_whoever_has_looked_already_is_called_again(shopper: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["concurrency"] = 1
    [at_work] = working(shopper, 1)
    forget_messages()
    first = shop.submit(shopper)
    Message.objects.filter(ring_at__isnull=False).update(runs=1)  # it saw no slot, or it failed

    free_the_slot_of(at_work)

    assert rung() == [first.pk, first.pk]


def test_only_so_many_are_looked_at(shopper: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["concurrency"] = 100
    [at_work] = working(shopper, 1)
    last = [shop.submit(shopper) for _number in range(queueing._RUNG_FOR_MAX + 1)][-1]
    Message.objects.filter(arguments__job_id=last.pk).update(ring_at=None, done_at=last.created_at)
    before = rung()

    free_the_slot_of(at_work)

    assert rung() == before


def test_whose_turn_it_is_not_leaves_the_slot_and_rings_for_whose_it_is(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS["away"]["concurrency"] = 1
    first, second = order(shopper), order(shopper)

    jobs.dispatch(job_id=second.pk, now=datetime.now(UTC))

    assert not Attempt.objects.exists()
    assert not LaneClock.objects.exists()
    assert rung() == [first.pk]
    jobs.dispatch(job_id=first.pk, now=datetime.now(UTC))
    assert Attempt.objects.get().job_id == first.pk
    assert LaneClock.objects.get().turn == first.turn


def test_as_many_go_at_once_as_there_are_slots(shopper: Account) -> None:
    first, second, third = (shop.submit(shopper) for _number in range(3))

    with transaction.atomic():
        turns = [
            queueing.turn_at("away", job, now=datetime.now(UTC)) for job in (first, second, third)
        ]

    assert [turn is not None for turn in turns] == [True, True, False]
