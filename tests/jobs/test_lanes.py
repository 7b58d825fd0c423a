"""Lanes: who goes first, at which hours, by when at the latest; and models out of their time."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.errors import NotYet, Retired
from billing.jobs.models import Attempt, Job
from billing.jobs.services import queueing
from plans.errors import Unpriced
from tests import factories
from tests.jobs import shop

LANES = """
[[lane]]
code = "standard"
name = { en = "Standard", zh = "标准" }
priority = 50
[[lane]]
code = "relaxed"
name = { en = "Relaxed", zh = "慢速" }
priority = 200
deliver_within = "PT2H"
[[lane]]
code = "night"
name = { en = "Night", zh = "夜间" }
hours = { from = "%(start)s", to = "%(end)s", zone = "UTC" }
deliver_within = "P2D"
"""


def lanes(*, opens_in: timedelta) -> str:
    """Return the lanes; the night one has an hour of the day that begins so much from now."""
    start = datetime.now(UTC) + opens_in
    hour = timedelta(hours=1)
    return LANES % {"start": f"{start:%H:%M}", "end": f"{start + hour:%H:%M}"}


def test_a_lane_of_lower_number_goes_first_and_within_it_an_accounts_oldest(ada: Account) -> None:
    shop.open_shop(lanes(opens_in=timedelta(hours=6)))
    factories.give(ada, 1000)
    relaxed = shop.submit(ada, lane="relaxed")
    first, second = shop.submit(ada), shop.submit(ada)

    queue = [job.pk for job in queueing.waiting("away", now=datetime.now(UTC))]

    assert queue == [first.pk, second.pk, relaxed.pk]
    now = datetime.now(UTC)
    places = [jobs.place_of(job, now=now).position for job in (first, second, relaxed)]
    assert places == [1, 2, 3]


def test_a_lane_with_hours_hands_over_in_them_only(ada: Account) -> None:
    shop.open_shop(lanes(opens_in=timedelta(hours=6)))
    factories.give(ada, 1000)
    now = datetime.now(UTC)

    job = shop.submit(ada, lane="night")

    assert timedelta(hours=5, minutes=58) < job.dispatch_at - now < timedelta(hours=6, minutes=1)
    assert job.dispatch_by - job.dispatch_at == timedelta(days=2)
    assert list(queueing.waiting("away", now=now)) == []
    jobs.dispatch(job_id=job.pk, now=now)
    # What was rung for in time and comes late waits for the next hours.
    jobs.dispatch(job_id=job.pk, now=job.dispatch_at + timedelta(hours=2))
    assert not Attempt.objects.exists()
    again = Job.objects.get()
    assert timedelta(hours=21) < again.dispatch_at - job.dispatch_at <= timedelta(hours=24)


def test_a_lane_whose_hours_are_now_hands_over_now(ada: Account) -> None:
    shop.open_shop(lanes(opens_in=-timedelta(minutes=10)))
    factories.give(ada, 1000)
    now = datetime.now(UTC)

    job = shop.submit(ada, lane="night")

    assert job.dispatch_at <= now + timedelta(seconds=5)
    jobs.dispatch(job_id=job.pk, now=datetime.now(UTC))
    assert Attempt.objects.get().job_id == job.pk


def test_a_promise_that_is_shorter_than_the_wait_begins_when_the_lane_opens(ada: Account) -> None:
    short = lanes(opens_in=timedelta(hours=6)).replace('"P2D"', '"PT30M"')
    shop.open_shop(short)
    factories.give(ada, 1000)

    job = shop.submit(ada, lane="night")
    jobs.sweep(now=job.dispatch_at + timedelta(minutes=29))

    assert Job.objects.get().status == "queued"
    jobs.sweep(now=job.dispatch_at + timedelta(minutes=30))
    assert Job.objects.get().status == "expired"


def test_what_a_lane_promised_and_did_not_keep_is_given_back(ada: Account) -> None:
    shop.open_shop(lanes(opens_in=timedelta(hours=6)))
    factories.give(ada, 10)
    job = shop.submit(ada, lane="relaxed")
    assert job.dispatch_by - job.created_at == timedelta(hours=2)

    jobs.sweep(now=job.dispatch_by)

    assert Job.objects.get().status == "expired"
    assert Job.objects.get().charged_micros == 0
    assert factories.free_micros(ada) == 10_000_000


def test_a_lane_of_which_the_file_says_nothing_is_as_any(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 10)

    job = shop.submit(ada, lane="night")

    assert job.lane_priority == 100
    assert job.dispatch_by - job.created_at == timedelta(hours=24)


# -- models ------------------------------------------------------------------------------------
OTHER = shop.MODEL.replace('code = "m"', 'code = "n"')
RETIRED = shop.MODEL.replace(
    'code = "m"', 'code = "m"\nuntil = 2020-01-01T09:00:00+08:00\nsuccessor = "n"'
)
COMING = shop.MODEL.replace('code = "m"', 'code = "m"\nfrom = 2099-01-01T09:00:00+08:00')


def test_a_retired_model_names_its_successor_and_is_never_sent(ada: Account) -> None:
    shop.open_shop(models=RETIRED + OTHER)
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(Retired) as refused:
        shop.submit(ada, seconds=7)

    assert refused.value.facts["successor"] == "n"
    assert "order n instead" in refused.value.message
    assert shop.facts_of(ada) == before
    told = shop.quote(ada, seconds=7)
    assert shop.reasons(told) == ["retired"]
    assert [(one.kind, dict(one.change)) for one in told.alternatives] == [
        ("change", {"model": "n"})
    ]
    assert shop.submit(ada, model="n", seconds=7).status == "queued"


def test_a_retired_model_without_a_price_is_called_retired_all_the_same(ada: Account) -> None:
    rate = shop.RATE.replace('form = "per_unit"', 'match = { mode = "pro" }\nform = "per_unit"')
    shop.open_shop(models=RETIRED + OTHER, rates=rate)

    with pytest.raises(Retired):
        shop.quote(ada, mode="std")

    assert shop.quotes() == 0


def test_a_model_that_is_to_come_says_when(ada: Account) -> None:
    shop.open_shop(models=COMING + OTHER)
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(NotYet) as refused:
        shop.submit(ada)

    assert refused.value.facts["retry_at"] == "2099-01-01T09:00:00+08:00"
    assert shop.facts_of(ada) == before


def test_what_has_no_price_is_never_sent(ada: Account) -> None:
    rate = shop.RATE.replace('form = "per_unit"', 'match = { mode = "pro" }\nform = "per_unit"')
    shop.open_shop(rates=rate)
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(Unpriced):
        shop.submit(ada, mode="std")

    assert shop.facts_of(ada) == before
    assert shop.quotes() == 0
