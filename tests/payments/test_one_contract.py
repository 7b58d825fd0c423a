"""One contract keeps an account; another is paid back, and what was paid in time is not lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Final

import pytest
from django.utils import timezone

from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments import selectors
from billing.payments.models import Contract, Purchase, Refund
from billing.payments.services import reminding
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import PaidPeriod, Subscription
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.payments import back
from tests.payments.contracts import (
    Story,
    a_checkout,
    here,
    seen_contract,
    seen_invoice,
    seen_payment,
)
from tests.payments.stories import ring
from tests.payments.test_orders_of_events import tell
from tests.subscriptions.paid import months_after, nth
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
MONTH: Final = 660 * MICROS
DAY: Final = timedelta(days=1)
EVERY: Final = by_profile(desk=17, ci=1, night=1)  # of the 120 orders


def buy(account: Account, *, plan: str = "standard", at: datetime | None = None) -> str:
    """Let a page for a plan be paid, and be looked at; return the contract's id at Stripe."""
    checkout, anchor = a_checkout(account, plan=plan), at or here(account)
    contract, bill = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    ring({contract.id: contract, bill.id: bill}, contract.id)
    return contract.id


def errands(task: TaskName) -> list[dict[str, str]]:
    return list(Message.objects.filter(task=task).values_list("arguments", flat=True))


@pytest.mark.parametrize("first", ["standard", "pro"])
def test_of_two_contracts_that_are_paid_the_first_keeps_the_account(
    kling: None, first: str
) -> None:
    ada = factories.new_account("ada")
    second = "pro" if first == "standard" else "standard"
    kept = Contract.objects.get(stripe_id=buy(ada, plan=first))
    had = factories.free_micros(ada)

    vain = Contract.objects.get(stripe_id=buy(ada, plan=second))

    current = subscriptions.open_of(ada)
    assert current is not None
    assert (current.plan, current.pk) == (first, kept.subscription_id)
    assert Subscription.objects.filter(account=ada).count() == 1
    assert factories.free_micros(ada) == had
    assert vain.superseded_at is not None
    assert vain.subscription is None
    purchase = Purchase.objects.get(contract=vain)
    assert (purchase.credited_micros, purchase.subscription) == (0, None)
    refund = Refund.objects.get()
    assert (refund.purchase, refund.amount_micros) == (purchase, purchase.amount_micros)
    assert (refund.state, refund.rule, refund.reason) == (
        "approved",
        "not_given",
        "subscribed_already",
    )
    assert errands(TaskName.SEND_REFUND) == [{"refund_id": refund.pk}]
    assert errands(TaskName.END_SUPERSEDED) == [{"contract_id": vain.pk}]
    assert selectors.living_contract(ada) == selectors.latest_contract(ada) == kept
    assert not selectors.has_paid_for_plan(ada, second)


def test_what_is_superseded_stays_so_whatever_is_told_of_it_later(kling: None) -> None:
    ada = factories.new_account("ada")
    kept = Contract.objects.get(stripe_id=buy(ada))
    checkout, anchor = a_checkout(ada), here(ada)
    contract = seen_contract(checkout, anchor)
    bills = [seen_invoice(checkout, anchor, number) for number in (0, 1)]
    ring({contract.id: contract, bills[0].id: bills[0]}, contract.id)
    # The first one ends; then a bill of the other is paid before Stripe has ended that.
    Contract.objects.filter(pk=kept.pk).update(ended_at=timezone.now(), status="canceled")
    ring({contract.id: contract, bills[1].id: bills[1]}, bills[1].id)
    ring({contract.id: contract, bills[0].id: bills[0]}, bills[0].id)

    vain = Contract.objects.get(stripe_id=contract.id)
    assert vain.subscription is None
    assert factories.free_micros(ada) == MONTH
    assert Refund.objects.filter(purchase__contract=vain).count() == 2
    assert len(errands(TaskName.END_SUPERSEDED)) == 1


def test_a_trial_beside_a_contract_is_superseded_too(kling: None) -> None:
    ada = factories.new_account("ada")
    at = here(ada)
    buy(ada, at=at)
    had = factories.free_micros(ada)
    checkout = a_checkout(ada, plan="pro")
    trial_ends_at = at + 7 * DAY
    line = replace(
        seen_invoice(checkout, at, 0).lines[0],
        amount_micros=0,
        period_starts_at=at,
        period_ends_at=trial_ends_at,
    )
    bill = seen_invoice(
        checkout, at, 0, amount_micros=0, paid_micros=0, payment_id="", lines=(line,)
    )
    contract = seen_contract(
        checkout, trial_ends_at, status="trialing", trial_ends_at=trial_ends_at
    )

    ring({contract.id: contract, bill.id: bill}, contract.id)

    vain = Contract.objects.get(stripe_id=contract.id)
    assert vain.superseded_at is not None
    assert errands(TaskName.END_SUPERSEDED) == [{"contract_id": vain.pk}]
    assert factories.free_micros(ada) == had
    assert not Refund.objects.exists()  # nothing was paid
    assert not selectors.had_trial(ada)


def test_nobody_is_written_to_about_the_end_of_what_he_never_had(kling: None) -> None:
    ada = factories.new_account("ada")
    buy(ada)
    vain = Contract.objects.get(stripe_id=buy(ada))
    Contract.objects.filter(pk=vain.pk).update(status="canceled", ended_at=timezone.now())

    assert reminding.remind(now=timezone.now()) == 0


