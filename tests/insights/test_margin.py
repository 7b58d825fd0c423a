"""Every job has a margin, or says that nobody knows it; what failed costs, too."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.protocol import Fail, State, Status
from billing.insights.margin import margin
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending, hearing
from plans.catalog import publish
from tests import factories
from tests.insights.selling import COST, WORTH, catalog, order, sell

SINCE = datetime.now(UTC) - timedelta(days=1)
CNY = [{"per": "gpu_seconds", "amount": "0.02", "currency": "CNY"}]


def told(*arguments: str) -> Any:  # noqa: ANN401 (a document)
    out = StringIO()
    call_command("margin", "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


def cost(settings: Settings, rows: list[dict[str, Any]]) -> None:
    settings.BACKENDS = {"away": {**settings.BACKENDS["away"], "costs": rows}}


def test_a_job_brings_its_worth_and_costs_what_its_backend_measured(
    buyer: Account, settings: Settings
) -> None:
    cost(settings, CNY)
    factories.give(buyer, 100)
    job = sell(buyer, usage={"gpu_seconds": 12.5})

    [row] = told("--by", "job,backend,status")

    attempt = Attempt.objects.get(job=job)
    assert (attempt.cost_micros, attempt.cost_currency) == (250_000, "CNY")
    assert attempt.usage == {"gpu_seconds": "12.5"}
    assert (row["job"], row["backend"], row["status"]) == (job.pk, "away", "succeeded")
    assert (row["revenue"], row["cost"], row["margin"]) == (
        {"CNY": "1.00"},
        {"CNY": "0.25"},
        {"CNY": "0.75"},
    )
    assert (row["cost_measured_jobs"], row["margin_jobs"]) == (1, 1)


def test_what_failed_brings_nothing_and_costs_all_the_same(
    buyer: Account, settings: Settings
) -> None:
    cost(settings, CNY)
    factories.give(buyer, 100)
    _job, attempt = order(buyer)
    word = Status(state=State.FAILED, fail=Fail.PROVIDER, usage={"gpu_seconds": 50})
    hearing.apply_status(attempt.pk, word, now=datetime.now(UTC))

    [row] = told("--by", "model")

    assert (row["jobs"], row["succeeded"]) == (1, 0)
    assert (row["revenue"], row["cost"], row["margin"]) == ({}, {"CNY": "1.00"}, {"CNY": "-1.00"})


def test_a_success_after_the_credits_went_back_is_booked_as_a_cost(
    buyer: Account, settings: Settings
) -> None:
    cost(settings, CNY)
    factories.give(buyer, 100)
    job, attempt = order(buyer)
    now = datetime.now(UTC)
    hearing.apply_status(attempt.pk, Status(state=State.FAILED, fail=Fail.LOST), now=now)
    assert Attempt.objects.get(pk=attempt.pk).cost_micros is None

    late = Status(
        state=State.SUCCEEDED, outputs=("data:video/mp4;base64,ZmlsbQ==",), usage={"gpu_seconds": 5}
    )
    hearing.apply_status(attempt.pk, late, now=now)

    assert Job.objects.get(pk=job.pk).late_success_at is not None
    assert Attempt.objects.get(pk=attempt.pk).cost_micros == 100_000
    [row] = told("--by", "status")
    assert (row["status"], row["margin"]) == ("failed", {"CNY": "-0.10"})


def test_what_nobody_measured_is_unknown_or_told_by_the_cost_sheet(
    buyer: Account, settings: Settings
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    [unknown] = told()
    assert (unknown["cost"], unknown["margin"], unknown["margin_jobs"]) == ({}, {}, 0)

    publish.publish(catalog(WORTH, more=COST), now=datetime.now(UTC))
    sell(buyer)
    [both] = told()

    assert (both["jobs"], both["cost_estimated_jobs"], both["margin_jobs"]) == (2, 1, 1)
    assert (both["cost"], both["margin"]) == ({"CNY": "0.25"}, {"CNY": "0.75"})


def test_costs_in_another_money_need_a_rate(buyer: Account, settings: Settings) -> None:
    cost(settings, [{"per": "attempt", "amount": "0.1", "currency": "USD"}])
    factories.give(buyer, 100)
    sell(buyer)

    [without] = told()
    rows = margin(since=SINCE, by=["model"], told_in="CNY", rates={"USD": Fraction("7.1")})

    assert (without["margin"], without["margin_jobs"]) == ({}, 0)
    assert [row.side.margin for row in rows.values()] == [{"CNY": Fraction(290_000)}]
    [spoken] = told("--in", "CNY", "--rate", "USD=7.1")
    assert spoken["margin"] == {"CNY": "0.29"}


def test_an_attempt_that_no_backend_took_costs_nothing(buyer: Account, settings: Settings) -> None:
    cost(settings, [{"per": "attempt", "amount": "0.1", "currency": "CNY"}])
    factories.give(buyer, 100)
    refused, taken = order(buyer)[1], order(buyer)[1]
    Attempt.objects.filter(pk=refused.pk).update(accepted_at=None)

    with transaction.atomic():
        for attempt in (refused, taken):
            locked = ending.lock_attempt(attempt.pk)[1]
            ending.end_attempt(locked, outcome="NotSent", now=datetime.now(UTC))

    costs = [Attempt.objects.get(pk=attempt.pk).cost_micros for attempt in (refused, taken)]
    assert costs == [0, 100_000]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--by", "colour"], "--by is some of"),
        (["--by", "model,model"], "each once"),
        (["--since", "soon"], "--since is"),
        (["--rate", "USD=7"], "--rate needs --in"),
        (["--in", "CNY", "--rate", "USD:7"], "write it as USD=7.12"),
    ],
)
def test_a_wrong_question_is_told_its_remedy(
    shop: None, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        told(*arguments)


def test_the_table_says_what_is_not_known(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    out = StringIO()

    call_command("margin", "--by", "model", stdout=out)

    head, line, *_rest = out.getvalue().splitlines()
    assert head.split()[-1] == "margin"
    assert line.split() == ["kling-v1-6", "1/1", "10", "1.00", "CNY", "?", "?"]


def test_the_cost_sheet_does_not_say_what_half_a_video_cost(
    buyer: Account, settings: Settings
) -> None:
    publish.publish(catalog(WORTH, more=COST), now=datetime.now(UTC))
    factories.give(buyer, 100)
    _job, attempt = order(buyer)
    hearing.apply_status(
        attempt.pk, Status(state=State.FAILED, fail=Fail.PROVIDER), now=datetime.now(UTC)
    )

    [row] = told()

    assert (row["jobs"], row["cost"], row["margin_jobs"]) == (1, {}, 0)
