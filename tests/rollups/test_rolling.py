"""Days are added up exactly: as a plain reading says, whoever runs it, and whatever comes late."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings
from structlog.testing import capture_logs

from billing.accounts.models import Account
from billing.insights import margin
from billing.insights.revenue.touched import TOUCHED
from billing.jobs import services as jobs
from billing.rollups import comparing, counting, services, valuing
from billing.rollups.models import CreditDay, JobDay, MarginDay, MoneyDay, RolledDay
from billing.rollups.subjects import Subject
from plans.credits import MICROS
from plans.periods import add_period
from tests import factories
from tests.insights import sales
from tests.insights.selling import order, sell
from tests.planner import expect_long_tables
from tests.rollups import plain

DAY = timedelta(days=1)
NONE = Fraction(0)
Shift = Callable[[timedelta], None]


def now() -> datetime:
    return datetime.now(UTC)


def live(people: list[Account], random: Random, shift: Shift) -> None:
    """Let four days pass, in which everybody does something, and things end in every way."""
    for age in (3, 2, 1, 0):
        shift(-age * DAY)
        for account in people:
            factories.give(account, random.randint(30, 90))
            if random.random() < 0.6:
                at = now() - age * DAY
                seen = sales.paid(account, micros=random.randint(1, 99) * MICROS)
                sales.look(replace(seen, paid_at=at, created_at=at))
            for _number in range(random.randint(0, 2)):
                sell(account)
            if random.random() < 0.5:
                job, _attempt = order(account)
                jobs.fail(job_id=job.pk, operator="grace", now=now())
            if random.random() < 0.3:
                order(account)  # and nobody knows how it ends
            held = factories.hold(account, 7)
            if random.random() < 0.5:
                factories.capture(account, held, 3 * MICROS)
            else:
                factories.release(account, held)
    shift(timedelta(0))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_sums_are_those_of_a_plain_reading(
    buyer: Account, clock: Shift, settings: Settings, seed: int
) -> None:
    settings.BACKENDS["away"]["sandbox"] = True
    people = [buyer, factories.new_account("mei", is_sandbox=True)]
    starts_at = now()
    ends_at = add_period(starts_at, "P1M")
    contract = sales.begin(people[1], "standard", "P1M", starts_at=starts_at, ends_at=ends_at)
    sales.period(people[1], contract, micros=9 * MICROS, ends_at=ends_at)
    live(people, Random(seed), clock)

    services.roll_up_due(now=now())

    assert plain.stored(Subject.CREDITS) == plain.credits_()
    told = plain.stored(Subject.JOBS)
    assert {d: {k: row[:4] for k, row in rows.items()} for d, rows in told.items()} == plain.jobs()
    assert plain.stored(Subject.ACCOUNTS) == plain.accounts()
    assert {row.is_bought for row in CreditDay.objects.filter(is_sandbox=True)} == {True, False}
    assert plain.stored(Subject.MONEY) == plain.money(now().date())
    _see_that_money_adds_up()
    _see_that_margins_are_those_of_the_command()
    # A second run finds nothing else, and neither does one of all days. Where a day has begun by
    # then, it is one row: its money, which opens with what the day before closed with.
    later = now() + timedelta(hours=7)
    assert services.roll_up_due(now=later) == (later.date() - now().date()).days
    since = (now() - 9 * DAY).date()
    assert list(services.roll_up_since(since, now=now())) == []


def _see_that_money_adds_up() -> None:
    """Each day opens with what the day before closed with."""
    for is_sandbox in (False, True):
        deferred = 0
        for day in MoneyDay.objects.filter(is_sandbox=is_sandbox).order_by("day"):
            came = day.sold_micros - day.returned_micros
            assert deferred + came - day.used_micros - day.lapsed_micros == day.deferred_micros
            deferred = day.deferred_micros
        assert deferred > 0


def _see_that_margins_are_those_of_the_command() -> None:
    for is_sandbox in (False, True):
        told = margin.margin(since=now() - 9 * DAY, by=["model"], is_sandbox=is_sandbox)
        rows = MarginDay.objects.filter(is_sandbox=is_sandbox)
        assert sum(row.jobs for row in rows) == sum(row.jobs for row in told.values())
        for currency in ("USD", "CNY"):
            ours = sum(row.revenue_micros for row in rows if row.currency == currency)
            exact = sum((row.side.revenue.get(currency, NONE) for row in told.values()), NONE)
            assert abs(ours - exact) <= len(rows)  # each row is rounded once


def test_of_two_workers_one_adds_up(buyer: Account) -> None:
    factories.give(buyer, 10)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtext('rollups:credits'))")

        services.roll_up_due(now=now())

        assert not CreditDay.objects.exists()
        assert not RolledDay.objects.filter(subject="credits").exists()
        assert RolledDay.objects.filter(subject="accounts").exists()
    finally:
        other.close()
    assert services.roll_up_due(now=now()) == 1
    assert CreditDay.objects.get().amount_micros == 10 * MICROS


def test_what_comes_late_is_found_named_and_mended(buyer: Account, clock: Shift) -> None:
    clock(-2 * DAY)
    factories.give(buyer, 10)
    clock(timedelta(0))
    services.roll_up_due(now=now())
    [row] = CreditDay.objects.filter(day=(now() - 2 * DAY).date())
    day = RolledDay.objects.get(subject="credits", day=row.day)
    assert (row.amount_micros, day.is_open) == (10 * MICROS, False)

    clock(-2 * DAY)  # a process whose clock is two days behind
    factories.give(buyer, 5)
    clock(timedelta(0))
    [difference] = comparing.differences(subjects=[Subject.CREDITS])
    assert (difference.stored, difference.source) == (
        {"amount_micros": 10 * MICROS, "entries": 1},
        {"amount_micros": 15 * MICROS, "entries": 2},
    )
    with pytest.raises(CommandError, match="1 rows"):
        call_command("roll_up", "--check", stdout=StringIO())
    told = StringIO()
    call_command("audit", stdout=told)
    assert told.getvalue().splitlines()[-1] == f"To be added up anew within a day: {difference}"
    services.roll_up_due(now=now() + timedelta(hours=1))
    assert CreditDay.objects.get(pk=row.pk).amount_micros == 10 * MICROS, "not its turn yet"
    with capture_logs() as logs:
        services.roll_up_due(now=now() + DAY + timedelta(minutes=1))

    assert [log["event"] for log in logs] == ["rolled_day_was_mended"]
    assert CreditDay.objects.get(day=row.day).amount_micros == 15 * MICROS
    call_command("roll_up", "--check", stdout=StringIO())
    told = StringIO()
    call_command("audit", stdout=told)
    assert told.getvalue().splitlines()[1:] == []


def test_a_day_that_is_settled_stays_as_it_is_written(buyer: Account, clock: Shift) -> None:
    clock(-2 * DAY)
    sell_for(buyer)
    clock(timedelta(0))
    services.roll_up_due(now=now())
    before = _rows()
    sell_for(buyer)

    services.roll_up_due(now=now() + DAY + timedelta(minutes=1))

    assert before
    assert {key: row for key, row in _rows().items() if key in before} == before


def sell_for(account: Account) -> None:
    factories.give(account, 50)
    sell(account)


def _rows() -> dict[tuple[str, int], Any]:
    """Return the rows of the day before yesterday, by their own keys."""
    day = (now() - 2 * DAY).date()
    return {
        (model.__name__, row["id"]): row
        for model in (CreditDay, JobDay, MarginDay)
        for row in model.objects.filter(day=day).values()
    }


def test_a_day_is_open_as_long_as_its_jobs_are(buyer: Account, clock: Shift) -> None:
    clock(-2 * DAY)
    factories.give(buyer, 50)
    job, _attempt = order(buyer)
    clock(timedelta(0))
    services.roll_up_due(now=now())
    day = (now() - 2 * DAY).date()
    assert RolledDay.objects.get(subject="jobs", day=day).is_open
    assert JobDay.objects.get().status == "running"

    jobs.fail(job_id=job.pk, operator="grace", now=now())
    services.roll_up_due(now=now() + timedelta(minutes=5))

    row = JobDay.objects.get()
    assert (row.status, row.failure_class, row.refunded_jobs) == ("failed", "backend_error", 1)
    assert not RolledDay.objects.get(subject="jobs", day=day).is_open
    # The backend has not said what it spent.
    assert RolledDay.objects.get(subject="margins", day=day).is_open


def test_a_subject_that_stumbles_keeps_no_other_waiting(
    buyer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.give(buyer, 10)
    monkeypatch.setattr(counting, "bounds", lambda *_args: {})
    with capture_logs() as logs:
        services.roll_up_due(now=now())

    assert {log["event"] for log in logs} == {"rolling_up_stumbled"}
    assert {log["subject"] for log in logs} == {"credits", "accounts", "cohorts"}
    assert not RolledDay.objects.exists()


def test_the_command_begins_at_a_day(buyer: Account, clock: Shift) -> None:
    for age in (3, 1):
        clock(-age * DAY)
        factories.give(buyer, 10)
    clock(timedelta(0))
    said = StringIO()

    call_command("roll_up", since=(now() - 2 * DAY).date(), only="credits", stdout=said)

    day = (now() - DAY).date()
    assert said.getvalue().splitlines() == [f"credits {day}", "1 days have new sums."]
    assert list(RolledDay.objects.values_list("subject", flat=True)) == ["credits"] * 3
    with pytest.raises(CommandError, match="--only"):
        call_command("roll_up", only="weather")


@pytest.mark.parametrize(
    "sql", [counting.CREDITS, counting.JOBS, counting.ACCOUNTS, counting.COHORTS]
)
def test_a_day_is_read_by_an_index_and_of_entries_its_month_alone(buyer: Account, sql: str) -> None:
    day = now().date()
    subject = Subject.COHORTS if sql == counting.COHORTS else Subject.CREDITS
    scans = list(
        _scans(
            sql, counting.bounds(subject, day.replace(day=1) if sql == counting.COHORTS else day)
        )
    )

    assert scans
    whole = [one for one in scans if one["Node Type"] == "Seq Scan"]
    assert [one["Relation Name"] for one in whole] == []
    entries = {n for one in scans if (n := one["Relation Name"]).startswith("billing_entry")}
    assert entries <= {f"billing_entry_{day:%Y_%m}"}
    of_ids = [one for one in scans if one["Relation Name"] in {*entries, "billing_job"}]
    assert all("id" in one.get("Index Cond", "") for one in of_ids)


def test_a_day_of_money_is_read_by_indexes_of_what_happened_in_it(buyer: Account) -> None:
    scans = list(_scans(TOUCHED, counting.bounds(Subject.MONEY, now().date())))

    assert scans
    # What a bitmap is read for was found by an index, which stands below it.
    by_themselves = [one for one in scans if one["Node Type"] != "Bitmap Heap Scan"]
    whole = [one["Relation Name"] for one in by_themselves if "Index Cond" not in one]
    assert whole == []


def test_money_that_comes_late_is_found_and_what_follows_goes_on_from_it(buyer: Account) -> None:
    _pay(buyer, 10, ago=5 * DAY)
    services.roll_up_due(now=now())
    _pay(buyer, 5, ago=3 * DAY)
    services.roll_up_due(now=now() + timedelta(minutes=1))
    settled = RolledDay.objects.filter(subject=Subject.MONEY, is_open=False)
    late = settled.filter(day__gte=(now() - 3 * DAY).date()).values_list("day", flat=True)

    found = list(comparing.differences(subjects=[Subject.MONEY]))

    assert {one.day for one in found} == set(late)
    with capture_logs() as logs:
        services.roll_up_due(now=now() + DAY)
    assert {log["day"] for log in logs} == {day.isoformat() for day in late}
    assert plain.stored(Subject.MONEY) == plain.money((now() + DAY).date())
    assert list(comparing.differences(subjects=[Subject.MONEY])) == []


def test_what_a_day_of_money_closes_with_the_next_opens_with_though_a_run_was_cut_short(
    buyer: Account,
) -> None:
    _pay(buyer, 10, ago=5 * DAY)
    services.roll_up_due(now=now())
    day = (now() - 3 * DAY).date()
    _pay(buyer, 5, ago=3 * DAY)
    done = services.roll_up_since(day, subjects=[Subject.MONEY], now=now() - 3 * DAY)
    assert list(done) == [(Subject.MONEY, day)]
    RolledDay.objects.update(rolled_at=now())
    assert day + DAY in valuing.loose_days()

    services.roll_up_due(now=now() + timedelta(minutes=1))

    assert plain.stored(Subject.MONEY) == plain.money(now().date())


def _pay(account: Account, credits_: int, *, ago: timedelta) -> None:
    at = now() - ago
    seen = sales.paid(account, micros=credits_ * MICROS)
    sales.look(replace(seen, paid_at=at, created_at=at))


def _scans(sql: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 (PostgreSQL's JSON)
    """Yield what a plan reads of tables, were they too long to be read whole."""
    expect_long_tables()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_hashjoin = off")
        cursor.execute("SET LOCAL enable_mergejoin = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (plan,) = cursor.fetchone()
    told = json.loads(plan) if isinstance(plan, str) else plan
    todo = [told[0]["Plan"]]
    while todo:
        node = todo.pop()
        todo += node.get("Plans", [])
        if "Relation Name" in node:
            yield node
