"""Who pays is written to: though he was never heard of before, and when his bank wants him."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from billing.accounts.models import Account
from billing.notices.models import Notice
from billing.payments import services
from billing.payments.models import Contract, Customer, Invoice
from billing.webhooks.models import Event
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db
ALWAYS_ASKED: Final = "4000002760003184"  # 3-D Secure, off session too
PAYER: Final = "payer@example.com"


def now() -> datetime:
    return datetime.now(UTC)


def letters(kind: str) -> list[Notice]:
    return list(Notice.objects.filter(kind=kind))


def told(kind: str) -> list[Event]:
    return list(Event.objects.filter(type=kind).order_by("sequence"))


def test_a_first_buyer_whose_payment_is_looked_at_before_its_page_has_his_letter(
    till: Till, ada: Account
) -> None:
    checkout = till.buy()
    payment = till.session_of(checkout)["payment_intent"]
    assert Customer.objects.get().email == ""

    services.look(kind="payment_intent", stripe_id=payment, now=now())

    [letter] = letters("payment_received")
    assert letter.email == PAYER
    assert Customer.objects.get().email == PAYER


def test_a_first_subscriber_whose_bill_is_looked_at_before_its_page_has_his_letter(
    till: Till, ada: Account
) -> None:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    till.peer.pay(answer.json()["url"])
    [bill] = till.peer.objects()["invoice"]

    services.look(kind="invoice", stripe_id=bill["id"], now=now())

    [letter] = letters("payment_received")
    assert letter.email == PAYER


def test_whose_address_is_known_is_not_asked_for_again(till: Till, ada: Account) -> None:
    till.buy()
    till.settle()
    payment = till.session_of(till.buy())["payment_intent"]
    asked = len([one for one in till.peer.requests() if one.startswith("GET /v1/customers")])

    services.look(kind="payment_intent", stripe_id=payment, now=now())

    again = [one for one in till.peer.requests() if one.startswith("GET /v1/customers")]
    assert len(again) == asked


# -- 3-D Secure of a renewal ----------------------------------------------------------------------
def subscribe_by_a_card_that_is_always_asked(till: Till) -> Contract:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    till.peer.decide(till.peer.pay(answer.json()["url"], ALWAYS_ASKED))
    till.settle()
    return Contract.objects.get(status="active")


def test_while_the_first_bill_is_paid_on_its_page_nobody_is_written_to_about_his_bank(
    till: Till, ada: Account
) -> None:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    shown = till.peer.pay(answer.json()["url"], ALWAYS_ASKED)
    till.settle()

    assert letters("payment_action_required") == letters("payment_failed") == []
    assert told("payment.action_required") == []

    till.peer.decide(shown)
    till.settle()
    assert len(letters("payment_received")) == 1


def test_a_renewal_that_wants_its_payer_leads_him_to_its_page_once_an_attempt(
    till: Till, ada: Account
) -> None:
    contract = subscribe_by_a_card_that_is_always_asked(till)
    till.peer.advance(int(timedelta(days=32).total_seconds()))

    till.settle()
    till.settle()

    contract.refresh_from_db()
    assert contract.status == "past_due"
    bill = Invoice.objects.get(status="open")
    [letter] = letters("payment_action_required")
    assert letter.email == PAYER
    assert letter.facts["pay_url"] == bill.page_url != ""
    assert letter.facts["amount"] == {"amount": "20.00", "currency": "USD"}
    [event] = told("payment.action_required")
    data = json.loads(event.payload)["data"]
    assert (data["invoice"], data["url"]) == (bill.pk, bill.page_url)
    assert letters("payment_failed") == []
    assert told("payment.failed") == []

    till.peer.decide(till.peer.pay(bill.page_url, ALWAYS_ASKED))
    till.settle()
    contract.refresh_from_db()
    bill.refresh_from_db()
    assert (bill.status, contract.status) == ("paid", "active")
    assert len(letters("payment_action_required")) == 1
    assert len(letters("subscription_renewed")) == 1