@pytest.mark.parametrize(
    ("decided", "state", "sent"), [("won", "approved", 1), ("lost", "withdrawn", 0)]
)
def test_what_a_bank_has_of_money_paid_in_vain_goes_back_once_the_bank_has_given_it_back(
    kling: None, decided: str, state: str, sent: int
) -> None:
    ada = factories.new_account("ada")
    buy(ada)
    checkout, anchor = a_checkout(ada), here(ada)
    contract, bill = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    contested = seen_payment(bill, disputes=(back.dispute(bill.paid_micros),))
    shop = {contract.id: contract, bill.id: bill, contested.id: contested}
    ring(shop, bill.id)
    assert errands(TaskName.SEND_REFUND) == []
    assert Refund.objects.get().state == "requested"

    for _again in range(2):
        seen = replace(contested, disputes=(back.dispute(bill.paid_micros, decided),))
        ring({**shop, contested.id: seen}, contested.id)

    assert Refund.objects.get().state == state
    assert len(errands(TaskName.SEND_REFUND)) == sent
    purchase = Purchase.objects.get(stripe_id=contested.id)
    assert purchase.refunded_micros + purchase.disputed_micros == purchase.amount_micros


def test_a_contract_made_by_hand_takes_the_place_of_the_first(kling: None) -> None:
    ada = factories.new_account("ada")
    buy(ada)
    by_hand = seen_contract(a_checkout(ada, plan="pro"), here(ada))
    Contract.objects.create(
        stripe_id=by_hand.id,
        account=ada,
        catalog_version_id=Contract.objects.get().catalog_version_id,
        plan="pro",
        interval="P1M",
        currency="CNY",
        price_micros=266 * MICROS,
        renewal_micros=266 * MICROS,
        status="active",
        anchor_at=by_hand.anchor_at,
        period_starts_at=by_hand.period_starts_at,
        period_ends_at=by_hand.period_ends_at,
        seen_at=timezone.now(),
    )
    checkout = a_checkout(ada, plan="pro")
    bill = seen_invoice(checkout, by_hand.anchor_at, 0, contract_id=by_hand.id)

    ring({by_hand.id: by_hand, bill.id: bill}, bill.id)

    current = subscriptions.open_of(ada)
    assert current is not None
    assert current.plan == "pro"
    assert not Contract.objects.exclude(superseded_at=None).exists()
    assert not Refund.objects.exists()


# -- heard of when it has ended ------------------------------------------------------------------
def the_whole_life(account: Account, *, paid_late: bool = False) -> Story:
    """Return how a contract begins, is renewed and ends in its second month."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id = f"sub_{checkout.pk}"
    first, second = (seen_invoice(checkout, anchor, number) for number in (0, 1))
    month = nth(anchor, "P1M", 1)
    renewed = {"period_starts_at": month.starts_at, "period_ends_at": month.ends_at}
    ended_at = month.starts_at + 3 * DAY
    factories.later(account, months_after(anchor, 1) - anchor + 5 * DAY)
    story = Story(here(account))
    story.add(contract_id, seen_contract(checkout, anchor), first)
    story.add(first.id)
    if paid_late:
        second = replace(second, paid_at=ended_at + DAY)
    else:
        story.add(
            second.id,
            seen_contract(checkout, anchor, latest_invoice_id=second.id, **renewed),
            second,
        )
    ended = seen_contract(
        checkout,
        anchor,
        status="canceled",
        ended_at=ended_at,
        latest_invoice_id=second.id,
        **renewed,
    )
    story.add(contract_id, ended, *([second] if paid_late else []))
    story.add(second.id)
    return story


def outcome(account: Account) -> object:
    """Return all that a life has come to, without ids and instants."""
    purchases = Purchase.objects.filter(account=account)
    refunds = Refund.objects.filter(purchase__account=account)
    return (
        factories.free_micros(account),
        subscriptions.open_of(account),
        [p.ends_at > p.starts_at for p in PaidPeriod.objects.filter(subscription__account=account)],
        Subscription.objects.filter(account=account).count(),
        Contract.objects.get(account=account).status,
        sorted(purchases.values_list("amount_micros", "credited_micros")),
        sorted(refunds.values_list("amount_micros", "state", "reason")),
    )


def every_order(story_of: Callable[[Account], Story], *, step: int) -> dict[str, tuple[int, ...]]:
    """Return what the orders in which the events ring come to, each with one that leads there."""
    found = {}
    with rolled_back():
        length = len(story_of(factories.new_account("ada")).rings)
    for place, order in enumerate(list(permutations(range(length)))[::step]):
        with rolled_back():
            ada = factories.new_account("ada")
            story = story_of(ada)
            for done, number in enumerate(order):
                tell(ada, story, number, order[:done], twice=place % 2 == 1)
            found[repr(outcome(ada))] = order
    return found


def paid_in_time(account: Account) -> Story:
    return the_whole_life(account)


def paid_too_late(account: Account) -> Story:
    return the_whole_life(account, paid_late=True)


def test_a_period_paid_before_the_end_is_given_in_whatever_order_it_is_heard_of(
    kling: None,
) -> None:
    found = every_order(paid_in_time, step=EVERY)

    [whole] = found
    paid = 66 * MICROS
    assert whole == repr(
        (2 * MONTH, None, [True, True], 1, "canceled", [(paid, MONTH), (paid, MONTH)], [])
    )


def test_what_is_paid_after_the_end_goes_back_in_whatever_order_it_is_heard_of(kling: None) -> None:
    found = every_order(paid_too_late, step=by_profile(desk=5, ci=1, night=1))

    [whole] = found
    paid = 66 * MICROS
    back = [(paid, "approved", "ended")]
    assert whole == repr((MONTH, None, [True], 1, "canceled", [(paid, 0), (paid, MONTH)], back))
