"""Money back on request: who asks, who decides, what moves when, and what Stripe is asked."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.http.errors import Forbidden, IdempotencyMismatch
from billing.insights import audit
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.errors.refunds import (
    InvalidRefund,
    NotReturnable,
    NotYourRefund,
    OwnRefund,
    PaymentDisputed,
    RefundChanged,
    RefundDecided,
    RefundTooLarge,
)
from billing.payments.gateway import StripeAway
from billing.payments.models import Purchase, Refund
from billing.payments.services import refunding, sending
from billing.payments.services.refunding import Wish
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.back import CENT, PAID

pytestmark = pytest.mark.django_db
LOOSE = """
[payments.cooling_off]
within = "P7D"
factor = "0.9"
unused = false
"""


@pytest.fixture
def ada(db: None) -> Account:
    """Ada has nothing but what she will buy."""
    back.open_shop()
    return factories.new_account("ada")


def nothing_moved(account: Account, purchase: Purchase) -> bool:
    purchase.refresh_from_db()
    posted = Message.objects.filter(task=TaskName.SEND_REFUND).exists()
    return (back.standing(account), purchase.refunded_micros, posted) == ((120, 0), 0, False)


def test_a_request_moves_nothing_and_an_approval_takes_the_credits(ada: Account) -> None:
    purchase = back.buy(ada)
    asked = back.ask(purchase, PAID // 2)
    assert nothing_moved(ada, purchase)

    back.approve(asked)

    assert back.standing(ada) == (60, 0)
    refund = Refund.objects.get()
    assert (refund.state, refund.stripe_id) == ("approved", "")
    posted = Message.objects.get(task=TaskName.SEND_REFUND)
    assert posted.arguments == {"refund_id": refund.pk}
    assert not list(audit.breaches())


def test_a_repeated_approval_takes_nothing_more(ada: Account) -> None:
    asked = back.ask(back.buy(ada), PAID // 2)
    back.approve(asked)
    back.approve(asked)

    assert back.standing(ada) == (60, 0)
    assert Message.objects.filter(task=TaskName.SEND_REFUND).count() == 1


def test_nobody_decides_on_his_own_request(ada: Account) -> None:
    purchase = back.buy(ada)
    asked = back.ask(purchase)
    grace = back.operator("grace", "request_refund", "approve_refund")
    for decide in (refunding.approve_refund, refunding.refuse_refund):
        with pytest.raises(OwnRefund):
            decide(refund_id=asked, approver=grace, now=datetime.now(UTC))

    assert nothing_moved(ada, purchase)


def test_who_may_not_ask_or_decide_does_neither(ada: Account) -> None:
    purchase = back.buy(ada)
    asked = back.ask(purchase)
    eve, now = back.operator("eve"), datetime.now(UTC)

    with pytest.raises(Forbidden):
        refunding.approve_refund(refund_id=asked, approver=eve, now=now)
    with pytest.raises(Forbidden):
        refunding.request_refund(
            purchase_id=purchase.pk,
            wish=Wish("goodwill", "kind", text="Because."),
            requester=eve,
            key="eve",
            now=now,
        )

    assert nothing_moved(ada, purchase)


def test_what_was_refused_or_withdrawn_is_over(ada: Account) -> None:
    purchase = back.buy(ada)
    refused, withdrawn, now = back.ask(purchase), back.ask(purchase), datetime.now(UTC)
    hedy = back.operator("hedy", "approve_refund")
    refunding.refuse_refund(refund_id=refused, approver=hedy, now=now)
    with pytest.raises(NotYourRefund):
        refunding.withdraw_refund(refund_id=withdrawn, requester=hedy, now=now)
    grace = back.operator("grace", "request_refund")
    refunding.withdraw_refund(refund_id=withdrawn, requester=grace, now=now)

    for over in (refused, withdrawn):
        with pytest.raises(RefundDecided):
            back.approve(over)

    assert nothing_moved(ada, purchase)


def test_no_more_goes_back_than_came_whoever_asks_first(ada: Account) -> None:
    purchase = back.buy(ada)
    first, second = back.ask(purchase, 60 * MICROS), back.ask(purchase, 60 * MICROS)
    with pytest.raises(RefundTooLarge):
        back.ask(purchase, PAID + CENT)
    back.approve(first)

    with pytest.raises(RefundTooLarge):
        back.approve(second)

    purchase.refresh_from_db()
    assert (purchase.refunded_micros, back.standing(ada)) == (60 * MICROS, (40, 0))


@pytest.mark.parametrize("micros", [0, -CENT, CENT // 2])
def test_what_is_no_amount_of_money_is_refused(ada: Account, micros: int) -> None:
    purchase = back.buy(ada)

    with pytest.raises(InvalidRefund):
        back.ask(purchase, micros)

    assert nothing_moved(ada, purchase)


def test_a_key_has_one_refund(ada: Account) -> None:
    purchase = back.buy(ada)
    first = back.ask(purchase, PAID // 2, key="same")

    assert back.ask(purchase, PAID // 2, key="same") == first
    with pytest.raises(IdempotencyMismatch):
        back.ask(purchase, PAID // 3, key="same")

    assert Refund.objects.count() == 1


def test_a_disputed_payment_is_the_banks(ada: Account) -> None:
    seen = back.payment(ada)
    purchase = back.look(seen)
    asked = back.ask(purchase)
    back.look(seen, disputes=[back.dispute()])

    with pytest.raises(PaymentDisputed):
        back.approve(asked)

    assert Refund.objects.get().state == "requested"


def test_an_unused_pack_goes_back_by_its_rule_with_its_bonus(ada: Account) -> None:
    purchase = back.buy(ada)

    back.approve(back.ask(purchase, rule="cooling_off"))

    refund = Refund.objects.get()
    assert (refund.amount_micros, refund.takes_micros) == (PAID, 120 * MICROS)
    assert back.standing(ada) == (0, 0)


def test_a_pack_that_waits_is_unused(ada: Account) -> None:
    purchase = back.buy(ada, "waits")

    back.approve(back.ask(purchase, rule="cooling_off"))

    assert (Refund.objects.get().amount_micros, back.standing(ada)) == (PAID, (0, 0))


@pytest.mark.parametrize(("spent", "later"), [(1, 0), (0, 7)])
def test_what_was_used_or_is_long_ago_does_not_go_back_by_the_rule(
    ada: Account, spent: int, later: int
) -> None:
    purchase = back.buy(ada)
    if spent:
        back.spend(ada, spent)
    factories.later(ada, timedelta(days=later))

    with pytest.raises(NotReturnable):
        back.ask(purchase, rule="cooling_off")

    assert not Refund.objects.exists()
    assert back.standing(ada) == (120 - spent, 0)


def test_of_a_used_pack_the_rest_is_paid_by_the_factor_and_the_bonus_is_gone() -> None:
    back.open_shop(LOOSE)
    ada = factories.new_account("ada")
    purchase = back.buy(ada)
    back.spend(ada, 37)  # of the pack itself: it burns first, as it was bought first
    left = 100 - 37 if purchase_bonus_free(purchase) == 20 else 100 - 17

    back.approve(back.ask(purchase, rule="cooling_off"))

    refund = Refund.objects.get()
    assert refund.amount_micros == PAID * left // 100 * 9 // 10 // CENT * CENT
    assert refund.takes_micros == (left + 20) * MICROS
    free, owed = back.standing(ada)
    assert (free, owed) == (0, left + 20 - (120 - 37))


def purchase_bonus_free(purchase: Purchase) -> int:
    bought = purchase.pack_purchase
    assert bought is not None
    assert bought.bonus_grant is not None
    bought.bonus_grant.refresh_from_db()
    return bought.bonus_grant.available_micros // MICROS


def test_what_is_used_between_request_and_approval_is_seen() -> None:
    back.open_shop(LOOSE)
    ada = factories.new_account("ada")
    asked = back.ask(back.buy(ada), rule="cooling_off")
    back.spend(ada, 50)

    with pytest.raises(RefundChanged):
        back.approve(asked)

    assert back.standing(ada) == (70, 0)


def test_a_look_knows_our_refund_by_its_mark_and_takes_nothing_twice(ada: Account) -> None:
    seen = back.payment(ada)
    asked = back.ask(back.look(seen), PAID // 2)
    back.approve(asked)

    back.look(seen, [back.refund(PAID // 2, key="re_9", ours=asked)])

    refund = Refund.objects.get()
    assert (refund.state, refund.stripe_id) == ("succeeded", "re_9")
    assert back.standing(ada) == (60, 0)


def test_an_answer_that_comes_late_makes_no_refund_younger(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen, [back.refund(PAID, "failed")])
    back.look(seen, [back.refund(PAID, "pending")])

    assert (Refund.objects.get().state, back.standing(ada)) == ("failed", (120, 0))


def test_without_a_way_to_stripe_an_approved_refund_waits(ada: Account) -> None:
    asked = back.ask(back.buy(ada), PAID // 2)
    back.approve(asked)

    with pytest.raises(StripeAway):
        sending.send(refund_id=asked)

    assert (Refund.objects.get().state, back.standing(ada)) == ("approved", (60, 0))
