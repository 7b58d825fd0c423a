"""The bench runs, counts mismatches and leaves nothing of its own. No figure is asserted."""

import re
from datetime import timedelta
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from billing.accounts.models import Account
from billing.ids import made_at
from billing.insights import (
    audit,
    bench,
    bench_eta,
    bench_growth,
    bench_lists,
    bench_pages,
    bench_queue,
    bench_rows,
    bench_sample,
)
from billing.jobs.models import Job
from billing.jobs.turns import LaneClock
from billing.ledger.models import Allocation, Entry, Hold, Wallet
from billing.payments.models import Purchase, StripeEvent
from billing.rollups import services as rollups
from billing.subscriptions.models import Subscription
from billing.webhooks.models import EventCounter
from tests import factories
from tests.operators import signed_in

TYPES: Final = re.compile(r"::(character varying|text)(\[\])?|[()\[\]]")


@pytest.fixture
def sandbox(settings: Settings) -> None:
    """The default catalog, and a backend that nobody calls."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["*"],
            "sandbox": True,
            "concurrency": 2,
        }
    }
    factories.publish_kling()


@pytest.mark.django_db(transaction=True)
def test_every_case_of_the_bench_runs_and_breaks_no_invariant(sandbox: None) -> None:
    report = bench.run(calls=2, now=timezone.now())

    assert report.mismatches == 0
    names = [case.name for case in report.cases]
    assert {"quote in the pure core", "hold", "hold and capture", "submit"} <= set(names)
    assert sum("rows" in name and "card" in name for name in names) >= 2
    assert not Hold.objects.filter(state=Hold.State.OPEN).exists()
    assert not [name for name in connection.introspection.table_names() if "bench" in name]


@pytest.mark.django_db(transaction=True)
def test_holds_are_measured_at_sizes_that_grow_and_what_fills_them_is_whole() -> None:
    factories.publish_kling()

    told: list[growth.Size] = []

    report = growth.grow(sizes=[70, 155], calls=2, now=timezone.now(), tell=told.append)

    assert told == report.sizes
    assert report.mismatches == 0
    assert [size.entries for size in report.sizes] == [70, 155]
    assert all(size.partitions > 24 for size in report.sizes)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM billing_entry WHERE created_at < now() - interval '1h'"
        )
        assert cursor.fetchone() == (155,)


@pytest.mark.django_db(transaction=True)
def test_the_queue_is_measured_with_many_who_wait_and_none_of_them_stays(sandbox: None) -> None:
    report = crowds.run(waiting=60, calls=2, now=timezone.now())

    assert report.mismatches == 0
    assert {"pick", "place and time", "submit"} <= {case.name for case in report.cases}
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_told_times_are_compared_with_real_ones_and_none_of_it_stays(sandbox: None) -> None:
    told = eta.run(orders=12, seed=1, now=timezone.now())

    assert (told.orders, told.told) == (12, 12)
    assert not Job.objects.exists()
    assert not LaneClock.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_windows_are_opened_over_rows_that_look_like_real_ones(
    sandbox: None, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    told: list[lists.Page] = []

    lists = lists.look_around(
        accounts=60, calls=2, now=timezone.now(), tell=told.append, only={"Entry", "Hold"}
    )

    assert (Account.objects.count(), Entry.objects.count(), Job.objects.count()) == (60, 600, 180)
    assert (lists.mismatches, list(audit.breaches())) == (0, [])
    assert list(lists.pages) == told
    names = {page.name for page in told}
    assert {"Entry", "Hold", "Hold, searched by account", "Entry, kind__exact=grant"} <= names
    assert [page.name for page in told if any("count" in slow.whole for slow in page.slow)] == []
    assert all(0 < page.queries < 20 for page in told)


@pytest.mark.django_db(transaction=True)
def test_what_fills_the_windows_has_all_indexes_and_stands_in_order_of_time(sandbox: None) -> None:
    before = indexes()

    rows.fill(accounts=40, now=timezone.now())

    assert indexes() == before
    for model in rows.TABLES:
        assert pointing_nowhere(model) == []
        if model not in {EventCounter, StripeEvent, Allocation, Subscription, Purchase}:
            made = list(model._default_manager.order_by("pk").values_list("pk", "created_at"))
            assert made == sorted(made, key=lambda row: row[1])
            assert all(made_at(key) == at for key, at in made)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "drift",
    [
        "UPDATE billing_wallet SET available_micros = available_micros + 1 WHERE id = %s",
        "UPDATE billing_entry SET actor_id = 'eve' WHERE wallet_id = %s AND seq = 4",
        "UPDATE billing_job SET charged_micros = 1 WHERE wallet_id = %s",
    ],
)
def test_what_was_filled_wrong_is_found_by_the_sample(sandbox: None, drift: str) -> None:
    rows.fill(accounts=21, now=timezone.now())
    wallet = Wallet.objects.order_by("pk")[7]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(drift, [wallet.pk])
        cursor.execute("SET session_replication_role = DEFAULT")

    assert sample.mismatches() > 0
    assert "billing_wallet" not in temporary_tables()


@pytest.mark.django_db(transaction=True)
def test_each_page_of_the_console_that_is_measured_is_there(
    sandbox: None, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    now = timezone.now()
    rows.fill(accounts=60, now=now)
    for _new in rollups.roll_up_since((now - timedelta(days=92)).date(), now=now):
        pass
    browser = signed_in(Client(), User.objects.create_superuser("grace"))

    pages = list(pages.of_console())

    kinds = {one.name.split(" ")[0] for one in pages}
    assert {"page", "search", "dashboard", "dashboard,", "CSV"} <= kinds
    for page in pages:
        status = lists.opened(browser, page)
        found = page.posts and not page.name.endswith("nowhere") and "request" not in page.name
        assert status == (302 if page.posts else 200), page
        assert not found or "for=" not in answer_of(browser, page), page


def answer_of(browser: Client, page: pages.Asked) -> str:
    """Return where a search leads: to what was found, or to a list ("for=")."""
    return str(browser.post(page.path, {**page.said}, secure=True).headers["Location"])


def pointing_nowhere(model: type[Model]) -> list[str]:
    """Return the columns that point at a row that is not there: no trigger has looked."""
    return [
        field.name
        for field in model._meta.concrete_fields
        if field.related_model is not None
        and model._default_manager.exclude(**{field.name: None})
        .exclude(**{f"{field.name}__in": field.related_model._default_manager.all()})
        .exists()
    ]


def indexes() -> set[tuple[str, str]]:
    """Return each index of the tables that are filled, by its name, and what it is.

    PostgreSQL writes the types of one that was made from its own words in other places.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)",
            [[model._meta.db_table for model in rows.TABLES]],
        )
        return {(name, TYPES.sub("", said)) for name, said in cursor.fetchall()}


def temporary_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relpersistence = 't'")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize("sizes", ["ten", "100,", "100,100", "-5", "10"])
def test_sizes_that_do_not_grow_are_refused(sizes: str) -> None:
    with pytest.raises(CommandError, match="numbers that grow"):
        call_command("bench", entries=sizes)
