"""The rules of corrections come and go with their migration."""

from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.db import connection

SQL: Final = Path(settings.BASE_DIR) / "billing" / "migrations" / "sql"
OF_MONEY: Final = {
    *("dispute_is_counted", "purchase_adds_up", "refund_is_counted", "taking_is_counted")
}


def run(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute((SQL / name).read_text())


def rules() -> set[tuple[str, str]]:
    """Return every trigger of ours with what its function says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE NOT t.tgisinternal"
        )
        return set(cursor.fetchall())


@pytest.mark.django_db
def test_the_rules_come_and_go_with_the_migration() -> None:
    before = rules()

    run("withdrawn.down.sql")
    run("corrections.down.sql")
    run("job_debts.down.sql")
    gone = {name for name, _said in before} - {name for name, _said in rules()}
    assert {"adjustment_is_decided_once", "operator_day_adds_up", "compensation_adds_up"} <= gone
    # (What listeners see of a job is another rule's, and what money took back is others'.)
    left = {name for name, said in rules() if "owed_micros" in said}
    assert left <= {"job_version_rises", *OF_MONEY}

    run("job_debts.up.sql")
    run("corrections.up.sql")
    assert rules() != before
    run("withdrawn.up.sql")
    assert rules() == before
