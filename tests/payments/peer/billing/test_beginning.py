from typing import Any

import pytest
import stripe

from tests.payments.peer.billing.shop import ASKS, DECLINED_LATER, Shop, at, lines, refused


def test_a_good_card_makes_it_active_and_pays_the_first_period(shop: Shop) -> None:
    begun = shop.subscribe(metadata={"linggan_fact": "x"})

    assert begun.status == "active"
    item = begun["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (
        at("2026-01-31T10:00:00"),
        at("2026-02-28T10:00:00"),
    )
    invoice = begun.latest_invoice
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        2000,
        "subscription_create",
    )
    assert invoice.created == at("2026-01-31T10:00:00")
    assert invoice.parent.subscription_details.subscription == begun.id
    assert invoice.parent.subscription_details.metadata.to_dict() == {"linggan_fact": "x"}
    assert lines(invoice) == [("1 × Pro (at $20.00 / month)", 2000)]  # noqa: RUF001 (Stripe's)


def test_the_payment_of_an_invoice_is_found_both_ways(shop: Shop) -> None:
    invoice = shop.subscribe(expand=["latest_invoice.payments"]).latest_invoice
    intent = invoice.payments.data[0].payment.payment_intent

    found = shop.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    )

    assert [(one.invoice, one.status, one.amount_paid) for one in found.data] == [
        (invoice.id, "paid", 2000)
    ]
    assert shop.v1.payment_intents.retrieve(intent).status == "succeeded"
    assert not hasattr(shop.v1.invoices.retrieve(invoice.id), "payments")


def test_what_is_refused_is_incomplete_and_expires_after_23_hours(shop: Shop) -> None:
    shop.give_card(shop.customer, DECLINED_LATER)

    begun = shop.subscribe()
    assert (begun.status, begun.latest_invoice.status) == ("incomplete", "open")
    shop.go_on(hours=22)
    assert shop.look(begun).status == "incomplete"
    shop.go_on(hours=1)

    ended = shop.look(begun)
    assert (ended.status, ended.latest_invoice.status) == ("incomplete_expired", "void")
    assert shop.told()["invoice.payment_failed"] == 1


def test_a_card_that_is_good_later_completes_it(shop: Shop) -> None:
    shop.give_card(shop.customer, DECLINED_LATER)
    begun = shop.subscribe()
    shop.give_card(shop.customer, "tok_visa")

    paid = shop.v1.invoices.pay(begun.latest_invoice.id)

    assert (paid.status, shop.look(begun).status) == ("paid", "active")


def test_error_if_incomplete_leaves_nothing_behind(shop: Shop) -> None:
    shop.give_card(shop.customer, DECLINED_LATER)
    before = shop.told()

    with pytest.raises(stripe.CardError) as refusal:
        shop.subscribe(payment_behavior="error_if_incomplete")

    assert refused(refusal.value) == (402, "card_declined")
    assert shop.v1.subscriptions.list({"customer": shop.customer, "status": "all"}).data == []
    assert shop.v1.invoices.list({"customer": shop.customer}).data == []
    assert shop.told() == before


def test_without_anything_to_pay_with_nothing_begins(shop: Shop) -> None:
    poor = shop.customer_with(None)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.subscribe(customer=poor)

    assert refused(refusal.value) == (400, "resource_missing")
    assert shop.v1.subscriptions.list({"customer": poor, "status": "all"}).data == []


def test_default_incomplete_waits_for_its_payment_to_be_confirmed(shop: Shop) -> None:
    begun = shop.subscribe(
        payment_behavior="default_incomplete",
        expand=["latest_invoice.payments", "latest_invoice.confirmation_secret"],
    )
    assert begun.status == "incomplete"
    assert begun.latest_invoice.attempt_count == 0
    intent = begun.latest_invoice.payments.data[0].payment.payment_intent
    assert begun.latest_invoice.confirmation_secret.client_secret.startswith(intent)

    card = shop.give_card(shop.customer, "tok_visa")
    shop.v1.payment_intents.confirm(intent, {"payment_method": card})

    assert shop.look(begun).status == "active"


def test_a_method_that_paid_is_kept_where_that_is_wanted(shop: Shop) -> None:
    begun = shop.subscribe(
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        expand=["latest_invoice.payments"],
    )
    intent = begun.latest_invoice.payments.data[0].payment.payment_intent
    card = shop.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id

    shop.v1.payment_intents.confirm(intent, {"payment_method": card})

    assert shop.look(begun).default_payment_method == card


def test_what_never_began_is_expired_when_it_is_canceled(shop: Shop) -> None:
    begun = shop.subscribe(payment_behavior="default_incomplete")

    ended = shop.v1.subscriptions.cancel(begun.id)

    assert ended.status == "incomplete_expired"
    assert shop.v1.invoices.retrieve(begun.latest_invoice.id).status == "void"


def test_a_bank_that_asks_is_answered_on_the_invoices_page(shop: Shop) -> None:
    shop.give_card(shop.customer, ASKS)
    begun = shop.subscribe()
    assert begun.status == "incomplete"
    assert shop.told()["invoice.payment_action_required"] == 1

    shown = shop.peer.pay(begun.latest_invoice.hosted_invoice_url, number="4000002760003184")
    assert (shown.status, "/authorize/" in shown.location) == (303, True)
    back = shop.peer.decide(shown)

    assert back.location.startswith(begun.latest_invoice.hosted_invoice_url)
    assert shop.look(begun).status == "active"


def test_a_declined_card_is_told_on_the_invoices_page(shop: Shop) -> None:
    begun = shop.subscribe(payment_behavior="default_incomplete")
    url = begun.latest_invoice.hosted_invoice_url

    shown = shop.peer.pay(url, number="4000000000000341")

    assert shown.status == 402
    assert "Your card was declined." in shown.html
    assert "EMULATOR" in shown.html
    assert shop.look(begun).status == "incomplete"


def test_a_price_that_is_paid_once_is_on_the_first_invoice_only(shop: Shop) -> None:
    fee = shop.price(700, interval=None)

    begun = shop.subscribe(add_invoice_items=[{"price": fee}])
    shop.go_to("2026-02-28T12:00:00")

    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [2700, 2000]


def test_an_anchor_ahead_makes_the_first_period_a_part(shop: Shop) -> None:
    begun = shop.subscribe(billing_cycle_anchor=at("2026-02-14T10:00:00"))

    # 14 of the 31 days from the 14th of January to the 14th of February
    assert begun.latest_invoice.amount_paid == 903
    shop.go_to("2026-02-14T12:00:00")
    assert shop.look(begun)["items"].data[0].current_period_end == at("2026-03-14T10:00:00")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"items": [{"price": "price_absent"}]}, (400, "resource_missing")),
        ({"items": []}, (400, "parameter_missing")),
        ({"customer": "cus_absent"}, (400, "resource_missing")),
        ({"plan": "gold"}, (400, "parameter_unknown")),
        ({"items": [{"prize": "x"}]}, (400, "parameter_unknown")),
        ({"payment_behavior": "hope"}, (400, None)),
        ({"trial_end": 5}, (400, None)),
        ({"transfer_data": {"destination": "acct_1"}}, (400, None)),
    ],
)
def test_what_does_not_fit_begins_nothing(
    shop: Shop, wanted: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.subscribe(**wanted)

    assert refused(refusal.value) == expected
    assert shop.v1.subscriptions.list({"customer": shop.customer, "status": "all"}).data == []


def test_one_customer_owes_in_one_currency(shop: Shop) -> None:
    shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        shop.subscribe(shop.price(900, currency="eur"))
