import csv
import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from plans import selectors
from plans.catalog import publish
from plans.catalog.publish import Change, Touched
from plans.models import CatalogVersion, Publication, Withdrawal
from tests.plans.conftest import KLING


def said(*words: str) -> list[str]:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.django_db
def test_a_catalog_is_loaded_and_its_id_stands_on_the_last_line() -> None:
    lines = said("load_catalog", str(KLING))

    assert "+ plan free" in lines
    assert lines[-1] == selectors.current().version_id


@pytest.mark.django_db
def test_a_second_load_says_that_nothing_changes() -> None:
    first = said("load_catalog", str(KLING))

    again = said("load_catalog", str(KLING))

    assert again[0] == "No changes: this content is in force already."
    assert again[-1] == first[-1]
    assert CatalogVersion.objects.count() == 1


@pytest.mark.django_db
def test_a_start_loads_the_file_once_and_never_over_what_was_published_since(
    tmp_path: Path, dearer: str
) -> None:
    first = said("load_catalog", str(KLING), "--if-none")
    assert first == ["In force: kling 1", selectors.current().version_id]
    path = tmp_path / "dearer.toml"
    path.write_text(dearer)
    published = said("load_catalog", str(path))[-1]

    again = said("load_catalog", str(KLING), "--if-none")

    assert again == ["Nothing was published: a catalog is in force or announced."]
    assert selectors.current().version_id == published
    assert Publication.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", [["--dry-run"], ["--at", "2099-01-01T00:00:00Z"], ["--touched", "touched.csv"]]
)
def test_a_start_that_is_asked_for_more_is_refused(words: list[str]) -> None:
    with pytest.raises(CommandError, match="leave out the rest"):
        said("load_catalog", str(KLING), "--if-none", *words)

    assert not CatalogVersion.objects.exists()


@pytest.mark.django_db
def test_a_start_with_an_invalid_file_is_refused_with_its_lines(tmp_path: Path, kling: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(kling.replace('form = "lookup"', 'form = "lokup"'))

    with pytest.raises(CommandError, match="Did you mean lookup"):
        said("load_catalog", str(path), "--if-none")

    assert not CatalogVersion.objects.exists()


@pytest.mark.django_db
def test_a_dry_run_shows_the_changes_and_publishes_nothing(tmp_path: Path, dearer: str) -> None:
    said("load_catalog", str(KLING))
    before = selectors.current()
    path = tmp_path / "dearer.toml"
    path.write_text(dearer)

    lines = said("load_catalog", str(path), "--dry-run")

    assert "~ rate v1-6-std / table.5: 10 → 12" in lines
    assert lines[-1] == "Nothing was published: this was a dry run."
    assert selectors.current() == before
    assert CatalogVersion.objects.count() == 1


def _many(count: int) -> Callable[[Change], Iterator[Touched]]:
    def assess(change: Change) -> Iterator[Touched]:
        for number in range(count):
            yield Touched(f"={number}", "", change.new.slug, "price", "1", "2")

    return assess


@pytest.mark.django_db
def test_whoever_knows_the_accounts_can_say_whom_a_change_touches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publish, "ASSESSORS", [_many(23)])

    lines = said("load_catalog", str(KLING), "--dry-run")

    assert lines.count("@ =0 [kling] price: 1 → 2") == 1
    assert sum(line.startswith("@ ") for line in lines) == 20
    assert "… and 3 more (--touched FILE.csv)." in lines
    assert "Touched: 23 * price" in lines


@pytest.mark.django_db
def test_everyone_who_is_touched_stands_in_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(publish, "ASSESSORS", [_many(23)])
    path = tmp_path / "touched.csv"

    said("load_catalog", str(KLING), "--dry-run", "--touched", str(path))

    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["account", "subscription", "plan", "kind", "before", "after"]
    assert len(rows) == 24
    assert rows[23] == ["'=22", "", "kling", "price", "1", "2"]  # no spreadsheet runs it


@pytest.mark.django_db
def test_a_catalog_is_announced_listed_and_withdrawn(tmp_path: Path, dearer: str) -> None:
    said("load_catalog", str(KLING))
    before = selectors.current()
    path = tmp_path / "dearer.toml"
    path.write_text(dearer)
    at = "2099-07-29T09:00:00+08:00"

    lines = said("load_catalog", str(path), "--at", at)
    again = said("load_catalog", str(path), "--at", at)

    (announced,) = said("load_catalog", "--scheduled")
    assert announced in lines
    assert "kling 2 from 2099-07-29T01:00:00+00:00 on (withdraw_catalog " in announced
    assert lines[-1] == again[-1] == CatalogVersion.objects.get(number=2).pk
    assert selectors.current() == before

    number = announced.rpartition("withdraw_catalog ")[2].rstrip(")")
    said("withdraw_catalog", number)
    assert said("load_catalog", "--scheduled") == []
    assert said("withdraw_catalog", number)[0].startswith("Withdrawn: kling 2")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--at", "2020-01-01T00:00:00Z"], "is over; publish it at once instead"),
        (["--at", "tomorrow"], "--at is an instant with its offset"),
        (["--at", "2099-01-01T00:00:00"], "--at is an instant with its offset"),
    ],
)
def test_what_is_over_or_unclear_is_announced_for_nobody(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        said("load_catalog", str(KLING), *words)

    assert not CatalogVersion.objects.exists()


@pytest.mark.django_db
def test_what_is_in_force_is_not_withdrawn() -> None:
    said("load_catalog", str(KLING))
    number = Publication.objects.get().pk

    with pytest.raises(CommandError, match=f"Publication {number} began at"):
        said("withdraw_catalog", str(number))
    with pytest.raises(CommandError, match="There is no publication 99"):
        said("withdraw_catalog", "99999")

    assert not Withdrawal.objects.exists()
    assert selectors.current().catalog.slug == "kling"


@pytest.mark.django_db
def test_an_invalid_file_is_refused_with_its_lines(tmp_path: Path, kling: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(kling.replace('form = "lookup"', 'form = "lokup"'))

    with pytest.raises(CommandError) as caught:
        said("load_catalog", str(path))

    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{path}:") and "Did you mean lookup?" in line for line in lines)
    assert not CatalogVersion.objects.exists()


def test_an_order_is_priced_without_a_database() -> None:
    spec = json.dumps({"model": "kling-v1-6", "mode": "pro", "seconds": 10})

    assert json.loads(said("rate", str(KLING), spec)[-1]) == {
        "total": "70",
        "unit": "credits",
        "lines": [{"label": "Kling 1.6, professional mode", "credits": "70"}],
    }


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ('{"model": "kling-v1-7"}', "There is no model kling-v1-7. Did you mean kling-v1-6?"),
        ('{"model": "kling-v2-6", "audio": false}', "No rate prices this order: .*audio false"),
        ('{"model": "kling-v1-6", "seconds": 1e999}', "seconds must be a whole number."),
        ('{"model": "kling-v1-6", "seconds": NaN}', "NaN is no number"),
        ('{"model": "kling-v1-6", "count": 18446744073709551613}', "count must be from 1 to 4"),
        ('{"model": "kling-v1-6", "model": "kling-v2-6"}', "a key stands twice"),
        ("[]", "must be a JSON object"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"model": ' + "1" * 5000 + "}", "is not JSON"),
    ],
)
def test_what_has_no_price_is_refused_in_one_sentence(spec: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as caught:
        said("rate", str(KLING), spec)

    assert "\n" not in str(caught.value)
