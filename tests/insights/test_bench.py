"""The bench runs, counts mismatches and leaves nothing of its own. No figure is asserted."""

import json
import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
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
from billing.insights import audit
from billing.insights.bench import card, eta, growth, lists, pages, place, population, rows, sample
from billing.insights.bench.cases import GROUPS, Group
from billing.insights.bench.figures import Effort, Report, Turn
from billing.insights.bench.limit import Limit
from billing.insights.bench.scene import Scene, owner
from billing.jobs.models import Job
from billing.jobs.turns import LaneClock
from billing.ledger.models import Allocation, Entry, Wallet
from billing.payments.models import Purchase, StripeEvent
from billing.rollups import services as rollups
from billing.subscriptions.models import Subscription
from billing.webhooks.models import EventCounter
from plans.catalog import publish
from tests import factories
from tests.insights.benching import FEW, asked
from tests.operators import signed_in

TYPES: Final = re.compile(r"::(character varying|text)(\[\])?|[()\[\]]")


@pytest.fixture
def sandbox(settings: Settings) -> None:
    """The default catalog, and a backend that nobody calls."""
    settings.BACKENDS = place.backends("http://127.0.0.1:9")
    factories.publish_kling()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("core", "quote on the shipped catalog"),
        ("ledger", "a hold and its capture, 4 processes"),
        ("hot", "hold on one wallet, 32 clients"),
        ("orders", "submit"),
        ("course", "an order's whole course"),
        ("web", "POST /v1/jobs"),
        ("queue", "place and time"),
        # A minute, and its processes share two cores with all other tests here.
        pytest.param("memory", "web worker 2", marks=pytest.mark.night),
    ],
)
def test_a_case_brings_rows_and_no_wrong_answer(stage: None, name: str, measured: str) -> None:
    report = GROUPS[name].run(asked())

    assert (report.mismatches, [note for note in report.notes if "wrong" in note]) == (0, [])
    assert measured in {getattr(row, "name", "") for row in report.rows}
    assert list(audit.breaches()) == []
    assert not [name for name in connection.introspection.table_names() if "bench" in name]


@pytest.mark.django_db(transaction=True)
def test_rows_of_the_limit_that_do_not_add_up_are_counted(stage: None) -> None:
    with Limit(owner()) as limit:
        limit.life(2)(FEW)
        limit.locked(2)(FEW)
        assert limit.adrift() == 0
        with connection.cursor() as cursor:
            cursor.execute("UPDATE bench_wallet SET seq = seq + 1 WHERE id = 'w1'")
        assert limit.adrift() == 1


@pytest.mark.django_db(transaction=True)
def test_a_days_free_credits_are_written_only_for_whom_comes() -> None:
    publish.publish(card.text(10, daily=True), now=timezone.now())

    report = population.among(70, effort=Effort(rounds=2, calls=2), now=timezone.now())

    assert report.mismatches == 0
    assert Wallet.objects.filter(grants__fact__startswith="allowance:").count() == 4 + 1
    assert "0 of the others were written to" in report.notes[0]
    assert list(audit.breaches()) == []


@pytest.mark.django_db(transaction=True)
def test_whoever_slept_and_was_written_to_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    publish.publish(card.text(10, daily=True), now=timezone.now())

    def wake(crowd: population._Crowd, _effort: Effort) -> Turn:
        return Turn(1.0, [float(Scene(one, crowd.now).hold()) for one in crowd.sleepers[:3]])

    monkeypatch.setattr(population._Crowd, "wake", wake)
    monkeypatch.setattr(population._Crowd, "again", wake)

    assert (
        population.among(70, effort=Effort(rounds=1, calls=2), now=timezone.now()).mismatches == 3
    )


@pytest.mark.django_db(transaction=True)
def test_holds_are_measured_at_sizes_that_grow_and_what_fills_them_is_whole() -> None:
    factories.publish_kling()

    told: list[object] = []

    report = growth.grow(sizes=[70, 155], effort=FEW, now=timezone.now(), tell=told.append)

    assert told == [case for size in report.sizes for case in size.cases]
    assert report.mismatches == 0
    assert [size.entries for size in report.sizes] == [70, 155]
    assert all(size.partitions > 24 for size in report.sizes)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM billing_entry WHERE created_at < now() - interval '1h'"
        )
        assert cursor.fetchone() == (155,)


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_measured_does_not_stay(stage: None) -> None:
    GROUPS["queue"].run(asked())

    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_told_times_are_compared_with_real_ones_and_none_of_it_stays(stage: None) -> None:
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
    told: list[object] = []

    found = lists.look_around(
        accounts=60, calls=2, now=timezone.now(), tell=told.append, only={"Entry", "Hold"}
    )

    assert (Account.objects.count(), Entry.objects.count(), Job.objects.count()) == (60, 600, 180)
    assert (found.mismatches, list(audit.breaches())) == (0, [])
    assert list(found.pages) == told
    names = {page.name for page in found.pages}
    assert {"Entry", "Hold", "Hold, searched by account", "Entry, kind__exact=grant"} <= names
    assert [
        page.name for page in found.pages if any("count" in slow.whole for slow in page.slow)
    ] == []
    assert all(0 < page.queries < 20 for page in found.pages)


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

    found = list(pages.of_console())

    kinds = {one.name.split(" ")[0] for one in found}
    assert {"page", "search", "dashboard", "dashboard,", "CSV"} <= kinds
    for page in found:
        status = lists.opened(browser, page)
        leads = page.posts and not page.name.endswith("nowhere") and "request" not in page.name
        assert status == (302 if page.posts else 200), page
        assert not leads or "for=" not in answer_of(browser, page), page


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


@pytest.mark.django_db(transaction=True)
def test_what_the_disk_has_no_room_for_is_not_begun() -> None:
    with (
        pytest.raises(place.NoRoom, match=r"1,000,000,000,000 MiB are needed, and [\d,]+ MiB are"),
        place.throw_away_database(needed_bytes=10**12 << 20),
    ):
        pytest.fail("it was begun")


@pytest.mark.parametrize("sizes", ["ten", "100,", "100,100", "-5", "10"])
def test_sizes_that_do_not_grow_are_refused(sizes: str) -> None:
    with pytest.raises(CommandError, match="numbers that grow"):
        call_command("bench", "entries", entries=sizes)


def test_a_case_that_there_is_not_is_refused() -> None:
    with pytest.raises(CommandError, match="no case fast; there are core, "):
        call_command("bench", "fast")


@pytest.mark.django_db
def test_a_bench_does_not_write_where_accounts_are(stage: None) -> None:
    factories.new_account("ada")

    with pytest.raises(CommandError, match="wants an empty one"):
        call_command("bench", "core", here=True)


@pytest.mark.django_db
def test_one_wrong_answer_fails_the_run_and_is_written_down(
    stage: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(place, "set_up", lambda **_when: None)
    one = Group("a planted one", lambda _asked: Report(notes=["it is wrong"], mismatches=1))
    monkeypatch.setitem(GROUPS, "core", one)
    file = tmp_path / "told.json"

    with pytest.raises(CommandError, match="1 answers or rows are wrong") as refused:
        call_command("bench", "core", here=True, json=str(file), stdout=StringIO())

    assert refused.value.returncode == 1
    told = json.loads(file.read_text())
    assert told["mismatches"] == 1
    assert told["cases"]["core"]["notes"] == ["it is wrong"]
