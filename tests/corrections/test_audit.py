"""The audit finds what somebody wrote past the rules of corrections, and names the row."""

import pytest
from django.contrib.auth.models import User
from django.db import connection

from billing.accounts.models import Account
from billing.corrections import services
from billing.insights import audit
from tests import factories
from tests.corrections import desk
from tests.jobs import shop

DRIFTS = [
    ("UPDATE billing_adjustment SET approver_id = requester_id WHERE amount_micros > 0", "I36"),
    ("UPDATE billing_adjustment SET approver_id = NULL WHERE amount_micros > 0", "I36"),
    ("UPDATE billing_adjustment SET amount_micros = amount_micros + 1", "I36"),
    ("UPDATE billing_adjustment SET revoked_micros = 5 WHERE amount_micros > 0", "I36"),
    ("UPDATE billing_adjustment SET grant_id = NULL WHERE amount_micros > 0", "I36"),
    ("UPDATE billing_adjustment SET debt_id = NULL WHERE as_debt", "I36"),
    ("UPDATE billing_adjustment SET state = 'requested'", "I36"),
    ("UPDATE billing_operatorday SET used_micros = used_micros - 1", "I36"),
    ("UPDATE billing_operatorday SET max_micros = 1", "I36"),
    ("UPDATE billing_compensation SET amount_micros = amount_micros + 1", "I36"),
    ("UPDATE billing_compensation SET approver_id = requester_id", "I36"),
    ("UPDATE billing_compensation SET state = 'requested'", "I36"),
    ("DELETE FROM billing_compensatedjob", "I36"),
    ("UPDATE billing_compensationshare SET amount_micros = amount_micros + 1", "I36"),
    ("UPDATE billing_compensationshare SET ended_at = NULL", "I36"),
    ("UPDATE billing_compensationshare SET grant_id = NULL", "I36"),
    ("UPDATE billing_job SET owed_micros = owed_micros + 1", "I10"),
    ("DELETE FROM billing_message WHERE task = 'corrections.tell_debt'", "I30"),
    ("UPDATE billing_wallet SET halted_at = now()", "I26"),
]


@pytest.fixture
def lived(ada: Account, backend: None, grace: User, rosa: User) -> Account:
    """Ada was given credits and has lost more than she had; a video of hers was compensated."""
    factories.give(ada, 10)
    shop.finish(shop.submit(ada, seconds=5))
    asked = desk.agree(desk.claim(grace, desk.chosen()), rosa)
    services.carry_out(compensation_id=asked.pk, now=desk.now())
    desk.approve(desk.ask(ada, 50, grace), rosa)
    desk.approve(desk.ask(ada, -100, grace, as_debt=True), rosa)
    connection.check_constraints()
    return ada


def test_whoever_was_corrected_is_clean(lived: Account) -> None:
    assert [str(breach) for breach in audit.breaches()] == []


@pytest.mark.parametrize(("drift", "invariant"), DRIFTS)
def test_drift_is_found_and_named(lived: Account, drift: str, invariant: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "ALTER TABLE billing_adjustment"
            " DROP CONSTRAINT adjustment_is_decided_by_another,"
            " DROP CONSTRAINT adjustment_state_matches_columns;"
            "ALTER TABLE billing_operatorday DROP CONSTRAINT operator_day_cap_is_kept;"
            "ALTER TABLE billing_compensation"
            " DROP CONSTRAINT compensation_is_decided_by_another,"
            " DROP CONSTRAINT compensation_state_matches_columns;"
            "ALTER TABLE billing_compensationshare"
            " DROP CONSTRAINT compensation_share_state_matches_columns"
        )
        cursor.execute(drift)

    found = list(audit.breaches())

    assert invariant in {breach.invariant for breach in found}, drift
    assert all(breach.row for breach in found)
