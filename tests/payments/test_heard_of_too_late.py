"""What ended before its payment was heard of: it has what it had, and takes nothing from others."""

from datetime import timedelta
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.models import Grant
from billing.payments.models import Contract, Purchase, Refund
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.payments.contracts import a_checkout, here, pay, seen_contract, seen_invoice
from tests.payments.stories import ring
from tests.subscriptions.conftest import Vary, vary
from tests.subscriptions.paid import months_after, nth

__all__ = ["vary"]
pytestmark = pytest.mark.django_db
MONTH: Final = 660 * MICROS
DAY: Final = timedelta(days=1)
MONTHLY: Final = 'credits = "660"\n  rollover = "none"\n  expiry = "window_end"'
LASTING: Final = 'credits = "660"\n  rollover = "none"\n  expiry = "subscription_end"'


def be_later(account: Account, months: int) -> None:
    at = here(account)
    factories.later(account, months_after(at, months) - at)


def test_of_a_year_that_was_ended_come_the_months_until_its_end_however_late_it_is_heard_of(
    kling: None,
) -> None:
    ada = factories.new_account("ada")
    checkout, anchor = a_checkout(ada, interval="P1Y"), here(ada)
    ended_at = months_after(anchor, 2) + 10 * DAY
    contract = seen_contract(checkout, anchor, status="canceled", ended_at=ended_at)
    bill = seen_invoice(checkout, anchor, 0)
    be_later(ada, 9)

    for _again in range(2):
        ring({contract.id: contract, bill.id: bill}, bill.id)

    given = Grant.objects.filter(wallet__account=ada, series__contains="standard.monthly")
    assert [one.amount_micros for one in given] == [MONTH] * 3
    assert Purchase.objects.get().credited_micros == 3 * MONTH
    assert selectors.open_of(ada) is None
    row = Subscription.objects.get(account=ada)
    assert row.paid_periods.get().ends_at == nth(anchor, "P1Y", 0).ends_at


def test_what_lasts_as_long_as_the_subscription_is_gone_and_anothers_stays(vary: Vary) -> None:
    vary((MONTHLY, LASTING))
    ada = factories.new_account("ada")
    checkout, anchor = a_checkout(ada), here(ada)
    bills = [seen_invoice(checkout, anchor, number) for number in (0, 1)]
    first = seen_contract(checkout, anchor)
    ring({first.id: first, bills[0].id: bills[0]}, first.id)
    month = nth(anchor, "P1M", 1)
    be_later(ada, 1)
    ended = seen_contract(
        checkout, anchor, status="canceled", ended_at=month.starts_at + timedelta(hours=1)
    )
    ring({ended.id: ended}, ended.id)
    assert factories.free_micros(ada) == 0
    # She buys it anew before the bill of the second month is heard of.
    factories.later(ada, DAY)
    again, at = a_checkout(ada), here(ada)
    second, new_bill = seen_contract(again, at), seen_invoice(again, at, 0)
    ring({second.id: second, new_bill.id: new_bill}, second.id)
    current = selectors.open_of(ada)
    assert factories.free_micros(ada) == MONTH

    ring({ended.id: ended, bills[1].id: bills[1]}, bills[1].id)

    assert Purchase.objects.get(fact=f"stripe:{bills[1].id}").credited_micros == MONTH
    assert factories.free_micros(ada) == MONTH
    assert selectors.open_of(ada) == current
    assert Contract.objects.filter(superseded_at=None).count() == 2
    assert not Refund.objects.exists()


def test_what_is_paid_in_the_second_in_which_it_ends_is_paid_in_time(kling: None) -> None:
    ada = factories.new_account("ada")
    checkout, anchor = a_checkout(ada), here(ada)
    bill = seen_invoice(checkout, anchor, 0)
    contract = seen_contract(checkout, anchor, status="canceled", ended_at=bill.paid_at)

    ring({contract.id: contract, bill.id: bill}, bill.id)

    assert not Refund.objects.exists()
    assert Subscription.objects.get(account=ada).ended_at is not None


def test_a_year_has_not_brought_what_the_one_before_it_left_unwritten(vary: Vary) -> None:
    """Nobody has looked for a year: eleven of its months are written with the next."""
    vary((MONTHLY, LASTING))
    ada = factories.new_account("ada")
    checkout, anchor = a_checkout(ada, interval="P1Y"), here(ada)
    pay(checkout, anchor, 0)
    with transaction.atomic():
        ledger.move_clocks([ada.pk], offset=months_after(anchor, 12) - anchor)

    second = pay(checkout, anchor, 1)

    given = Grant.objects.filter(wallet__account=ada, series__contains="standard.monthly")
    assert given.count() == 13
    assert second.credited_micros == MONTH
