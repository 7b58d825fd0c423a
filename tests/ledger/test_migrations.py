"""What stood in the tables before grants and allowances had all their terms."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.db import connection

from billing.accounts.models import Account
from billing.ledger.models import Allowance, Grant
from plans.credits import MICROS
from tests import factories

SQL: Final = Path(settings.BASE_DIR) / "billing" / "migrations" / "sql"


def run(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute((SQL / name).read_text())


def guards() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'counted_use_%'")
        return {name for (name,) in cursor.fetchall()}


def test_allowances_and_grants_of_before_go_on_as_they_were(ada: Account) -> None:
    claimed = factories.claim(ada)
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_grant DISABLE TRIGGER grant_keeps_its_terms")
        cursor.execute("UPDATE billing_grant SET series = '', streak_days = 0")
        cursor.execute("UPDATE billing_allowance SET terms = '{}', started_at = now()")

    run("ledger_terms.before.sql")

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_grant ENABLE TRIGGER grant_keeps_its_terms")
    assert Grant.objects.get().series == "daily"
    allowance = Allowance.objects.get()
    assert allowance.started_at == allowance.anchor_at
    assert (allowance.terms["credits"], allowance.terms["mode"]) == ("66", "claimed")
    assert factories.claim(ada) == claimed
    factories.later(ada, timedelta(days=1))
    tomorrow = factories.claim(ada)
    assert tomorrow.amount_micros == 66 * MICROS
    assert tomorrow.streak_days == 2


@pytest.mark.django_db
def test_the_guards_come_and_go_with_the_migration() -> None:
    before = guards()
    assert len(before) >= 4

    run("ledger_terms.down.sql")
    assert not guards() & {"counted_use_is_left", "counted_use_settles_once"}

    run("ledger_terms.up.sql")
    assert guards() == before
