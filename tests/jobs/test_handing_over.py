"""What becomes of a job by each end of the call that hands it over, over real HTTP."""

import json
import socket
import time
from datetime import timedelta

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import selectors as fleet
from billing.fleet import services as fleet_services
from billing.fleet.breaking import OPENS_AFTER
from billing.fleet.models import BackendState, Breaker
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import AttemptView, State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import dispatching, explaining, hearing
from billing.outbox.models import Message
from tests.gpu import faulty as scripts
from tests.gpu.faulty import answering, read_request
from tests.jobs import shop
from tests.jobs.fleet_story import (
    Faulties,
    attempt_of,
    dispatch,
    entry,
    faulty,
    forget_messages,
    later,
    money,
    now,
    order,
    rung,
    shopper,
)

__all__ = ["faulty", "shopper"]

NOWHERE = "http://127.0.0.1:9"


def takes(connection: socket.socket) -> None:
    """Take whatever comes, as a Cog server does."""
    name = read_request(connection).split(b" ")[1].rpartition(b"/")[2].decode()
    body = json.dumps({"id": name, "status": "starting"}).encode()
    head = f"HTTP/1.1 202 Accepted\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def test_what_was_not_sent_goes_to_another_backend_at_once(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE), "here": entry(faulty.start(takes).base_url)}
    job = order(shopper)

    waits = dispatch(job)

    assert (waits.status, waits.hold.state, rung()) == ("queued", "open", [job.pk])
    taken = dispatch(job)
    assert (taken.status, attempt_of(job).backend) == ("dispatched", "here")
    assert [a.outcome for a in job.attempts.order_by("number")] == ["NotSent", ""]


def test_where_there_is_no_other_the_job_pauses_each_time_longer(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE)}
    job, at, pauses = order(shopper), now(), []
    for _time in range(4):
        waits = dispatch(job, at=at)
        pauses.append(round((waits.dispatch_at - at).total_seconds()))
        assert dispatch(job, at=at).attempts.count() == len(pauses)  # too early: nothing is tried
        at = waits.dispatch_at

    assert pauses == [5, 10, 20, 40]
    assert rung() == []


