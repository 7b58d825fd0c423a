"""Orders that continue a job: what they take over, from whom, and until when."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs.errors import InvalidParent
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.jobs.services.dispatching import view_of
from plans.credits import MICROS
from plans.errors import InvalidSpec
from tests import factories
from tests.jobs import shop

RATES = (
    shop.RATE
    + """
[[rate]]
id = "draft"
match = { draft = true }
form = "flat"
price = "1"
"""
)


@pytest.fixture
def draft(ada: Account) -> Job:
    """A draft of Ada's of 8 s in the better mode, that has been made."""
    shop.open_shop(rates=RATES)
    factories.give(ada, 100)
    order = JobOrder(
        spec={"model": "m", "draft": True, "seconds": 8, "mode": "pro"},
        inputs={"prompt": "a red kite"},
        options={"seed": 7},
    )
    return shop.finish(shop.submit(ada, order))


def final_of(parent: Job | str, **spec: object) -> JobOrder:
    parent_id = parent if isinstance(parent, str) else parent.pk
    return JobOrder(spec={"task": "final", **spec}, parent_id=parent_id)


def test_a_final_takes_over_what_its_draft_was(ada: Account, draft: Job) -> None:
    final = shop.submit(ada, final_of(draft))

    assert final.parent_id == draft.pk
    assert final.model == "m"
    kept = ("seconds", "mode", "draft", "task")
    assert [final.dimensions[name] for name in kept] == [8, "pro", False, "final"]
    assert (final.inputs, final.options) == ({"prompt": "a red kite"}, {"seed": 7})
    assert (draft.charged_micros, final.quoted_micros) == (MICROS, 16 * MICROS)


def test_what_the_order_says_itself_comes_first(ada: Account, draft: Job) -> None:
    order = JobOrder(
        spec={"task": "final", "model": "m", "seconds": 5},
        inputs={"prompt": "a blue kite"},
        parent_id=draft.pk,
    )

    final = shop.submit(ada, order)

    assert (final.dimensions["seconds"], final.dimensions["mode"]) == (5, "pro")
    assert final.inputs == {"prompt": "a blue kite"}


def test_a_final_is_no_continuation_of_its_draft(ada: Account, draft: Job) -> None:
    final = shop.submit(ada, final_of(draft))

    assert final.chain_seconds == 8
    shop.finish(final)
    assert "offset_seconds" not in view_of(final.attempts.get()).input


def test_only_a_draft_that_was_made_and_is_ones_own_can_become_a_final(
    ada: Account, draft: Job
) -> None:
    whole = shop.finish(shop.submit(ada, seconds=1))
    waiting = shop.submit(ada, draft=True)
    foreign = Job.objects.get(pk=draft.pk)
    bob = factories.new_account("bob", is_sandbox=False)
    factories.give(bob, 100)
    before = shop.facts_of(ada)

    for account, parent, said in (
        (ada, whole, "made with draft true"),
        (ada, waiting, "has not succeeded"),
        (bob, foreign, "a job of yours"),
        (ada, "job_absent", "a job of yours"),
    ):
        with pytest.raises(InvalidParent, match=said):
            shop.submit(account, final_of(parent, model="m"))

    assert shop.facts_of(ada) == before
    assert not Job.objects.filter(account=bob).exists()


def test_another_ones_job_gives_away_nothing_not_even_its_model(ada: Account, draft: Job) -> None:
    bob = factories.new_account("bob", is_sandbox=False)

    with pytest.raises(InvalidSpec) as refused:
        shop.submit(bob, final_of(draft))

    assert refused.value.errors[0]["pointer"] == "/model"


@pytest.mark.usefixtures("draft")
def test_a_draft_can_be_made_final_for_so_long_and_no_longer(settings: Settings) -> None:
    settings.BACKENDS["away"]["sandbox"] = True
    eve = factories.new_account("eve", is_sandbox=True)
    factories.give(eve, 100)
    order = JobOrder(spec={"model": "m", "draft": True}, inputs={"prompt": "x"})
    own = shop.finish(shop.submit(eve, order))
    factories.later(eve, timedelta(days=13, hours=23))
    assert "invalid_parent" not in shop.reasons(shop.quote(eve, final_of(own)))

    factories.later(eve, timedelta(hours=2))

    assert "invalid_parent" in shop.reasons(shop.quote(eve, final_of(own)))


def test_a_task_that_takes_over_no_model_needs_one(ada: Account, draft: Job) -> None:
    with pytest.raises(InvalidSpec) as refused:
        shop.submit(ada, JobOrder(spec={"task": "text_to_video"}, parent_id=draft.pk))

    assert refused.value.errors[0] == {
        "pointer": "/model",
        "code": "missing",
        "detail": "model is missing.",
    }
    assert Job.objects.count() == 1
