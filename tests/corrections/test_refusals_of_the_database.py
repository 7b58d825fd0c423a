"""Whatever the code would let through, the database refuses it by name, and nothing has moved."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.models import Adjustment, Compensation, Halt
from billing.ledger.models import Debt, Grant
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.jobs import shop
from tests.ledger.refusing import refused

pytestmark = pytest.mark.usefixtures("ends_clean")


def sql(statement: str, *values: str | int) -> Callable[[], object]:
    """Return what runs a statement past the product."""

    def run() -> object:
        with connection.cursor() as cursor:
            return cursor.execute(statement, values)

    return run


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            (
                "state = 'executed', approver_id = requester_id, decided_at = now(),"
                " counted_on = now()"
            ),
            "adjustment_is_decided_by_another",
        ),
        (
            "state = 'refused', approver_id = requester_id, decided_at = now()",
            "adjustment_is_decided_by_another",
        ),
        (
            "state = 'executed', decided_at = now(), counted_on = now()",
            "adjustment_state_matches_columns",
        ),
        (
            "state = 'executed', approver_id = {rosa}, decided_at = now(), counted_on = now()",
            "adjustment_state_matches_columns",
        ),
        ("state = 'refused'", "adjustment_state_matches_columns"),
        ("decided_at = now()", "adjustment_state_matches_columns"),
        ("state = 'whatever'", "adjustment_state_matches_columns"),
        ("text = 'Another.'", "adjustment_is_decided_once"),
        ("amount_micros = 1", "adjustment_is_decided_once"),
        ("requester_id = {rosa}", "adjustment_is_decided_once"),
        ("alone_max_micros = 1000000000", "adjustment_is_decided_once"),
        (
            (
                "state = 'executed', approver_id = {rosa}, decided_at = now(), counted_on = now(),"
                " grant_id = '{grant}'"
            ),
            "adjustment_moved_what_it_says",
        ),
    ],
)
def test_a_request_is_decided_as_the_rules_say(
    ada: Account, grace: User, rosa: User, change: str, rule: str
) -> None:
    desk.ask(ada, 50, grace)
    grant = factories.give(ada, 50)
    words = change.format(rosa=rosa.pk, grant=grant.pk)

    refused(sql(f"UPDATE billing_adjustment SET {words}"), rule)

    assert Adjustment.objects.get().state == "requested"


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"reason": ""}, "adjustment_has_a_reason"),
        ({"text": ""}, "adjustment_has_a_reason"),
        ({"key": ""}, "adjustment_key_named"),
        ({"amount_micros": 0}, "adjustment_gives_or_takes"),
        ({"as_debt": True}, "adjustment_gives_or_takes"),
        ({"alone_max_micros": -1}, "adjustment_alone_not_negative"),
        ({"key": "k"}, "adjustment_key_once"),
        ({"state": "refused", "decided_at": desk.now()}, "adjustment_begins_as_a_request"),
    ],
)
def test_a_request_is_made_as_the_rules_say(
    ada: Account, grace: User, facts: dict[str, Any], rule: str
) -> None:
    first = desk.ask(ada, 50, grace, key="k")

    def again() -> None:
        plain = ("account_id", "catalog_version_id", "amount_micros", "reason", "text")
        times = ("requester_id", "requested_at", "expires_at")
        copied = {name: getattr(first, name) for name in (*plain, *times)}
        Adjustment.objects.create(**(copied | {"key": "other"} | facts))

    refused(again, rule)


def test_a_decision_is_for_ever(ada: Account, grace: User, rosa: User) -> None:
    desk.approve(desk.ask(ada, 50, grace), rosa)

    for change in ("state = 'requested'", "approver_id = NULL", "decided_at = now()"):
        refused(
            sql(f"UPDATE billing_adjustment SET {change}"),
            "adjustment_is_decided_once|adjustment_state_matches_columns",
        )
    refused(sql("DELETE FROM billing_adjustment"), "adjustment_is_never_deleted")


def test_a_days_sum_is_that_of_its_adjustments_and_below_the_cap(
    ada: Account, grace: User, rosa: User
) -> None:
    desk.approve(desk.ask(ada, 50, grace), rosa)

    refused(sql("UPDATE billing_operatorday SET used_micros = 0"), "operator_day_adds_up")
    refused(sql("UPDATE billing_operatorday SET used_micros = 51000000"), "operator_day_adds_up")
    refused(sql("UPDATE billing_operatorday SET max_micros = 1"), "operator_day_cap_is_kept")


def test_a_debt_of_an_adjustment_is_its_own(ada: Account, grace: User, rosa: User) -> None:
    asked = desk.ask(ada, -50, grace, as_debt=True)
    debt = factories.owe(ada, 50)

    refused(
        sql(
            "UPDATE billing_adjustment SET state = 'executed', approver_id = %s,"
            " decided_at = now(), counted_on = now(), debt_id = %s",
            *(rosa.pk, debt.pk),
        ),
        "adjustment_moved_what_it_says",
    )
    asked.refresh_from_db()
    assert asked.state == "requested"


@pytest.fixture
def waiting(ada: Account, grace: User, backend: None) -> Compensation:
    """Ada's one video for 10 credits waits to be compensated."""
    factories.give(ada, 10)
    shop.finish(shop.submit(ada, seconds=5))
    return desk.claim(grace, desk.chosen())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            "state = 'approved', approver_id = requester_id, decided_at = now()",
            "compensation_is_decided_by_another",
        ),
        ("state = 'approved'", "compensation_state_matches_columns"),
        (
            "state = 'done', approver_id = {rosa}, decided_at = now(), finished_at = now()",
            "compensation_is_decided_once",
        ),
        ("amount_micros = 1", "compensation_is_decided_once"),
        ("digest = ''", "compensation_is_decided_once"),
        ("text_zh = ''", "compensation_has_a_reason|compensation_is_decided_once"),
    ],
)
def test_an_incident_is_decided_as_the_rules_say(
    waiting: Compensation, rosa: User, change: str, rule: str
) -> None:
    refused(sql(f"UPDATE billing_compensation SET {change.format(rosa=rosa.pk)}"), rule)

    waiting.refresh_from_db()
    assert waiting.state == "requested"


