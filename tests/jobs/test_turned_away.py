"""A job that a backend has just turned away waits apart: others may have what it may not."""

from datetime import timedelta

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import selectors as fleet
from billing.fleet import services as fleet_services
from billing.fleet.breaking import Sign
from billing.fleet.models import BackendState
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import AttemptView, NotSent, Status
from billing.jobs.models import Attempt, Job
from billing.jobs.services import queueing
from tests.jobs.fleet_story import attempt_of, dispatch, entry, now, order, rung, shopper

__all__ = ["shopper"]

NOWHERE = "http://127.0.0.1:9"


def test_a_job_that_was_turned_away_does_not_keep_others_from_the_free_slot(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE, concurrency=1), "closed": entry(NOWHERE)}
    fleet_services.set_mode(
        backend="closed",
        mode=BackendState.Mode.MAINTENANCE,
        reason="new disks",
        operator="grace",
        now=now(),
    )
    first, second = order(shopper), order(shopper)
    at = now()

    waits = dispatch(first, at=at)

    assert waits.dispatch_at == at + timedelta(seconds=5)
    assert rung() == [second.pk]
    Job.objects.filter(pk=first.pk).update(dispatch_at=at)
    assert [job.pk for job in queueing.waiting("away", now=at)] == [second.pk]
    assert dispatch(second, at=at).attempts.count() == 1
    later = at + timedelta(seconds=6)
    assert [job.pk for job in queueing.waiting("away", now=later)] == [first.pk, second.pk]


def test_only_ends_of_one_kind_in_a_row_make_the_pause_longer(
    shopper: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE)}
    job, at = order(shopper), now()
    for number, outcome in enumerate(("NotSent", "AtCapacity", "AtCapacity", "NotSent"), 1):
        Attempt.objects.create(
            job=job,
            number=number,
            backend="away",
            state="ended",
            outcome=outcome,
            lease_until=at,
            check_at=at,
            created_at=at,
            ended_at=at - timedelta(minutes=10),
        )

    def not_sent(self: CogBackend, view: AttemptView) -> Status:
        raise NotSent("Nobody there.")

    monkeypatch.setattr(CogBackend, "submit", not_sent)
    waits = dispatch(job, at=at)

    assert waits.dispatch_at == at + timedelta(seconds=10)
    assert attempt_of(job).number == 5


def full(at_second: int, *, retry_after: int = 0) -> int:
    """The backend says that it is full; return for how many seconds it is left alone."""
    at = now().replace(microsecond=0) + timedelta(seconds=at_second)
    with transaction.atomic():
        fleet_services.note_full(
            "away", in_flight=1, retry_after=timedelta(seconds=retry_after), now=at
        )
    until = fleet.state_of("away").full_until
    assert until is not None
    return round((until - at).total_seconds())


def test_a_backend_that_stays_full_is_asked_ever_more_seldom_until_it_takes_one(
    shopper: Account,
) -> None:
    pauses = [full(1000 * time) for time in range(1, 8)]

    assert pauses == [5, 10, 20, 40, 80, 120, 120]
    assert full(7001) in (118, 119, 120)  # it was on its way with the last, and counts no more
    assert BackendState.objects.get().fulls == 7
    assert full(9000, retry_after=300) == 300
    with transaction.atomic():
        fleet_services.note("away", model="m", attempt_id="a", sign=Sign.HEARD, now=now())
    assert full(20_000) == 5


def test_opened_by_an_operator_a_backend_starts_anew(shopper: Account) -> None:
    full(0, retry_after=3600)

    fleet_services.set_mode(
        backend="away", mode=BackendState.Mode.OPEN, reason="", operator="grace", now=now()
    )

    state = BackendState.objects.get()
    assert (state.full_until, state.slots, state.fulls) == (None, None, 0)
    assert fleet.slots_of(state) == 2


def test_an_attempt_has_a_number_beyond_a_small_one(shopper: Account) -> None:
    at = now()
    made = Attempt.objects.create(
        job=order(shopper),
        number=40_000,
        backend="away",
        lease_until=at,
        check_at=at,
        created_at=at,
    )

    made.refresh_from_db()
    assert made.number == 40_000
