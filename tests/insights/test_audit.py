"""The audit finds what somebody wrote past every constraint, and names the row."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs.models import LooseFile
from plans.credits import MICROS
from tests import factories
from tests.insights.selling import sell

# What a superuser might do with every guard switched off, and which invariant says so.
DRIFTS = [
    ("UPDATE billing_wallet SET available_micros = available_micros + 1", {"I2"}),
    ("UPDATE billing_wallet SET held_micros = held_micros - 1", {"I2"}),
    ("UPDATE billing_wallet SET seq = seq + 1", {"I2"}),
    ("UPDATE billing_wallet SET last_entry_id = 'en_unheard_of'", {"I2"}),
    ("UPDATE billing_entry SET previous_id = 'en_unheard_of' WHERE seq = 2", {"I2"}),
    ("UPDATE billing_entry SET id = 'en_zz' WHERE seq = 2", {"I2"}),
    ("UPDATE billing_grant SET available_micros = available_micros + 5", {"I2", "I3"}),
    (
        (
            "UPDATE billing_grant SET available_micros = available_micros - 5, "
            "captured_micros = captured_micros + 5"
        ),
        {"I2"},
    ),
    ("DELETE FROM billing_entry WHERE seq = 2", {"I2", "I4", "I6"}),
    ("DELETE FROM billing_entry WHERE seq = 1", {"I2", "I4"}),
    ("UPDATE billing_entry SET amount_micros = amount_micros + 1 WHERE seq = 2", {"I2", "I4"}),
    ("UPDATE billing_entry SET cause_id = 'job_other' WHERE seq = 2", {"I4"}),
    ("UPDATE billing_entry SET actor_id = '' WHERE seq = 2", {"I4", "I5"}),
    (
        "UPDATE billing_entry SET effective_at = effective_at - interval '1 day' WHERE seq = 3",
        {"I2", "I4"},
    ),
    ("UPDATE billing_hold SET state = 'released', settled_at = now() WHERE state = 'open'", {"I6"}),
    (
        "UPDATE billing_hold SET captured_micros = captured_micros + 1 WHERE state = 'captured'",
        {"I6"},
    ),
    ("UPDATE billing_hold SET reference = 'change:of_nobody' WHERE state = 'open'", {"I6"}),
    ("UPDATE billing_hold SET reference = 'job:of_nobody' WHERE state = 'open'", {"I7"}),
    ("UPDATE billing_allocation SET amount_micros = amount_micros + 1", {"I9"}),
    ("UPDATE billing_allocation SET created_at = created_at + interval '10 days'", {"I14"}),
    (
        (
            "INSERT INTO billing_breaker (backend, model, state, unheard, unmade, openings, "
            "opened_at, retry_at, probe_id, reason) VALUES ('away', 'm', 'half_open', 5, 0, 1, "
            "now(), now(), 'at_of_nobody', '')"
        ),
        {"I8"},
    ),
    (
        (
            "INSERT INTO billing_loosefile (path, created_at) "
            "VALUES ('outputs/nobodys.mp4', now() - interval '8 days')"
        ),
        {"I21"},
    ),
]


@pytest.fixture
def lived(ada: Account) -> Account:
    """Ada was given credits, spent some, and has some set aside."""
    factories.give(ada, 100, expires_in=timedelta(days=5))
    factories.capture(ada, factories.hold(ada, 30), 20 * MICROS)
    factories.hold(ada, 10)
    connection.check_constraints()
    return ada


@pytest.mark.parametrize("column", ["path", "thumbnail_path"])
def test_a_film_that_a_sweep_would_take_from_its_job_is_named(buyer: Account, column: str) -> None:
    factories.give(buyer, 100)
    kept = sell(buyer).outputs.get()
    kept.thumbnail_path = "outputs/thumbnail.jpg"
    kept.save(update_fields=["thumbnail_path"])
    LooseFile.objects.create(path="outputs/copied-just-now.mp4", created_at=timezone.now())
    assert list(audit.breaches()) == []

    LooseFile.objects.create(path=getattr(kept, column), created_at=timezone.now())

    [breach] = audit.breaches()
    assert (breach.invariant, breach.row) == ("I7", kept.pk)


def test_a_wallet_that_lived_is_clean(lived: Account) -> None:
    out = io.StringIO()

    call_command("audit", stdout=out)

    assert out.getvalue().strip().endswith("0 breaches.")


@pytest.mark.parametrize(("drift", "found"), DRIFTS)
def test_drift_is_found_and_named(lived: Account, drift: str, found: set[str]) -> None:
    with connection.cursor() as cursor:
        for table in ("wallet", "grant", "hold", "entry", "allocation"):
            cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE billing_grant DROP CONSTRAINT grant_is_conserved;"
            "ALTER TABLE billing_entry DROP CONSTRAINT entry_has_an_actor"
        )
        cursor.execute(drift)

    breaches = list(audit.breaches())

    assert found <= {breach.invariant for breach in breaches}
    assert all(breach.row for breach in breaches)
    with pytest.raises(CommandError, match="break an invariant"):
        call_command("audit", stdout=io.StringIO())
