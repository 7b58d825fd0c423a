"""Fair turns in the queue of record: who is handed over next, and who cannot push in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights.bench import crowds
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import dispatching, ending, placing, queueing
from billing.jobs.turns import LaneClock
from billing.outbox.models import Message
from tests import factories
from tests.jobs import shop

WEIGHT = shop.FREE + "  weight = %d\n"
LANES = """
[[lane]]
code = "standard"
name = { en = "Standard", zh = "标准" }
priority = 50
[[lane]]
code = "relaxed"
name = { en = "Relaxed", zh = "慢速" }
priority = 200
share = 25
[[lane]]
code = "night"
name = { en = "Night", zh = "夜间" }
priority = 300
deliver_within = "PT2H"
"""
SECOND = timedelta(seconds=1)
CLOCK = "INSERT INTO billing_laneclock (backend, lane, turn, number, starts) VALUES "


@pytest.fixture
def bob(ada: Account) -> Account:
    """Bob has credits, and so has Ada."""
    bob = factories.new_account("bob", is_sandbox=False)
    for account in (ada, bob):
        factories.give(account, 100_000)
    return bob


def queue() -> list[str]:
    """Return the jobs that may go now, in turn."""
    return [job.pk for job in queueing.waiting("away", now=datetime.now(UTC))]


def start(job: Job) -> None:
    """Hand the job over, as dispatch does."""
    with transaction.atomic():
        turn = queueing.turn_at("away", job, now=datetime.now(UTC))
        assert turn is not None
        queueing.take(turn)
    shop._send(job)


def start_next() -> Job:
    """Hand over the job whose turn it is."""
    start(job := next(queueing.waiting("away", now=datetime.now(UTC))))
    # It ends at once: the backend has few slots.
    Attempt.objects.filter(job=job).update(state="ended", outcome="x", ended_at=job.created_at)
    return job


def owners(started: Sequence[Job]) -> list[str]:
    return [job.account.external_id for job in started]


def rung() -> list[str]:
    """Return the jobs that were rung for since they were ordered, in that order."""
    found = Message.objects.filter(task="jobs.dispatch").order_by("created_at", "pk")
    return [message.arguments["job_id"] for message in found]


def test_who_orders_much_goes_no_sooner_than_who_orders_little(ada: Account, bob: Account) -> None:
    shop.open_shop()
    much = [shop.submit(ada) for _number in range(4)]
    little = shop.submit(bob)

    assert queue() == [much[0].pk, little.pk, *(job.pk for job in much[1:])]


def test_a_plan_of_more_weight_goes_first_by_so_much(ada: Account, bob: Account) -> None:
    shop.open_shop(plans=WEIGHT % 1)
    for _number in range(3):
        shop.submit(ada)
    shop.open_shop(plans=WEIGHT % 4)
    for _number in range(8):
        shop.submit(bob)

    found = [start_next() for _number in range(11)]

    assert owners(found) == ["bob"] * 3 + ["ada"] + ["bob"] * 4 + ["ada"] + ["bob"] + ["ada"]


def test_an_account_that_comes_later_does_not_go_behind_nor_before_all(
    ada: Account, bob: Account
) -> None:
    shop.open_shop()
    for _number in range(6):
        shop.submit(ada)
    for _number in range(3):
        start_next()

    for _number in range(3):
        shop.submit(bob)

    assert owners([start_next() for _number in range(6)]) == ["ada", "bob"] * 3


def test_what_costs_more_weighs_more(ada: Account, bob: Account) -> None:
    shop.open_shop()
    for _number in range(2):
        shop.submit(ada, count=3)
    for _number in range(4):
        shop.submit(bob, count=1)

    found = owners([start_next() for _number in range(6)])
    assert found == ["bob", "bob", "ada", "bob", "bob", "ada"]


def test_who_waits_for_one_backend_is_not_behind_for_it_at_another(
    ada: Account, bob: Account, settings: Settings
) -> None:
    other = {**settings.BACKENDS["away"], "models": ["n"]}
    settings.BACKENDS = {"away": {**settings.BACKENDS["away"], "models": ["m"]}, "other": other}
    shop.open_shop(models=shop.MODEL + shop.MODEL.replace('code = "m"', 'code = "n"'))
    waits = [shop.submit(ada) for _number in range(3)]

    elsewhere, same = shop.submit(ada, model="n"), shop.submit(bob, model="n")

    assert [job.turn for job in waits] == [waits[0].turn * n for n in (1, 2, 3)]
    assert elsewhere.turn == same.turn == waits[0].turn


def test_a_backend_that_takes_anothers_place_lets_nobody_overtake_what_waits(
    ada: Account, bob: Account, settings: Settings
) -> None:
    shop.open_shop()
    waits = [shop.submit(ada) for _number in range(4)]
    for _number in range(3):
        start_next()

    settings.BACKENDS = {"fresh": settings.BACKENDS["away"]}

    assert shop.submit(bob).turn == waits[3].turn


def test_a_backend_that_makes_both_models_counts_both(ada: Account, bob: Account) -> None:
    shop.open_shop(models=shop.MODEL + shop.MODEL.replace('code = "m"', 'code = "n"'))

    first, second = shop.submit(ada), shop.submit(ada, model="n")

    assert second.turn == 2 * first.turn


def test_a_model_costs_what_it_took_of_late(ada: Account, bob: Account) -> None:
    shop.open_shop()
    nobody_knows = shop.submit(ada, seconds=5)
    assert nobody_knows.turn == 5_000_000
    made(nobody_knows, in_=timedelta(seconds=80))

    assert shop.submit(bob, seconds=5, count=2).turn == 160_000_000


# -- nobody pushes in --------------------------------------------------------------------------
def test_a_job_that_cannot_be_claimed_steps_aside(
    ada: Account, bob: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKENDS = {"away": {**settings.BACKENDS["away"], "concurrency": 1}}
    shop.open_shop()
    broken, other = shop.submit(ada), shop.submit(bob)
    view_of = dispatching.view_of

    def breaks(attempt: Attempt) -> Any:  # noqa: ANN401 (what view_of returns)
        if attempt.job_id == broken.pk:
            raise RuntimeError
        return view_of(attempt)

    monkeypatch.setattr(dispatching, "view_of", breaks)
    with pytest.raises(RuntimeError):
        jobs.dispatch(job_id=broken.pk, now=datetime.now(UTC))

    jobs.dispatch(job_id=other.pk, now=datetime.now(UTC))

    assert [attempt.job_id for attempt in Attempt.objects.all()] == [other.pk]
    assert Job.objects.get(pk=broken.pk).status == "queued"


# -- lanes -------------------------------------------------------------------------------------
def test_a_lane_that_goes_last_still_gets_its_share(ada: Account, bob: Account) -> None:
    shop.open_shop(LANES)
    for _number in range(12):
        shop.submit(ada)
    for _number in range(3):
        shop.submit(bob, lane="relaxed")

    found = owners([start_next() for _number in range(12)])

    assert [place for place, name in enumerate(found) if name == "bob"] == [3, 7, 11]


def test_what_is_nearly_out_of_time_goes_before_its_turn_and_moves_no_clock(
    ada: Account, bob: Account
) -> None:
    shop.open_shop(LANES)
    many = [shop.submit(ada, lane="night") for _number in range(8)]
    urgent = many[-1]
    Job.objects.filter(pk=urgent.pk).update(dispatch_by=datetime.now(UTC) + timedelta(minutes=29))

    found = [start_next().pk for _number in range(4)]

    assert found == [*(job.pk for job in many[:3]), urgent.pk]
    assert LaneClock.objects.get().turn == many[2].turn


def test_what_has_time_left_waits_its_turn(ada: Account, bob: Account) -> None:
    shop.open_shop(LANES)
    many = [shop.submit(ada, lane="night") for _number in range(8)]
    Job.objects.filter(pk=many[-1].pk).update(dispatch_by=datetime.now(UTC) + timedelta(minutes=35))

    assert [start_next().pk for _number in range(8)] == [job.pk for job in many]


# -- 10,000 in the queue -----------------------------------------------------------------------
def test_ten_thousand_jobs_of_which_one_account_has_half_are_read_a_few_at_a_time(
    ada: Account, bob: Account
) -> None:
    """The first hundred starts go to the weights; to find the next one costs five statements."""
    shop.open_shop(plans=WEIGHT % 4)
    template, now = shop.submit(ada), datetime.now(UTC)

    with crowds.crowd(template, jobs=10_000):
        with CaptureQueriesContext(connection) as asked:
            first = next(queueing.waiting("away", now=now))
        found = list(islice(queueing.waiting("away", now=now), 1000))

    assert len(asked) <= 6
    assert found[0].pk == first.pk
    whale = [job for job in found if job.wallet_id == crowds.WHALE]
    round_of_all = crowds.ACCOUNTS + crowds.WEIGHT
    assert abs(len(whale) - crowds.WEIGHT * 1000 // round_of_all) <= 2
    assert len({job.wallet_id for job in found}) >= 1000 - len(whale)


def made(job: Job, *, in_: timedelta) -> None:
    """Let a backend make the job in so much time."""
    shop._send(job)
    attempt = Attempt.objects.get(job=job)
    Job.objects.filter(pk=job.pk).update(started_at=datetime.now(UTC) - in_)
    with transaction.atomic():
        locked, attempt = ending.lock_attempt(attempt.pk)
        ending.end_attempt(attempt, outcome="succeeded", now=datetime.now(UTC))
        output = shop._stored(job, 0)
        ending.succeed(locked, [output], actor=shop.BACKEND, now=datetime.now(UTC))


def wait_of(job: Job, *, now: datetime | None = None) -> timedelta | None:
    """Return how long it is told to wait; some seconds more, as these are rounded up."""
    now = now or datetime.now(UTC)
    place = jobs.place_of(Job.objects.select_related("account").get(pk=job.pk), now=now)
    return None if place.eta is None else place.eta - now


def test_no_time_is_told_while_nobody_knows_how_long_it_takes(ada: Account, bob: Account) -> None:
    shop.open_shop()
    first, second = shop.submit(ada), shop.submit(bob)

    assert wait_of(second) is None
    told = wait_of(first)  # nothing is before it
    assert told is not None
    assert told <= 10 * SECOND


def test_the_time_follows_from_slots_and_from_what_goes_first(ada: Account, bob: Account) -> None:
    shop.open_shop()
    made(shop.submit(ada), in_=timedelta(seconds=60))
    waits = [shop.submit(ada) for _number in range(6)]
    for job in waits[:2]:
        start(job)
    asks = datetime.now(UTC)
    Job.objects.filter(pk__in=[job.pk for job in waits[:2]]).update(started_at=asks - 20 * SECOND)

    told = [wait_of(job, now=asks) for job in waits[2:]]

    seconds = [-1 if one is None else one // SECOND for one in told]
    for found, expected in zip(seconds, [40, 40, 100, 100], strict=True):
        assert expected <= found <= expected + 11


def test_the_time_counts_with_those_who_will_come_and_go_first(
    ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.open_shop()
    made(shop.submit(ada), in_=timedelta(seconds=60))
    made(shop.submit(bob), in_=timedelta(seconds=60))
    waits = [shop.submit(ada) for _number in range(6)]
    asks = datetime.now(UTC)
    lately = [wait_of(job, now=asks) for job in waits]
    monkeypatch.setattr(placing, "_LATELY", timedelta(0))

    alone = [wait_of(job, now=asks) for job in waits]

    # Two slots are free at once. Who orders next goes before the third and later ones, and more
    # likely so before the last.
    grown = [late / early for late, early in zip(lately, alone, strict=True) if late and early]
    assert grown[:2] == [1, 1]
    assert 1.4 < grown[2] < 1.6 < grown[4] < 1.8


def test_an_accounts_own_limit_is_counted_in(ada: Account, bob: Account) -> None:
    waits = shop.FREE.replace("concurrency = 100", 'concurrency = 1\n  excess = "wait"')
    shop.open_shop(plans=waits)
    made(shop.submit(ada), in_=timedelta(seconds=60))
    first, second = shop.submit(ada), shop.submit(ada)
    start(first)

    told = wait_of(second)

    assert told is not None
    assert 59 * SECOND <= told <= 71 * SECOND  # though a slot of the backend is free


def test_what_would_be_given_back_before_its_turn_is_told_no_time(
    ada: Account, bob: Account
) -> None:
    shop.open_shop(LANES)
    made(shop.submit(ada), in_=timedelta(hours=1))
    waits = [shop.submit(ada, lane="night") for _number in range(6)]

    told = [wait_of(job) for job in waits]

    assert [one is None for one in told] == [False] * 4 + [True] * 2  # two slots, two hours


def test_a_place_counts_what_the_lanes_before_it_have_and_no_more_than_they_get(
    ada: Account, bob: Account
) -> None:
    shop.open_shop(LANES)
    for _number in range(8):
        shop.submit(ada)
    relaxed = [shop.submit(bob, lane="relaxed") for _number in range(3)]
    start_next()

    now = datetime.now(UTC)
    places = [jobs.place_of(job, now=now).position for job in relaxed]

    order = queue()
    assert places == [order.index(job.pk) + 1 for job in relaxed]


# -- the database ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE billing_job SET turn = 0", "job_keeps_its_turn"),
        ("UPDATE billing_job SET lane = 'relaxed'", "job_keeps_its_turn"),
        ("UPDATE billing_laneclock SET turn = 0, number = 2, starts = 2", "lane_clock_goes_for"),
        ("UPDATE billing_laneclock SET number = 2", "lane_clock_goes_for"),
        ("UPDATE billing_laneclock SET number = 1, starts = 2", "lane_clock_goes_for"),
        ("UPDATE billing_laneclock SET lane = 'x', number = 2, starts = 2", "lane_clock_goes_for"),
        (CLOCK + "('b', 'l', 0, 1, 2)", "lane_clock_counts_its_starts"),
        (CLOCK + "('away', 'l', 0, 1, 1)", "lane_clock_start_is_ones"),
        (CLOCK + "('away', 'standard', 0, 5, 1)", "lane_clock_once"),
    ],
)
def test_a_place_is_given_once_and_a_clock_goes_forward(
    ada: Account, bob: Account, statement: str, rule: str
) -> None:
    shop.open_shop()
    start(shop.submit(ada))
    before = (list(Job.objects.values("lane", "turn")), list(LaneClock.objects.values()))

    with (
        pytest.raises(IntegrityError, match=rule),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert before == (list(Job.objects.values("lane", "turn")), list(LaneClock.objects.values()))
