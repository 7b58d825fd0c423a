"""Who waits hides nobody who could go, however much of it there is, and however it is counted."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.services import queueing
from tests import factories
from tests.jobs import shop

WAITS = shop.FREE.replace("concurrency = 100", 'concurrency = %d\n  excess = "wait"')
ONE_PRO = '\n  slot = [{ match = { mode = "pro" }, concurrency = 1 }]'


@pytest.fixture
def bob(ada: Account) -> Account:
    """Bob stands in the queue behind Ada."""
    return factories.new_account("bob", is_sandbox=False)


def queue() -> list[str]:
    """Return the jobs that may go now, in turn."""
    return [job.pk for job in queueing.waiting("away", now=datetime.now(UTC))]


def fill(*accounts: Account) -> None:
    """Give each of them all that a story needs."""
    for account in accounts:
        factories.give(account, 10_000)


def test_many_jobs_of_a_kind_that_waits_hide_nobody_and_cost_little(
    ada: Account, bob: Account
) -> None:
    shop.open_shop(plans=WAITS % 100 + ONE_PRO)
    fill(ada, bob)
    shop._send(shop.submit(ada, mode="pro"))
    for _number in range(3 * queueing._CHUNK):
        shop.submit(ada, mode="pro")
    other, last = shop.submit(ada, mode="std"), shop.submit(bob, mode="pro")

    with CaptureQueriesContext(connection) as asked:
        found = queue()

    assert found == [last.pk, other.pk]
    assert len(asked) < 13


def test_many_accounts_at_their_limit_hide_nobody(ada: Account) -> None:
    shop.open_shop(plans=WAITS % 1)
    full = [factories.new_account(f"full{n}", is_sandbox=False) for n in range(queueing._CHUNK)]
    fill(*full, ada)
    for account in full:
        shop._send(shop.submit(account))
        shop.submit(account)
        shop.submit(account)

    last = shop.submit(ada)

    assert queue() == [last.pk]


def test_what_goes_counts_for_what_comes_after_it(ada: Account, bob: Account) -> None:
    shop.open_shop(plans=WAITS % 2 + ONE_PRO)
    fill(ada, bob)
    pro = [shop.submit(ada, mode="pro") for _number in range(3)]
    std = [shop.submit(ada, mode="std") for _number in range(3)]
    last = shop.submit(bob)

    assert queue() == [pro[0].pk, last.pk, std[0].pk]


def test_what_need_not_wait_is_not_held_back_by_what_must(ada: Account) -> None:
    shop.open_shop()
    fill(ada)
    free = [shop.submit(ada) for _number in range(queueing._CHUNK + 1)]
    shop.open_shop(plans=WAITS % 1)
    shop._send(shop.submit(ada))
    shop.submit(ada)

    assert queue() == [job.pk for job in free]
    assert Job.objects.filter(waits=True, status="queued").count() == 1


def test_a_long_queue_is_read_to_its_end_and_each_job_once(ada: Account, bob: Account) -> None:
    shop.open_shop(plans=WAITS % 100)
    fill(ada, bob)
    ordered = [
        shop.submit(account).pk for _number in range(queueing._CHUNK + 1) for account in (ada, bob)
    ]

    assert queue() == ordered


def test_a_place_counts_only_who_may_take_the_same_slots(
    ada: Account, bob: Account, settings: Settings
) -> None:
    away = settings.BACKENDS["away"] | {"models": ["m"], "sandbox": True}
    settings.BACKENDS = {"away": away, "other": away | {"models": ["n"]}}
    shop.open_shop(models=shop.MODEL + shop.MODEL.replace('code = "m"', 'code = "n"'))
    toy = factories.new_account("toy", is_sandbox=True)
    fill(toy, ada, bob)
    for _number in range(2):
        shop.submit(toy)
    shop.submit(ada, model="n")
    last = shop.submit(bob)
    shop.submit(ada)  # its turn is after his

    def position() -> int | None:
        return jobs.place_of(last, now=datetime.now(UTC)).position

    assert position() == 2  # the first of the sandbox; its second one's turn is later
    away["sandbox"] = False
    assert position() == 1
    away["models"] = ["m", "n"]
    assert position() == 2
