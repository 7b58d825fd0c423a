import pytest
import stripe

from tests.payments.peer.billing.shop import Shop, refused


def paid(shop: Shop, subscription: object) -> list[int]:
    return [invoice.amount_paid for invoice in shop.invoices(subscription)]


def test_once_is_the_first_invoice_only(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once"}).id

    begun = shop.subscribe(discounts=[{"coupon": coupon}])
    shop.go_to("2026-02-28T12:00:00")

    assert paid(shop, begun) == [1500, 2000]
    assert shop.look(begun).discounts == []
    first = begun.latest_invoice
    assert (first.subtotal, first.total) == (2000, 1500)
    assert [off.amount for off in first.total_discount_amounts] == [500]
    assert shop.v1.coupons.retrieve(coupon).times_redeemed == 1


def test_once_is_not_used_up_by_a_trial(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 25, "duration": "once"}).id

    begun = shop.subscribe(discounts=[{"coupon": coupon}], trial_period_days=3)
    shop.go_to("2026-03-03T12:00:00")

    assert paid(shop, begun) == [0, 1500, 2000]


def test_repeating_ends_after_its_months(shop: Shop) -> None:
    coupon = shop.v1.coupons.create(
        {"percent_off": 10, "duration": "repeating", "duration_in_months": 2}
    ).id

    begun = shop.subscribe(discounts=[{"coupon": coupon}])
    shop.go_to("2026-04-30T12:00:00")

    assert paid(shop, begun) == [1800, 1800, 2000, 2000]


def test_all_of_it_off_is_paid_without_a_payment(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 100, "duration": "once"}).id
    poor = shop.customer_with(None)

    begun = shop.subscribe(
        customer=poor, discounts=[{"coupon": coupon}], expand=["latest_invoice.payments"]
    )

    assert (begun.status, begun.latest_invoice.status) == ("active", "paid")
    assert begun.latest_invoice.payments.data == []


def test_a_coupon_of_one_product_leaves_the_others_as_they_are(shop: Shop) -> None:
    other = shop.v1.products.create({"name": "Seats"}).id
    coupon = shop.v1.coupons.create(
        {"percent_off": 50, "duration": "once", "applies_to": {"products": [other]}}
    ).id
    price = shop.v1.prices.create(
        {
            "product": other,
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
        }
    ).id

    begun = shop.subscribe(
        items=[{"price": shop.small}, {"price": price}], discounts=[{"coupon": coupon}]
    )

    assert begun.latest_invoice.amount_paid == 2000 + 500
    shown = shop.v1.coupons.retrieve(coupon, {"expand": ["applies_to"]})
    assert shown.applies_to is not None
    assert shown.applies_to.products == [other]


def test_a_promotion_code_is_a_coupon_by_a_word(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    code = shop.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon}, "max_redemptions": 1}
    )

    begun = shop.subscribe(discounts=[{"promotion_code": code.id}])

    assert begun.latest_invoice.amount_paid == 1000
    found = shop.v1.promotion_codes.list({"code": code.code.lower()}).data
    assert [(one.id, one.times_redeemed) for one in found] == [(code.id, 1)]


def test_what_was_redeemed_too_often_is_refused(shop: Shop) -> None:
    coupon = shop.v1.coupons.create(
        {"percent_off": 50, "duration": "once", "max_redemptions": 1}
    ).id
    shop.subscribe(discounts=[{"coupon": coupon}])
    assert shop.v1.coupons.retrieve(coupon).valid is False
    other = shop.customer_with("tok_visa")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.subscribe(customer=other, discounts=[{"coupon": coupon}])

    assert refused(refusal.value) == (400, "coupon_expired")
    assert shop.v1.subscriptions.list({"customer": other, "status": "all"}).data == []


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"percent_off": 10, "amount_off": 5, "currency": "usd"},
        {"amount_off": 500},
        {"percent_off": 101},
        {"percent_off": 10, "duration": "repeating"},
        {"percent_off": 10, "duration": "weekly"},
    ],
)
def test_coupons_that_make_no_sense_are_refused(shop: Shop, wanted: dict[str, object]) -> None:
    before = len(shop.v1.coupons.list({"limit": 100}).data)

    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.coupons.create(wanted)  # type: ignore[arg-type]  # what makes no sense

    assert len(shop.v1.coupons.list({"limit": 100}).data) == before


def test_a_coupon_of_ones_own_name_is_made_once(shop: Shop) -> None:
    shop.v1.coupons.create({"id": "first-month", "percent_off": 10, "duration": "once"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.coupons.create({"id": "first-month", "percent_off": 20, "duration": "once"})

    assert refused(refusal.value) == (400, "resource_already_exists")
    assert shop.v1.coupons.retrieve("first-month").percent_off == 10
