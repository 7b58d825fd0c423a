"""A draft beside the catalog in force, on real jobs: sums, who pays, who runs dry, what is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.http.errors import Forbidden
from billing.lab import services
from billing.lab.errors import InvalidRange, NoCatalogYet
from billing.ledger.models import Entry
from billing.outbox.models import Message
from plans.catalog import publish
from plans.credits import MICROS
from plans.models import Draft, Simulation
from tests import factories
from tests.insights.selling import DEARER, WORTH, catalog, sell
from tests.lab.conftest import Simulate, changed, text_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def dearer(draft: Draft, author: User) -> Draft:
    return changed(draft, author, *DEARER)


def test_both_catalogs_price_the_same_jobs(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account, eve: Account
) -> None:
    factories.give(buyer, 100)
    factories.give(eve, 100)
    sell(buyer)
    sell(buyer, seconds=10)
    sell(eve, seconds=10)

    result = simulate(dearer(draft, carla)).result

    assert result is not None
    row = result["models"]["kling-v1-6"]
    assert row["jobs"] == 3
    assert row["old"]["credits_micros"] == 50 * MICROS
    assert row["new"]["credits_micros"] == 52 * MICROS
    assert row["new"]["revenue_micros"] == {"CNY": 5_200_000}
    assert result["modes"]["std"] == result["total"] == row == result["plans"]["free"]
    assert (result["more"]["count"], result["less"]["count"], result["same"]) == (1, 0, 1)
    assert result["more"]["most"] == [
        {"account": "ada", "old_micros": 30 * MICROS, "new_micros": 32 * MICROS}
    ]


def test_what_is_beside_is_todays_catalog_and_not_the_one_that_sold(
    draft: Draft, simulate: Simulate, buyer: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    publish.publish(catalog(WORTH, DEARER), now=datetime.now(UTC))

    result = simulate(draft).result

    assert result is not None
    assert result["total"]["old"]["credits_micros"] == 12 * MICROS
    assert result["total"]["new"]["credits_micros"] == 10 * MICROS
    assert result["less"]["count"] == 1


def test_a_free_account_runs_dry_sooner_by_dearer_orders(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account, eve: Account
) -> None:
    factories.give(buyer, 20)
    factories.give(eve, 100)
    sell(buyer)
    sell(buyer)
    sell(eve)

    dry = simulate(dearer(draft, carla)).result["dry"]  # type: ignore[index]  # it is done

    assert (dry["looked_at"], dry["newly"], dry["sooner"], dry["later"]) == (2, 1, 1, 0)
    [one] = dry["most"]
    assert (one["account"], one["old_at"], one["orders"]) == ("ada", None, 1)


def test_the_same_text_lets_nobody_run_dry(
    draft: Draft, simulate: Simulate, buyer: Account
) -> None:
    factories.give(buyer, 20)
    sell(buyer)
    sell(buyer)

    result = simulate(draft).result

    assert result is not None
    assert result["dry"]["sooner"] == result["dry"]["newly"] == 0
    assert result["total"]["old"] == result["total"]["new"]


def test_orders_that_the_draft_does_not_take_are_told_by_reason_and_in_no_sum(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer, seconds=10)
    changed(draft, carla, 'table = { 5 = "10", 10 = "20" }', 'table = { 5 = "10" }')

    result = simulate(draft).result

    assert result is not None
    assert result["unpriced"] == {"kling-v1-6": {"jobs": 1, "credits_micros": 20 * MICROS}}
    assert result["total"]["jobs"] == 1


def test_orders_that_the_free_plan_would_not_allow_any_more_are_told(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    changed(draft, carla, 'allow = { mode = ["std"]', 'allow = { mode = ["pro"]')

    result = simulate(draft).result

    assert result is not None
    assert result["refused"] == {"free: mode std": {"jobs": 1, "credits_micros": 10 * MICROS}}
    assert result["total"]["jobs"] == 0


def test_only_jobs_of_the_range_count(draft: Draft, carla: User, buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    now = datetime.now(UTC)
    asked = services.request_simulation(
        draft=draft, since=now - 3 * DAY, until=now - DAY, requester=carla, now=now
    )

    services.simulate(asked.pk, clock=lambda: datetime.now(UTC))

    asked.refresh_from_db()
    assert asked.result is not None
    assert asked.result["total"]["jobs"] == asked.jobs_count == 0


def test_a_price_of_a_later_week_is_seen_as_of_that_week(
    draft: Draft, carla: User, buyer: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    now = datetime.now(UTC)
    begins = now + 10 * DAY
    later = f'form = "lookup"\nby = "seconds"\nuntil = {begins.isoformat()}\n'
    row = (
        '\n[[rate]]\nid = "later"\nmatch = { model = "kling-v1-6", mode = "std" }\n'
        f'form = "lookup"\nby = "seconds"\nfrom = {begins.isoformat()}\n'
        'table = { 5 = "15", 10 = "30" }\n'
    )
    changed(draft, carla, 'form = "lookup"\nby = "seconds"\n', later)
    changed(draft, carla, '\n[[rate]]\nid = "v1-6-pro"', f'{row}\n[[rate]]\nid = "v1-6-pro"')
    found = []
    for as_of in (None, begins):
        asked = services.request_simulation(
            draft=draft, since=now - DAY, until=now + DAY, as_of=as_of, requester=carla, now=now
        )
        services.simulate(asked.pk, clock=lambda: datetime.now(UTC))
        asked.refresh_from_db()
        assert asked.result is not None, asked.trouble
        found.append(asked.result["total"]["new"]["credits_micros"])

    assert found == [10 * MICROS, 15 * MICROS]


def test_nothing_is_written_into_the_ledger(
    draft: Draft, carla: User, simulate: Simulate, buyer: Account
) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    before = Entry.objects.count()

    simulate(dearer(draft, carla))

    assert Entry.objects.count() == before


def test_asking_twice_asks_once(draft: Draft, carla: User) -> None:
    now = datetime.now(UTC)
    said = {"draft": draft, "since": now - DAY, "until": now, "requester": carla, "now": now}

    first = services.request_simulation(**said)  # type: ignore[arg-type]
    second = services.request_simulation(**said)  # type: ignore[arg-type]

    assert first == second
    assert Message.objects.filter(task="lab.simulate").count() == 1


def test_a_second_worker_finds_the_first_at_it_and_a_dead_one_is_replaced(
    draft: Draft, carla: User
) -> None:
    now = datetime.now(UTC)
    asked = services.request_simulation(
        draft=draft, since=now - DAY, until=now, requester=carla, now=now
    )
    Simulation.objects.filter(pk=asked.pk).update(
        state="running", started_at=now, beat_at=now, run=1
    )

    assert not services.simulate(asked.pk, clock=lambda: now + timedelta(seconds=30))
    assert services.simulate(asked.pk, clock=lambda: now + timedelta(minutes=5))

    asked.refresh_from_db()
    assert (asked.state, asked.run) == ("done", 2)


def test_what_is_done_stays_done(draft: Draft, simulate: Simulate) -> None:
    done = simulate(draft)

    assert services.simulate(done.pk, clock=lambda: datetime.now(UTC) + DAY)

    before, run = done.finished_at, done.run
    done.refresh_from_db()
    assert (done.finished_at, done.run) == (before, run)


@pytest.mark.parametrize("days", [0, 367])
def test_a_range_is_at_most_a_year(draft: Draft, carla: User, days: int) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidRange):
        services.request_simulation(
            draft=draft, since=now - days * DAY, until=now, requester=carla, now=now
        )

    assert not Simulation.objects.exists()


def test_a_draft_that_is_no_catalog_is_not_put_beside_anything(draft: Draft, carla: User) -> None:
    changed(draft, carla, "schema = 1", "schema = 9")
    now = datetime.now(UTC)

    with pytest.raises(NoCatalogYet):
        services.request_simulation(
            draft=draft, since=now - DAY, until=now, requester=carla, now=now
        )

    assert not Simulation.objects.exists()


def test_who_may_not_write_drafts_asks_for_nothing(draft: Draft, vera: User) -> None:
    now = datetime.now(UTC)
    with pytest.raises(Forbidden):
        services.request_simulation(
            draft=draft, since=now - DAY, until=now, requester=vera, now=now
        )

    assert not Simulation.objects.exists()
    assert "schema" in text_of(draft)