def test_who_was_not_looked_at_is_not_approved(waiting: Compensation, rosa: User) -> None:
    bob = factories.new_account("bob", is_sandbox=False)
    add = (
        "INSERT INTO billing_compensationshare (compensation_id, account_id, amount_micros,"
        " jobs_count, refusal) VALUES (%s, %s, 1, 1, '')"
    )

    def approved_with_bob() -> None:
        sql(add, waiting.pk, bob.pk)()
        agree = "UPDATE billing_compensation SET state = %s, approver_id = %s, decided_at = now()"
        sql(agree, "approved", rosa.pk)()

    refused(approved_with_bob, "compensation_adds_up")
    desk.agree(waiting, rosa)
    refused(sql(add, waiting.pk, bob.pk), "compensation_takes_no_more")
    refused(
        sql("UPDATE billing_compensatedjob SET due_micros = 0"), "compensated_job_is_append_only"
    )


def test_a_share_is_given_once_and_by_its_own_grant(waiting: Compensation, rosa: User) -> None:
    strange = Grant.objects.get()
    end = "UPDATE billing_compensationshare SET grant_id = %s, ended_at = now()"
    refused(sql(end, strange.pk), "compensation_share_ends_once")
    desk.agree(waiting, rosa)
    refused(sql(end, strange.pk), "compensation_share_ends_once")
    refused(
        sql("UPDATE billing_compensation SET state = 'done', finished_at = now()"),
        "compensation_is_done_when_all_have_it",
    )

    services.carry_out(compensation_id=waiting.pk, now=desk.now())

    refused(
        sql("UPDATE billing_compensationshare SET grant_id = NULL, refusal = 'no'"),
        "compensation_share_ends_once",
    )
    refused(sql("UPDATE billing_compensation SET state = 'approved'"), "compensation_")


def test_an_incident_has_one_compensation_and_one_row_for_a_job(waiting: Compensation) -> None:
    columns = (
        "key, is_sandbox, catalog_version_id, selection, rule, digest, text_en, text_zh, reason,"
        " text, jobs_count, accounts_count, amount_micros, state, requester_id, requested_at,"
        " expires_at"
    )
    refused(
        sql(
            f"INSERT INTO billing_compensation (id, {columns})"
            f" SELECT 'cmp_2', {columns} FROM billing_compensation"
        ),
        "compensation_incident_once",
    )
    refused(
        sql(
            "INSERT INTO billing_compensatedjob (compensation_id, job_id, due_micros)"
            " SELECT compensation_id, job_id, 1 FROM billing_compensatedjob"
        ),
        "compensated_job_once_an_incident",
    )


def test_a_halt_is_resumed_by_somebody_once(ada: Account, grace: User) -> None:
    Halt.objects.create(account=ada, halted_at=desk.now())

    refused(
        sql("UPDATE billing_halt SET resumed_at = now() + interval '1 h'"),
        "halt_is_resumed_by_somebody",
    )
    said = "UPDATE billing_halt SET resumed_at = now() + interval '1 h', operator_id = %s"
    refused(sql(said, grace.pk), "halt_is_resumed_by_somebody")
    sql(f"{said}, reason = 'Mended.'", grace.pk)()
    refused(sql("UPDATE billing_halt SET reason = 'Never mind.'"), "halt_is_resumed_once")


def test_what_a_job_owes_is_its_debt_and_within_what_was_agreed(
    ada: Account, backend: None
) -> None:
    desk.open_shop('[overrun]\nsettle_by = "usage"\nmeasured = { seconds = "s" }\npolicy = "debt"')
    factories.give(ada, 14)
    agreed = shop.order_of({"seconds": 5}, max_micros=20 * MICROS)
    job = shop.finish(shop.submit(ada, agreed), usage={"s": 10})
    assert (job.owed_micros, Debt.objects.get().amount_micros) == (6 * MICROS, 6 * MICROS)

    refused(sql("UPDATE billing_job SET owed_micros = 0"), "job_ends_once")
    refused(sql("UPDATE billing_job SET owed_micros = -1"), "job_ends_once|job_charged_iff_final")
