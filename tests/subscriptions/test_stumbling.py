"""A subscription that cannot be written does not keep the others waiting."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.subscriptions import services
from billing.subscriptions.models import Subscription
from tests import factories
from tests.subscriptions.conftest import MONTHLY, MOVE, STANDARD, Vary

pytestmark = pytest.mark.django_db
FEWER = (MONTHLY, 'credits = "600"\n  rollover')


def break_row(subscription: Subscription) -> None:
    """Have the database refuse whatever is written of one subscription; the test's end mends it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'broken'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER stumble BEFORE UPDATE ON billing_subscription FOR EACH ROW "
            f"WHEN (OLD.id = '{subscription.pk}') EXECUTE FUNCTION stumble()"
        )


def test_an_end_that_fails_does_not_stop_the_others(ada: Account) -> None:
    accounts = [ada, factories.new_account("eve")]
    for account in accounts:
        now = factories.later(account, timedelta())
        services.start(account=account, plan="pro", ends_at=now + timedelta(days=1))
        factories.later(account, timedelta(days=2))
    broken = Subscription.objects.get(account=ada)
    break_row(broken)

    assert services.end_due() == 1
    assert services.end_due() == 0

    assert Subscription.objects.get(ended_at=None) == broken


def test_a_move_that_fails_does_not_stop_the_others(ada: Account, vary: Vary) -> None:
    accounts = [ada, factories.new_account("eve")]
    broken, _other = (services.start(account=account, plan="standard") for account in accounts)
    vary((STANDARD, MOVE), FEWER)
    break_row(broken)

    assert services.move_subscribers(now=datetime.now(UTC)) == 1
    assert services.move_subscribers(now=datetime.now(UTC)) == 0

    assert Subscription.objects.get(moved_at=None) == broken
