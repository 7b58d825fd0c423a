from typing import Any

import pytest
import stripe

from tests.payments.peer.billing.shop import DECLINED_LATER, Shop


def portal(shop: Shop, **wanted: Any) -> str:  # noqa: ANN401 (Stripe's)
    """Return the address of the customer's portal."""
    given: Any = {"customer": shop.customer, "return_url": "http://127.0.0.1/account", **wanted}
    return shop.v1.billing_portal.sessions.create(given).url


def default_card(shop: Shop) -> object:
    """Return the payment method that the customer's invoices are paid with."""
    settings = shop.v1.customers.retrieve(shop.customer).invoice_settings
    return settings and settings.default_payment_method


def test_the_portal_names_itself_an_emulator_in_both_languages(shop: Shop) -> None:
    shop.subscribe()

    assert "EMULATOR" in shop.peer.look(portal(shop)).html
    assert "客户中心（Stripe 模拟器）" in shop.peer.look(portal(shop, locale="zh")).html  # noqa: RUF001 (Chinese)


def test_another_card_pays_from_then_on(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)

    shown = shop.peer.pay(portal(shop), number="5555555555554444", action="card")
    shop.go_to("2026-02-28T12:00:00")

    assert shown.status == 303
    assert shop.look(begun).status == "active"


def test_a_card_that_cannot_be_kept_is_told(shop: Shop) -> None:
    before = default_card(shop)

    shown = shop.peer.pay(portal(shop), number="4000000000000002", action="card")

    assert shown.status == 402
    assert "declined" in shown.html
    assert default_card(shop) == before


def test_a_subscription_is_ended_and_kept_after_all(shop: Shop) -> None:
    begun = shop.subscribe()

    shop.peer.pay(portal(shop), action="cancel", subscription=begun.id)
    assert shop.look(begun).cancel_at_period_end is True
    shop.peer.pay(portal(shop), action="keep", subscription=begun.id)

    assert shop.look(begun).cancel_at_period_end is False


def test_a_change_is_confirmed_and_leads_back(shop: Shop) -> None:
    begun = shop.subscribe()
    configuration = shop.v1.billing_portal.configurations.create(
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price"],
                    "products": [{"product": shop.product, "prices": [shop.small, shop.large]}],
                    "proration_behavior": "always_invoice",
                }
            }
        }
    ).id
    shop.go_to("2026-02-14T10:00:00")
    url = portal(
        shop,
        configuration=configuration,
        flow_data={
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {
                "subscription": begun.id,
                "items": [{"id": begun["items"].data[0].id, "price": shop.large, "quantity": 1}],
            },
            "after_completion": {
                "type": "redirect",
                "redirect": {"return_url": "http://127.0.0.1/done"},
            },
        },
    )

    shown = shop.peer.pay(url, action="confirm", subscription=begun.id)

    assert (shown.status, shown.location) == (303, "http://127.0.0.1/done")
    assert shop.look(begun).latest_invoice.amount_paid == 1500


def test_what_a_configuration_does_not_allow_is_refused(shop: Shop) -> None:
    begun = shop.subscribe()
    configuration = shop.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    ).id

    shown = shop.peer.pay(
        portal(shop, configuration=configuration), action="cancel", subscription=begun.id
    )

    assert shown.status == 402
    assert shop.look(begun).cancel_at_period_end is False


def test_nobody_manages_what_another_has(shop: Shop) -> None:
    begun = shop.subscribe()
    other = shop.customer_with(None)

    shop.peer.pay(portal(shop, customer=other), action="cancel", subscription=begun.id)

    assert shop.look(begun).cancel_at_period_end is False
    with pytest.raises(stripe.InvalidRequestError):
        portal(
            shop,
            customer=other,
            flow_data={
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": begun.id},
            },
        )
