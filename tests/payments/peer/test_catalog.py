"""Products and prices, as `sync_prices` will use them."""

import uuid

import pytest
import stripe

from tests.stripe_peer.driver import Peer


def price(client: stripe.StripeClient, key: str, amount: int = 1000) -> stripe.Price:
    product = client.v1.products.create({"name": "Pro"})
    return client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            "lookup_key": key,
        }
    )


def test_a_price_is_found_by_its_lookup_key(either: stripe.StripeClient) -> None:
    key = uuid.uuid4().hex
    made = price(either, key)

    found = either.v1.prices.list({"lookup_keys": [key, "another"]}).data

    assert [one.id for one in found] == [made.id]
    assert (found[0].type, found[0].unit_amount) == ("recurring", 1000)
    assert found[0].recurring is not None
    assert (found[0].recurring.interval, found[0].recurring.interval_count) == ("month", 1)


def test_a_lookup_key_has_one_price_and_is_handed_on_when_asked(
    either: stripe.StripeClient,
) -> None:
    key = uuid.uuid4().hex
    old = price(either, key)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        price(either, key, 1200)
    assert refusal.value.param == "lookup_key"

    new = either.v1.prices.create(
        {
            "product": str(old.product),
            "currency": "usd",
            "unit_amount": 1200,
            "recurring": {"interval": "month"},
            "lookup_key": key,
            "transfer_lookup_key": True,
        }
    )

    assert [one.id for one in either.v1.prices.list({"lookup_keys": [key]}).data] == [new.id]
    assert either.v1.prices.retrieve(old.id).lookup_key is None


def test_an_amount_is_for_ever(either: stripe.StripeClient) -> None:
    made = price(either, uuid.uuid4().hex)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        either.v1.prices.update(made.id, {"unit_amount": 1})  # type: ignore[arg-type] # what is tested

    assert refusal.value.code == "parameter_unknown"
    assert either.v1.prices.retrieve(made.id).unit_amount == 1000


def test_a_price_needs_an_amount_and_a_product(api: stripe.StripeClient, peer: Peer) -> None:
    for wanted in (
        {"currency": "usd", "product_data": {"name": "x"}},
        {"currency": "usd", "unit_amount": 5},
        {"unit_amount": 5, "product_data": {"name": "x"}},
        {"currency": "xxx", "unit_amount": 5, "product_data": {"name": "x"}},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.prices.create(wanted)  # type: ignore[arg-type] # what is tested

    assert "price" not in peer.objects()


def test_an_archived_price_is_listed_apart_and_sells_nothing(either: stripe.StripeClient) -> None:
    made = price(either, uuid.uuid4().hex)
    either.v1.prices.update(made.id, {"active": False})

    product = str(made.product)
    assert either.v1.prices.list({"product": product, "active": True}).data == []
    assert len(either.v1.prices.list({"product": product, "active": False}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        either.v1.checkout.sessions.create(
            {
                "mode": "subscription",
                "line_items": [{"price": made.id, "quantity": 1}],
                "success_url": "https://shop.example",
            }
        )


def test_a_product_is_made_once_by_its_own_id(either: stripe.StripeClient) -> None:
    identity = f"linggan_{uuid.uuid4().hex}"
    either.v1.products.create({"id": identity, "name": "Pro"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        either.v1.products.create({"id": identity, "name": "Pro"})

    assert refusal.value.code == "resource_already_exists"
