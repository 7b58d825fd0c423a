import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from plans import selectors
from plans.catalog import publish
from plans.catalog.schema import Catalog
from plans.models import CatalogVersion
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


@pytest.mark.django_db
def test_whoever_knows_the_accounts_can_say_whom_a_change_touches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def assess(old: Catalog | None, new: Catalog) -> list[str]:
        return [f"{new.slug}: 7 accounts, {old is None}"]

    monkeypatch.setattr(publish, "ASSESSORS", [assess])

    assert "kling: 7 accounts, True" in said("load_catalog", str(KLING), "--dry-run")


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
        ('{"model": "kling-v1-6", "count": 18446744073709551613}', "count must be from 1 to 1"),
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
