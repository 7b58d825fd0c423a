"""Real jobs, priced by another catalog: what it would have brought, and from whom."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.accounts.models import Account
from billing.insights import history
from billing.insights.simulate import Report, simulate
from billing.ledger.models import Entry
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.insights.selling import COST, DEARER, WORTH, catalog, read, sell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop")]
DAY = timedelta(days=1)


def run(text: str, *, since: timedelta = DAY) -> Report:
    return simulate(read(text), since=datetime.now(UTC) - since)


def test_credits_and_revenue_stand_side_by_side(buyer: Account, eve: Account) -> None:
    factories.give(buyer, 100)
    factories.give(eve, 100)
    sell(buyer)
    sell(buyer, seconds=10)
    sell(eve)

    report = run(catalog(WORTH, DEARER))

    row = report.models["kling-v1-6"]
    assert (row.jobs, row.old.credits_micros, row.new.credits_micros) == (
        3,
        40 * MICROS,
        44 * MICROS,
    )
    assert row.old.revenue == {"CNY": 4 * MICROS}
    assert row.new.revenue == {"CNY": 4_400_000}
    assert report.plans["free"] == row == report.total
    assert (report.dearer, report.cheaper, report.same) == (2, 0, 0)
    assert report.unpriced == {}


def test_accounts_are_counted_by_who_pays_more_and_who_less(buyer: Account, eve: Account) -> None:
    factories.give(buyer, 100)
    factories.give(eve, 100)
    bob = factories.new_account("bob", is_sandbox=False)
    factories.give(bob, 100)
    sell(buyer)
    sell(eve, seconds=10)
    sell(bob, mode="std", seconds=10)
    other = ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "15" }')

    report = run(catalog(WORTH, other))

    assert (report.dearer, report.cheaper, report.same) == (1, 2, 0)


def test_the_same_catalog_changes_nothing(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)

    report = run(catalog(WORTH))

    assert report.total.old == report.total.new
    assert (report.dearer, report.cheaper, report.same) == (0, 0, 1)


def test_paid_credits_are_worth_what_was_paid_for_them(buyer: Account) -> None:
    factories.give(buyer, 5, paid_micros=10 * MICROS, paid_currency="USD", priority=1)
    factories.give(buyer, 100)
    publish.publish(
        catalog(WORTH, ('"expires_at", "priority"', '"priority", "expires_at"')),
        now=datetime.now(UTC),
    )
    sell(buyer)  # 5 of the paid ones, 5 of the given ones

    report = run(catalog(WORTH, DEARER))

    assert report.total.old.revenue == {"USD": 10 * MICROS, "CNY": 500_000}
    assert report.total.new.revenue == {"USD": 12 * MICROS, "CNY": 600_000}


def test_a_worth_that_nobody_knows_is_unknown_and_never_nothing(buyer: Account) -> None:
    publish.publish(catalog(), now=datetime.now(UTC))
    factories.give(buyer, 100)
    sell(buyer)

    report = run(catalog(DEARER))

    assert report.total.old.revenue == {}
    assert report.total.old.unvalued_micros == 10 * MICROS
    assert report.total.new.unvalued_micros == 12 * MICROS
    assert report.total.old.margin_jobs == 0


def test_margin_is_revenue_less_cost_and_unknown_without_a_cost(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)

    without = run(catalog(WORTH, DEARER))
    known = run(catalog(WORTH, DEARER, more=COST))

    assert without.total.new.margin_jobs == 0
    assert known.total.old.margin == {"CNY": 750_000}  # 1.00 less 5 s of 0.05
    assert known.total.new.margin == {"CNY": 950_000}
    assert known.total.new.margin_jobs == 1


def test_a_job_that_has_no_price_is_counted_by_reason_and_in_no_sum(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer, seconds=10)
    only_five = ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "10" }')

    report = run(catalog(WORTH, only_five))

    assert report.unpriced == {"no rate prices some orders of kling-v1-6": 1}
    assert report.total.jobs == 1

    gone = run(catalog(WORTH).replace("kling-v1-6", "kling-v1-5"))
    assert gone.unpriced == {"there is no model kling-v1-6": 2}
    assert gone.total.jobs == 0


def test_only_what_was_ordered_since_and_in_earnest_counts(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    player = factories.new_account("player")
    factories.give(player, 100)

    assert run(catalog(WORTH)).total.jobs == 1
    assert run(catalog(WORTH), since=timedelta()).total.jobs == 0
    sandbox = simulate(read(catalog(WORTH)), since=datetime.now(UTC) - DAY, is_sandbox=True)
    assert sandbox.total.jobs == 0


def test_history_is_read_piece_by_piece(buyer: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is, no more than a piece of it is in memory; nothing is written."""
    monkeypatch.setattr(history, "_CHUNK", 2)
    factories.give(buyer, 100)
    for _number in range(3):
        sell(buyer)
    before = Entry.objects.count()

    with CaptureQueriesContext(connection) as asked:
        report = run(catalog(WORTH))

    assert report.total.jobs == 3
    reads = [one["sql"] for one in asked.captured_queries if "billing_entry" in one["sql"]]
    assert len(reads) == 2
    assert Entry.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_history_is_read_by_a_command_as_well_as_in_a_transaction(
    buyer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_CHUNK", 1)
    factories.give(buyer, 100)
    sell(buyer)
    sell(buyer)

    assert run(catalog(WORTH)).total.jobs == 2


# -- the command ---------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = StringIO()
    call_command("simulate", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def dearer(tmp_path: Path) -> Path:
    path = tmp_path / "dearer.toml"
    path.write_text(catalog(WORTH, DEARER, more=COST))
    return path


def test_the_command_shows_tables_and_bars(buyer: Account, dearer: Path) -> None:
    factories.give(buyer, 100)
    sell(buyer)

    shown = said(str(dearer), "--since", "30d")

    assert "1 jobs since" in shown
    assert "+2 (+20.0%)" in shown
    assert "1.20 CNY" in shown
    assert "+0.20 (+26.7%)" in shown  # of the margin
    assert "Accounts: 1 pay more, 0 pay less, 0 the same." in shown
    assert "░░░" in shown
    assert "███" in shown


def test_the_command_speaks_to_programs(buyer: Account, dearer: Path) -> None:
    factories.give(buyer, 100)
    sell(buyer)

    report = json.loads(said(str(dearer), "--json"))

    assert report["total"] == {
        "jobs": 1,
        "old": {
            "credits": "10",
            "revenue": {"CNY": "1.00"},
            "credits_of_unknown_worth": "0",
            "margin": {"CNY": "0.75"},
            "jobs_of_unknown_margin": 0,
        },
        "new": {
            "credits": "12",
            "revenue": {"CNY": "1.20"},
            "credits_of_unknown_worth": "0",
            "margin": {"CNY": "0.95"},
            "jobs_of_unknown_margin": 0,
        },
    }
    assert report["accounts"] == {"more": 1, "less": 0, "same": 0}


@pytest.mark.parametrize(("name", "begins"), [("a.svg", b"<svg"), ("a.png", b"\x89PNG")])
def test_the_command_draws(
    buyer: Account, dearer: Path, tmp_path: Path, name: str, begins: bytes
) -> None:
    factories.give(buyer, 100)
    sell(buyer)

    said(str(dearer), "--plot", str(tmp_path / name))

    drawn = (tmp_path / name).read_bytes()
    assert drawn.startswith(begins)
    assert b"<script" not in drawn


def test_an_empty_history_is_drawn_too(dearer: Path, tmp_path: Path) -> None:
    shown = said(str(dearer), "--plot", str(tmp_path / "a.svg"))

    assert "0 jobs since" in shown
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<svg")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--since", "yesterday"], "--since is 30d"),
        (["--plot", "a.gif"], "ends in .svg or .png"),
        (["--plot", "/no/such/folder/a.svg"], "No such file"),
    ],
)
def test_the_command_refuses_in_a_sentence(dearer: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        said(str(dearer), *words)