def test_a_backend_that_is_full_loses_slots_is_left_in_peace_and_keeps_no_attempt(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    busy = faulty.start(answering("429 Too Many", b"{}", "Retry-After: 60\r\n"))
    settings.BACKENDS = {"away": entry(busy.base_url, concurrency=8)}
    job, other = order(shopper), order(shopper)
    before = money(job)

    waits = dispatch(job)
    dispatch(job, at=later(seconds=30))
    dispatch(other, at=later(seconds=30))

    assert (waits.status, money(job)) == ("queued", before)
    assert busy.connections == 1
    assert fleet.slots_of(fleet.state_of("away")) == 1
    assert not Breaker.objects.exists()
    asks = later(seconds=30)
    assert explaining.queue_reason(Job.objects.get(pk=job.pk), now=asks) == "at_capacity"
    dispatch(job, at=later(seconds=61))
    assert busy.connections == 2


def test_a_full_backend_sends_the_job_to_another(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    busy, free = faulty.start(answering("429 Too Many", b"{}")), faulty.start(takes)
    settings.BACKENDS = {"away": entry(busy.base_url), "here": entry(free.base_url)}
    job = order(shopper)

    dispatch(job)
    assert rung() == [job.pk]

    dispatch(job)
    assert (attempt_of(job).backend, busy.connections) == ("here", 1)


def test_a_backend_that_refuses_us_is_left_alone_at_once_and_the_job_waits(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    refuses = faulty.start(answering("402 Payment Required", b'{"detail": "no balance"}'))
    settings.BACKENDS = {"away": entry(refuses.base_url)}
    job, other = order(shopper), order(shopper)

    waits = dispatch(job)
    dispatch(other)

    assert (waits.status, waits.hold.state) == ("queued", "open")
    assert refuses.connections == 1
    breaker = Breaker.objects.get()
    assert (breaker.state, "402" in breaker.reason) == ("open", True)
    assert explaining.queue_reason(waits, now=now()) == "backend_down"


def test_what_is_refused_on_its_merits_ends_and_says_nothing_against_the_backend(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    judge = faulty.start(answering("422 Unprocessable", b'{"detail": "nsfw prompt"}'))
    settings.BACKENDS = {"away": entry(judge.base_url)}
    for _time in range(OPENS_AFTER + 1):
        ended = dispatch(order(shopper))
        assert (ended.status, ended.failure_class) == ("failed", "moderation_input")

    assert judge.connections == OPENS_AFTER + 1
    assert not Breaker.objects.exists()


@pytest.mark.parametrize(
    "script",
    [
        scripts.closes_after_the_request,
        scripts.floods,
        scripts.breaks_off,
        scripts.talks_garbage,
        answering("500 Internal Server Error", b"oops"),
    ],
)
def test_what_nobody_knows_is_sent_once_and_to_no_other(
    shopper: Account, faulty: Faulties, settings: Settings, script: scripts.Script
) -> None:
    lost, free = faulty.start(script), faulty.start(takes)
    settings.BACKENDS = {"away": entry(lost.base_url), "here": entry(free.base_url)}
    job = order(shopper)
    before = money(job)

    doubted = dispatch(job)
    for minutes in (0, 1, 120):
        dispatch(job, at=later(minutes=minutes))

    assert (doubted.status, attempt_of(job).state) == ("unknown", "ambiguous")
    assert (lost.connections, free.connections) == (1, 0)
    assert (job.attempts.count(), money(job)) == (1, before)
    assert Breaker.objects.get().unheard == 1


def test_five_in_a_row_that_do_not_get_through_spare_the_sixth_the_attempt(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE, models=["m", "n"])}
    waiting = [order(shopper) for _number in range(OPENS_AFTER + 1)]
    at = now()  # of all: the pause of the first is not over before the last
    for job in waiting:
        dispatch(job, at=at)

    assert [job.attempts.count() for job in waiting] == [1] * OPENS_AFTER + [0]
    assert fleet.shut_models("away", now=at) == ["m"]


def test_behind_an_open_breaker_one_job_goes_ahead_to_see(
    shopper: Account, faulty: Faulties, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE, concurrency=9)}
    waiting = [order(shopper) for _number in range(OPENS_AFTER + 2)]
    for job in waiting[:OPENS_AFTER]:
        dispatch(job)
    hangs = faulty.start(scripts.never_answers)
    settings.BACKENDS = {"away": entry(hangs.base_url, concurrency=9)}
    at = later(minutes=6)

    seen = []

    def look(self: CogBackend, view: AttemptView) -> Status:
        """While the first is on its way the second asks, too."""
        dispatch(waiting[-1], at=at)
        seen.append(Breaker.objects.get().probe_id == view.id)
        return Status(state=State.QUEUED, provider_id=view.id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CogBackend, "submit", look)
        dispatch(waiting[0], at=at)

    assert seen == [True]
    assert waiting[-1].attempts.count() == 0
    assert Breaker.objects.get().state == "closed"


def test_the_queue_does_not_offer_what_a_breaker_keeps_away(
    shopper: Account, settings: Settings
) -> None:
    shop.open_shop(models=shop.MODEL + shop.MODEL.replace('code = "m"', 'code = "n"'))
    settings.BACKENDS = {"away": entry(NOWHERE, models=["m", "n"])}
    waiting = [order(shopper) for _number in range(OPENS_AFTER + 1)]
    other = shop.submit(shopper, shop.order_of({"model": "n"}))
    at = now()
    for job in waiting[:OPENS_AFTER]:
        dispatch(job, at=at)
    forget_messages()

    jobs.sweep(now=at + timedelta(seconds=20))

    assert rung() == [other.pk]


@pytest.mark.parametrize("mode", [BackendState.Mode.DRAINING, BackendState.Mode.MAINTENANCE])
def test_a_backend_kept_from_work_gets_none_and_others_do(
    shopper: Account, faulty: Faulties, settings: Settings, mode: BackendState.Mode
) -> None:
    away, here = faulty.start(takes), faulty.start(takes)
    settings.BACKENDS = {"away": entry(away.base_url)}
    has, job = order(shopper), order(shopper)
    dispatch(has)
    fleet_services.set_mode(
        backend="away", mode=mode, reason="new disks", operator="grace", now=now()
    )

    waits = dispatch(job)
    jobs.sweep(now=later(seconds=16))

    assert (waits.status, job.attempts.count(), rung()) == ("queued", 0, [])
    assert explaining.queue_reason(waits, now=now()) == "maintenance"
    assert Job.objects.get(pk=has.pk).status == "dispatched"
    settings.BACKENDS["here"] = entry(here.base_url)
    assert dispatch(job).status == "dispatched"
    assert (away.connections, here.connections) == (1, 1)


def test_a_worker_that_wakes_after_its_time_sends_nothing(
    shopper: Account, faulty: Faulties, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = faulty.start(takes)
    settings.BACKENDS = {"away": entry(free.base_url)}
    job, claim, clock = order(shopper), dispatching._claim, time.monotonic

    def held_up(*facts: object) -> object:
        made = claim(*facts)  # type: ignore[arg-type]  # passed on as they are
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 31)
        return made

    monkeypatch.setattr(dispatching, "_claim", held_up)
    waits = dispatch(job)

    assert free.connections == 0
    assert (waits.status, attempt_of(job).outcome) == ("queued", "NotSent")
    assert not Breaker.objects.exists()


def test_a_reply_for_an_attempt_that_was_given_up_stops_an_orphan_and_touches_nothing_else(
    shopper: Account, faulty: Faulties, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = faulty.start(takes)
    settings.BACKENDS = {"away": entry(free.base_url)}
    job, stopped = order(shopper), []

    def slow(self: CogBackend, view: AttemptView) -> Status:
        """Answer after the attempt was denied long enough to count as lost."""
        jobs.sweep(now=later(seconds=95))
        lost = Status(state=State.ABSENT)
        for minutes in (2, 8, 14, 20):
            hearing.apply_status(view.id, lost, now=later(minutes=minutes))
        return Status(state=State.RUNNING, provider_id="late")

    monkeypatch.setattr(CogBackend, "find", lambda _self, _view: None)
    monkeypatch.setattr(CogBackend, "submit", slow)
    monkeypatch.setattr(CogBackend, "cancel", lambda _self, view: stopped.append(view))

    ended = dispatch(job)

    assert (ended.status, ended.hold.state) == ("failed", "released")
    assert [(view.id, view.provider_id) for view in stopped] == [(attempt_of(job).pk, "late")]
    assert Attempt.objects.count() == 1


def test_cancelled_while_nothing_was_sent_ends_at_once_and_goes_nowhere_else(
    shopper: Account, faulty: Faulties, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKENDS = {"away": entry(NOWHERE), "here": entry(faulty.start(takes).base_url)}
    job, submit = order(shopper), CogBackend.submit

    def wished_away(self: CogBackend, view: AttemptView) -> Status:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=now())
        return submit(self, view)

    monkeypatch.setattr(CogBackend, "submit", wished_away)
    ended = dispatch(job)

    assert (ended.status, ended.hold.state) == ("canceled", "released")
    assert Message.objects.filter(task="jobs.dispatch", done_at=None).count() == 0
    assert rung() == []
