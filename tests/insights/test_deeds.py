"""What deeds take of processors, and rows of the disk with their indexes; no figure is asserted."""

from dataclasses import replace

import pytest
from django.utils import timezone

from billing.insights import audit
from billing.insights.bench import card, deeds, rows, scene, sizes
from billing.insights.bench.deeds import Toll
from billing.ledger.models import Entry, Wallet
from plans.catalog import publish
from tests.insights.benching import asked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stage")]


def tolls_of_two() -> list[Toll]:
    """Return what the deeds take that are asked for twice each."""
    return [row for row in deeds.report(replace(asked(), calls=2)).rows if isinstance(row, Toll)]


def test_every_deed_takes_time_of_ours_and_of_the_database_and_breaks_nothing() -> None:
    tolls = tolls_of_two()

    assert [toll.name for toll in tolls] == [
        *("read a balance", "hold", "hold and capture", "submit"),
        *("an order from submit to capture", "GET /v1/balance", "grant"),
    ]
    assert all(toll.own_ms > 0 for toll in tolls)
    assert all(toll.database_ms is None or toll.database_ms >= 0 for toll in tolls)
    assert list(audit.breaches()) == []


def test_more_gifts_are_weighed_than_one_account_can_be_given_in_a_day() -> None:
    enough = f"safety = {{ automatic_grants_per_day = {scene.GRANTS + 1} }}\n"
    publish.publish(enough + card.text(10), now=timezone.now())

    *_others, given = tolls_of_two()

    assert given.name == "grant"
    assert given.own_ms > 0
    assert list(audit.breaches()) == []


def test_the_weight_of_a_table_has_its_indexes_and_all_its_months() -> None:
    rows.fill(accounts=20, now=timezone.now())

    weights = {one.table: one for one in sizes.weigh()}

    entries, wallets = weights["billing_entry"], weights["billing_wallet"]
    assert (entries.rows, wallets.rows) == (Entry.objects.count(), Wallet.objects.count())
    assert entries.total_bytes > wallets.total_bytes, "of all partitions, which lie apart"
    assert wallets.row_bytes == round(wallets.total_bytes / 20)
    assert wallets.total_bytes > 5 * 8192, "the table and each of its indexes has pages"
