"""Payments are found by whatever id of Stripe's somebody has, and by the e-mail of the bill."""

from datetime import UTC, datetime
from typing import Final

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from billing.accounts.models import Account
from billing.payments.models import Customer, Purchase, StripeEvent
from tests.payments.conftest import ada, emulator, kling, peer, till
from tests.payments.till import Till

__all__ = ["ada", "emulator", "kling", "peer", "till"]

pytestmark = pytest.mark.django_db
SEARCH: Final = "/admin/console/search/"


def window(name: str, key: str) -> str:
    return f"/admin/billing/{name}/{quote(key)}/change/"


def test_money_is_found_by_the_ids_of_stripe(till: Till, ada: Account, sue: Client) -> None:
    checkout = till.buy()
    till.settle()
    bought, payer = Purchase.objects.get(), Customer.objects.get()
    charge = {
        "id": "ch_3OfAda",
        "object": "charge",
        "customer": payer.stripe_id,
        "payment_intent": bought.stripe_id,
    }
    unknown = {"id": "du_3OfAda", "object": "dispute", "customer": payer.stripe_id}
    for number, told in enumerate((charge, unknown)):
        event = {
            "id": f"evt_3OfAda{number}",
            "object": "event",
            "type": f"{told['object']}.told",
            "created": int(datetime.now(UTC).timestamp()),
            "livemode": False,
            "data": {"object": told},
        }
        assert till.tell(event) == 200
    Customer.objects.filter(pk=payer.pk).update(email="Ada.Pays@example.com")
    known = StripeEvent.objects.get(object_id="ch_3OfAda")
    goals = {
        bought.pk: window("purchase", bought.pk),
        bought.stripe_id: window("purchase", bought.pk),
        "ch_3OfAda": window("purchase", bought.pk),
        "du_3OfAda": window("stripeevent", "evt_3OfAda1"),
        known.pk: window("stripeevent", known.pk),
        payer.stripe_id: window("customer", payer.pk),
        payer.pk: window("customer", payer.pk),
        checkout.stripe_id: window("checkout", checkout.pk),
        "ada.pays@EXAMPLE.com": f"/admin/console/accounts/{ada.pk}/",
    }

    led = {text: sue.post(SEARCH, {"text": text}).headers["Location"] for text in goals}

    assert led == goals


def test_a_purchase_leads_to_what_it_brought(till: Till, ada: Account, sue: Client) -> None:
    till.buy()
    till.settle()
    bought = Purchase.objects.get()
    assert bought.pack_purchase is not None
    grant_id = bought.pack_purchase.grant_id
    assert grant_id is not None

    text = sue.get(window("purchase", bought.pk)).content.decode()

    assert f'href="{window("grant", grant_id)}"' in text
    page = sue.get(f"/admin/console/accounts/{ada.pk}/").content.decode()
    assert f'href="{window("purchase", bought.pk)}"' in page
