"""A job that waits says why, in a word that its customer understands."""

from datetime import timedelta
from functools import partial

from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import services as fleet
from billing.fleet.breaking import OPENS_AFTER
from billing.jobs import services as jobs
from billing.jobs.services import explaining
from tests import factories
from tests.jobs import shop
from tests.jobs.conftest import Ask
from tests.jobs.fleet_story import attempt_of, dispatch, entry, fresh, now, order, shopper
from tests.jobs.test_lanes import lanes
from tests.jobs.test_queue import WAITS

__all__ = ["shopper"]


def test_a_lane_that_is_closed(ada: Account) -> None:
    shop.open_shop(lanes(opens_in=timedelta(hours=6)))
    factories.give(ada, 100)

    job = shop.submit(ada, lane="night")

    assert explaining.queue_reason(job, now=now()) == "lane_hours"


def test_an_account_that_has_enough_at_work(ada: Account) -> None:
    shop.open_shop(plans=WAITS % 1)
    factories.give(ada, 100)
    shop._send(shop.submit(ada))

    assert explaining.queue_reason(shop.submit(ada), now=now()) == "account_limit"


def test_backends_that_are_busy(shopper: Account) -> None:
    for _number in range(2):
        shop._send(shop.submit(shopper))

    assert explaining.queue_reason(shop.submit(shopper), now=now()) == "at_capacity"


def test_of_several_backends_the_nearest_says_it(shopper: Account, settings: Settings) -> None:
    settings.BACKENDS = {"away": entry("http://127.0.0.1:9", concurrency=9)}
    waiting = [order(shopper) for _number in range(OPENS_AFTER + 1)]
    for job in waiting[:-1]:
        dispatch(job)
    assert explaining.queue_reason(waiting[-1], now=now()) == "backend_down"
    # With room for all: on a slow machine the others' pauses are over, and their turns first.
    settings.BACKENDS["other"] = entry("http://127.0.0.1:9", concurrency=9)

    assert explaining.queue_reason(waiting[-1], now=now()) is None
    # Who was not let in anywhere just now waits, too, though nothing is open.
    dispatch(waiting[-1])
    assert attempt_of(waiting[-1]).backend == "other"
    assert explaining.queue_reason(fresh(waiting[-1]), now=now()) == "backend_down"


def test_no_backend_at_all(shopper: Account, settings: Settings) -> None:
    job = order(shopper)
    settings.BACKENDS = {}

    assert explaining.queue_reason(job, now=now()) == "backend_down"
    assert dispatch(job).status == "queued"  # it waits; nothing is raised


def test_it_is_told_of_a_job_that_is_read_and_left_out_of_lists(shopper: Account, ask: Ask) -> None:
    for _number in range(2):
        shop._send(shop.submit(shopper))
    job = shop.submit(shopper)

    one = ask("get", f"/v1/jobs/{job.pk}").json()
    [listed, *_others] = ask("get", "/v1/jobs").json()["data"]

    assert one["queue"]["reason"] == "at_capacity"
    assert (listed["id"], listed["queue"]["reason"]) == (job.pk, None)


def test_no_time_is_told_while_nothing_is_sent_to_any_backend(
    shopper: Account, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry("http://127.0.0.1:9", concurrency=9)}
    waiting = [order(shopper) for _number in range(OPENS_AFTER)]
    first = waiting[0]  # so that no unknown duration is in its way
    mode = partial(fleet.set_mode, backend="away", reason="disks", operator="grace")

    mode(mode=fleet.Mode.DRAINING, now=now())
    drained = jobs.place_of(first, now=now())
    mode(mode=fleet.Mode.OPEN, now=now())
    opened = jobs.place_of(first, now=now())
    for job in waiting:  # the breaker opens
        dispatch(job)
    broken = jobs.place_of(fresh(first), now=now())
    settings.BACKENDS["other"] = entry("http://127.0.0.1:9")
    elsewhere = jobs.place_of(fresh(first), now=now())

    told = [place.eta is not None for place in (drained, opened, broken, elsewhere)]
    assert told == [False, True, False, True]
    assert [place.position for place in (drained, opened, broken)] == [1, 1, 1]
