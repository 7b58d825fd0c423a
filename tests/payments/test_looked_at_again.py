"""What is looked at again, or was refunded before we knew of it, moves nothing twice."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from billing.outbox import gateway as outbox
from billing.payments.models import Contract, Invoice, PlanChange, Purchase, Refund
from billing.payments.services import applying, changing, fulfilling
from plans.credits import MICROS
from tests import factories
from tests.payments import back, till
from tests.payments.contracts import a_checkout, here, seen_contract, seen_invoice, seen_payment
from tests.payments.lives import FREE, LARGE, SMALL, Life
from tests.payments.stories import ring
from tests.payments.test_one_contract import buy
from tests.payments.till import Till
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db
REPLACES: Final = """
[change_policy]
upgrade = { when = "now", credits = "replace" }
downgrade = { when = "period_end" }
"""


@pytest.fixture
def life(db: None, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Life:
    """Ada pays for a small month, where a new plan begins a period of its own."""
    monkeypatch.setattr(outbox, "nudge", lambda _ring: None)
    till.open_till(REPLACES, packs="", plans=FREE + SMALL + LARGE)
    life = Life(Till(peer, is_sandbox=True), factories.new_account("ada"))
    life.subscribe("small")
    return life


def change(life: Life, plan: str, interval: str) -> None:
    answer = life.ask("/v1/subscription/change", plan=plan, interval=interval)
    assert answer.status_code == 201, answer.content
    life.till.settle()


def look_at_its_bill_again(life: Life) -> None:
    """Have the bill of nothing looked at with which the first change began its period."""
    bill = Invoice.objects.filter(amount_micros=0).earliest("created_at")
    applying.look(kind="invoice", stripe_id=bill.pk, now=datetime.now(UTC))


def test_the_bill_of_nothing_of_a_change_gives_no_more_when_another_change_has_followed(
    life: Life,
) -> None:
    change(life, "small", "P1Y")
    life.go_on(timedelta(days=155))
    change(life, "large", "P1Y")
    before = (life.credits, Purchase.objects.count())

    look_at_its_bill_again(life)

    assert (life.credits, Purchase.objects.count()) == before


def test_the_bill_of_nothing_of_a_change_gives_no_more_when_its_plan_is_over(life: Life) -> None:
    change(life, "large", "P1M")
    change(life, "small", "P1M")
    life.go_to_renewal()
    assert life.subscription.plan == "small"
    before = (life.credits, Purchase.objects.count())

    look_at_its_bill_again(life)

    assert (life.credits, Purchase.objects.count()) == before


@pytest.mark.parametrize("share", [1, 3], ids=["whole", "in part"])
def test_of_what_was_paid_in_vain_no_more_goes_back_than_is_left(kling: None, share: int) -> None:
    """An operator has paid the second contract back at Stripe before we looked at it."""
    ada = factories.new_account("ada")
    buy(ada)
    checkout, anchor = a_checkout(ada, plan="pro"), here(ada)
    contract, bill = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    whole = bill.paid_micros
    payment = seen_payment(bill, refunds=(back.refund(whole // share),))

    ring({one.id: one for one in (contract, bill, payment)}, contract.id)

    superseded = Contract.objects.get(stripe_id=contract.id)
    assert superseded.superseded_at is not None
    purchase = Purchase.objects.get(contract=superseded)
    assert (purchase.refunded_micros, purchase.credited_micros) == (whole, 0)
    ours = Refund.objects.filter(purchase=purchase, rule="not_given")
    left = whole - whole // share
    assert [one.amount_micros for one in ours] == ([left] if left else [])


def test_a_refund_of_a_change_that_was_told_before_the_change_was_known_to_be_paid_is_not_lost(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(fulfilling, "pay", _dies)
        assert life.ask("/v1/subscription/change", plan="large", interval="P1M").status_code == 500
    waiting = PlanChange.objects.get(ended_at=None)
    paid_by = _payment_of(life, waiting.invoice_id)
    life.dashboard.v1.refunds.create({"payment_intent": paid_by})

    life.till.settle()
    changing.carry_out(change_id=waiting.pk, now=datetime.now(UTC))

    paid = Purchase.objects.get(kind="change")
    assert paid.refunded_micros == paid.amount_micros == waiting.due_micros
    assert paid.taken_micros == paid.credited_micros > 0 * MICROS


def _payment_of(life: Life, invoice_id: str) -> str:
    made = life.till.peer.objects()["invoice_payment"]
    [paid] = [one for one in made if one["invoice"] == invoice_id]
    return str(paid["payment"]["payment_intent"])


def _dies(*_args: object, **_more: object) -> None:
    raise RuntimeError
