"""What a job costs that has failed after it used something: its share of that, never more."""

from datetime import UTC, datetime

import pytest

from billing.accounts.models import Account
from billing.gpu.protocol import Fail, State, Status
from billing.jobs.models import Job
from billing.jobs.services import hearing
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.test_settling import MORE, USAGE, open_metered


@pytest.mark.parametrize(("overrun", "charged"), [(USAGE, 15), (MORE, 20)])
def test_what_is_canceled_late_costs_its_share_of_what_it_used_as_far_as_was_agreed(
    ada: Account, overrun: str, charged: int
) -> None:
    open_metered(overrun + '[failure_policy.charge]\ncanceled_running = "0.5"\n')
    factories.give(ada, 100)
    job = shop.submit(ada)

    done = shop.fail(job, "canceled_running", usage={"total_tokens": 40_000})

    assert done.charged_micros == charged * MICROS
    assert sum(micros for _label, micros in shop.lines(done)) == charged * MICROS
    assert factories.free_micros(ada) == (100 - charged) * MICROS


def test_what_is_canceled_early_costs_no_more_than_it_used(ada: Account) -> None:
    open_metered(USAGE + '[failure_policy.charge]\ncanceled_running = "1"\n')
    factories.give(ada, 100)

    done = shop.fail(shop.submit(ada), "canceled_running", usage={"total_tokens": 500})

    assert done.charged_micros == MICROS // 2


def test_a_failure_that_keeps_nothing_keeps_nothing_of_what_was_used(ada: Account) -> None:
    open_metered(MORE)
    factories.give(ada, 100)

    done = shop.fail(shop.submit(ada), "backend_error", usage={"total_tokens": 40_000})

    assert (done.charged_micros, done.hold.state) == (0, "released")


def test_the_word_that_a_job_was_canceled_brings_its_usage(ada: Account) -> None:
    open_metered(MORE + '[failure_policy.charge]\ncanceled_running = "1"\n')
    factories.give(ada, 100)
    job = shop.submit(ada)
    shop._send(job)
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=datetime.now(UTC))
    word = Status(state=State.CANCELED, fail=Fail.CANCELED, usage={"total_tokens": 40_000})

    hearing.apply_status(job.attempts.get().pk, word, now=datetime.now(UTC))

    ended = Job.objects.get()
    assert (ended.status, ended.charged_micros) == ("canceled", 40 * MICROS)
