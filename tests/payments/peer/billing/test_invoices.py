from typing import Any

import pytest
import stripe

from tests.payments.peer.billing.shop import DECLINED_LATER, Shop, refused


def owed(shop: Shop) -> str:
    """Let the customer's renewal be declined, and return the invoice."""
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)
    shop.go_to("2026-02-28T12:00:00")
    return str(shop.look(begun).latest_invoice.id)


def test_an_invoice_by_hand_has_what_waited(shop: Shop) -> None:
    shop.v1.invoice_items.create(
        {"customer": shop.customer, "amount": 900, "currency": "usd", "description": "Set-up"}
    )
    draft = shop.v1.invoices.create(
        {"customer": shop.customer, "pending_invoice_items_behavior": "include"}
    )
    assert (draft.status, draft.amount_due, draft.number) == ("draft", 900, None)

    opened = shop.v1.invoices.finalize_invoice(draft.id)
    paid = shop.v1.invoices.pay(draft.id)

    assert (opened.status, paid.status, paid.amount_paid) == ("open", "paid", 900)
    assert opened.number
    waiting = shop.v1.invoice_items.list({"customer": shop.customer, "pending": True})
    assert waiting.data == []


def test_invoices_are_numbered_one_after_the_other(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-03-31T12:00:00")

    numbers = [invoice.number for invoice in shop.invoices(begun)]

    assert [number.rpartition("-")[2] for number in numbers] == ["0001", "0002", "0003"]


def test_a_void_invoice_counts_for_nothing(shop: Shop) -> None:
    invoice = owed(shop)

    void = shop.v1.invoices.void_invoice(invoice)

    assert (void.status, void.next_payment_attempt) == ("void", None)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.invoices.pay(invoice)
    assert refused(refusal.value) == (400, "invoice_not_editable")
    payments = shop.v1.invoice_payments.list({"invoice": invoice}).data
    assert [payment.status for payment in payments] == ["canceled"]


def test_what_is_given_up_can_still_be_paid(shop: Shop) -> None:
    invoice = owed(shop)

    given_up: Any = shop.v1.invoices.mark_uncollectible(invoice)
    shop.give_card(shop.customer, "tok_visa")
    paid = shop.v1.invoices.pay(invoice)

    assert given_up.status_details.uncollectible.reason == "user_forgiven"
    assert (given_up.status, paid.status) == ("uncollectible", "paid")


def test_what_was_paid_elsewhere_is_paid(shop: Shop) -> None:
    invoice = owed(shop)

    paid = shop.v1.invoices.pay(invoice, {"paid_out_of_band": True})

    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 2000)
    assert shop.v1.subscriptions.list({"customer": shop.customer}).data[0].status == "active"


def test_whoever_asks_is_told_why_a_card_is_declined(shop: Shop) -> None:
    invoice = owed(shop)

    with pytest.raises(stripe.CardError) as refusal:
        shop.v1.invoices.pay(invoice)

    assert refused(refusal.value) == (402, "card_declined")
    now = shop.v1.invoices.retrieve(invoice)
    assert (now.status, now.attempt_count) == ("open", 1)


def test_an_owed_invoice_is_paid_on_its_page_and_never_twice(shop: Shop) -> None:
    invoice = shop.v1.invoices.retrieve(owed(shop))

    shown = shop.peer.pay(str(invoice.hosted_invoice_url))
    again = shop.peer.pay(str(invoice.hosted_invoice_url))

    assert (shown.status, shown.location) == (303, invoice.hosted_invoice_url)
    assert again.status == 200
    assert shop.v1.subscriptions.list({"customer": shop.customer}).data[0].status == "active"
    assert shop.told()["invoice.paid"] == 2  # the first period, and this
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.invoices.pay(invoice.id)
    assert refused(refusal.value) == (400, "invoice_already_paid")


def test_the_page_of_an_invoice_speaks_both_languages(shop: Shop) -> None:
    url = str(shop.v1.invoices.retrieve(owed(shop)).hosted_invoice_url)

    assert "Invoice (Stripe emulator)" in shop.peer.look(url).html
    assert "账单（Stripe 模拟器）" in shop.peer.look(url, "zh-CN").html  # noqa: RUF001 (Chinese)


def test_an_invoice_that_is_sent_is_due_in_so_many_days(shop: Shop) -> None:
    begun = shop.subscribe(collection_method="send_invoice", days_until_due=14)
    shop.go_on(hours=1)

    now = shop.look(begun)
    assert (now.status, now.latest_invoice.status) == ("active", "open")
    assert now.latest_invoice.due_date == int(shop.clock.now.timestamp()) + 14 * 86_400
    shop.v1.invoices.send_invoice(now.latest_invoice.id)
    assert shop.told()["invoice.sent"] == 1


def test_a_draft_can_go_and_its_items_wait_again(shop: Shop) -> None:
    item = shop.v1.invoice_items.create(
        {"customer": shop.customer, "amount": 900, "currency": "usd"}
    )
    draft = shop.v1.invoices.create(
        {"customer": shop.customer, "pending_invoice_items_behavior": "include"}
    )

    shop.v1.invoices.delete(draft.id)

    assert shop.v1.invoice_items.retrieve(item.id).invoice is None


def test_there_is_no_next_invoice_of_what_ends(shop: Shop) -> None:
    begun = shop.subscribe(cancel_at_period_end=True)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.invoices.create_preview({"subscription": begun.id})

    assert refused(refusal.value) == (404, "invoice_upcoming_none")


def test_a_preview_of_what_is_not_begun_is_its_first_invoice(shop: Shop) -> None:
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "once"}).id

    shown = shop.v1.invoices.create_preview(
        {
            "customer": shop.customer,
            "subscription_details": {"items": [{"price": shop.large}]},
            "discounts": [{"coupon": half}],
        }
    )

    assert (shown.subtotal, shown.total, shown.amount_due) == (5000, 2500, 2500)
    assert shop.v1.subscriptions.list({"customer": shop.customer}).data == []
    assert shop.v1.coupons.retrieve(half).times_redeemed == 0
