"""What `weigh` tells: bytes a row with its indexes, and processor time; no figure is asserted."""

import pytest
from django.utils import timezone
from pytest_django import Settings

from billing.insights import audit
from billing.insights.bench import card, deeds, rows, scene, sizes
from billing.ledger.models import Entry, Wallet
from plans.catalog import publish
from tests import everything, factories


@pytest.fixture
def sandbox(settings: Settings) -> None:
    """The default catalog, and a backend for everything that nobody calls."""
    settings.BACKENDS = {"away": {**everything.BACKENDS["away"], "models": ["*"]}}
    factories.publish_kling()


@pytest.mark.django_db(transaction=True)
def test_every_deed_takes_time_of_ours_and_of_the_database_and_breaks_nothing(
    sandbox: None,
) -> None:
    publish.publish(card.text(card.ROWS), now=timezone.now())

    tolls = deeds.take(calls=2, now=timezone.now())

    assert [toll.name for toll in tolls] == [
        *("read a balance", "hold", "hold and capture", "submit", "grant")
    ]
    assert all(toll.own_ms > 0 for toll in tolls)
    assert all(toll.database_ms is None or toll.database_ms >= 0 for toll in tolls)
    assert list(audit.breaches()) == []


@pytest.mark.django_db(transaction=True)
def test_more_gifts_are_weighed_than_one_account_can_be_given_in_a_day(sandbox: None) -> None:
    enough = f"safety = {{ automatic_grants_per_day = {scene.GRANTS + 1} }}\n"
    publish.publish(enough + card.text(10), now=timezone.now())

    *_others, given = deeds.take(calls=2, now=timezone.now())

    assert given.name == "grant"
    assert given.own_ms > 0
    assert list(audit.breaches()) == []


@pytest.mark.django_db(transaction=True)
def test_the_weight_of_a_table_has_its_indexes_and_all_its_months(sandbox: None) -> None:
    rows.fill(accounts=20, now=timezone.now())

    weights = {one.table: one for one in sizes.weigh()}

    entries, wallets = weights["billing_entry"], weights["billing_wallet"]
    assert (entries.rows, wallets.rows) == (Entry.objects.count(), Wallet.objects.count())
    assert entries.total_bytes > wallets.total_bytes, "of all partitions, which lie apart"
    assert wallets.row_bytes == round(wallets.total_bytes / 20)
    assert wallets.total_bytes > 5 * 8192, "the table and each of its indexes has pages"
