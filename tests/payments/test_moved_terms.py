"""Money that goes back takes what it brought, also where a catalog has moved the plan since."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.models import Grant
from billing.payments.models import Purchase
from billing.payments.services import tracing
from billing.subscriptions import services
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf
from tests.payments import back
from tests.payments.test_time_and_money import PRICE, WINDOW, a_month, a_year, ada, lapse, stands
from tests.subscriptions.conftest import MONTHLY, MOVE, STANDARD

__all__ = ["ada"]
pytestmark = pytest.mark.django_db
ALLOWANCE = '  [[plan.allowance]]\n  code = "monthly"\n  cadence = "monthly"\n  mode = "auto"\n  '
OF_STANDARD = f"{ALLOWANCE}{MONTHLY}"
RENAMED = OF_STANDARD.replace('code = "monthly"', 'code = "credits"')
WEEKLY = OF_STANDARD.replace('cadence = "monthly"', 'cadence = "weekly"')
MONTH = timedelta(days=31)


def move_to(allowance: str) -> None:
    """Put a catalog in force by which the plan gives otherwise, and move who is on it."""
    text = shelf.shop_text()
    assert OF_STANDARD in text
    text = text.replace(STANDARD, MOVE, 1).replace(OF_STANDARD, allowance, 1)
    publish.publish(text + back.PACKS + back.RULE, now=timezone.now())
    assert services.move_subscribers(now=timezone.now()) == 1


def brought(purchase: Purchase) -> set[str]:
    """Return the grants that a payment has brought."""
    return {part.grant.pk for part in tracing.brought_by(purchase)}


@pytest.mark.parametrize("allowance", [RENAMED, WEEKLY])
def test_a_month_takes_what_it_brought_before_its_plan_was_moved(
    ada: Account, allowance: str
) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    back.spend(ada, 100)
    given = Grant.objects.get(wallet__account=ada)
    move_to(allowance)
    assert brought(purchase) == {given.pk}

    asked = back.ask(purchase, PRICE)
    back.approve(asked)

    purchase.refresh_from_db()
    step = purchase.takings.get()
    assert purchase.taken_micros == WINDOW * MICROS
    assert (step.revoked_micros, step.owed_micros) == (560 * MICROS, 100 * MICROS)
    assert back.standing(ada) == (0, 100)
    back.as_at_the_commit()
    assert list(audit.breaches()) == []


@pytest.mark.parametrize("allowance", [RENAMED, WEEKLY])
def test_money_that_comes_again_after_a_move_gives_no_window_twice(
    ada: Account, allowance: str
) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    move_to(allowance)
    stands(purchase, (PRICE, "succeeded"))
    assert back.standing(ada) == (0, 0)

    stands(purchase, (PRICE, "failed"))

    assert back.standing(ada) == (WINDOW, 0)
    assert list(audit.breaches()) == []


def test_a_month_missed_after_a_move_comes_with_its_money(ada: Account) -> None:
    purchase = a_year(ada)
    move_to(RENAMED)
    stands(purchase, dispute="lost")
    lapse(ada)
    factories.later(ada, MONTH)
    assert back.standing(ada) == (0, 0)

    stands(purchase, dispute="won")

    come = Grant.objects.filter(wallet__account=ada, fact__startswith="allowance:")
    assert [one.fact.split(":")[1] for one in come.order_by("effective_at")] == [
        *("standard.monthly", "standard.credits")
    ]
    assert list(audit.breaches()) == []


def test_a_lost_dispute_takes_what_came_before_a_move_and_after_it(ada: Account) -> None:
    purchase = a_year(ada)
    move_to(RENAMED)
    factories.later(ada, MONTH)  # the second month came by its new name; the first is over
    assert back.standing(ada) == (WINDOW, 0)

    purchase = stands(purchase, dispute="lost")

    assert (purchase.credited_micros, purchase.taken_micros) == (2 * WINDOW * MICROS,) * 2
    assert back.standing(ada) == (0, 0)
    assert list(audit.breaches()) == []
