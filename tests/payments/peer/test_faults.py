"""Faults on order: what was done, what was answered, and that the key tells the truth."""

import pytest
import stripe

from tests.stripe_peer.driver import Peer

BEFORE = ["error_before", "cut_before", "rate_limit"]
AFTER = ["error_after", "cut_after"]


def create(api: stripe.StripeClient) -> stripe.Customer:
    return api.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})


@pytest.mark.parametrize("kind", BEFORE)
def test_a_fault_before_leaves_nothing_done_and_the_key_free(
    api: stripe.StripeClient, peer: Peer, kind: str
) -> None:
    peer.break_next(kind, path="/v1/customers")

    with pytest.raises(stripe.StripeError):
        create(api)
    assert "customer" not in peer.objects()

    assert create(api).name == "A"
    assert len(peer.objects()["customer"]) == 1


@pytest.mark.parametrize("kind", AFTER)
def test_a_fault_after_hides_what_was_done_and_the_key_tells_it(
    api: stripe.StripeClient, peer: Peer, kind: str
) -> None:
    peer.break_next(kind, path="/v1/customers")

    with pytest.raises(stripe.StripeError):
        create(api)
    made = peer.objects()["customer"]
    assert len(made) == 1

    assert create(api).id == made[0]["id"]
    assert len(peer.objects()["customer"]) == 1


def test_an_error_can_be_what_the_key_tells(api: stripe.StripeClient, peer: Peer) -> None:
    peer.break_next("error_kept", path="/v1/customers")

    for _again in range(2):
        with pytest.raises(stripe.APIError):
            create(api)

    assert len(peer.objects()["customer"]) == 1


def test_an_answer_can_be_too_late(peer: Peer) -> None:
    impatient = stripe.StripeClient(
        peer.key,
        base_addresses={"api": peer.url},
        http_client=stripe.RequestsClient(timeout=0.5),
        max_network_retries=0,
    )
    peer.break_next("hang_after", path="/v1/customers", seconds=2)

    with pytest.raises(stripe.APIConnectionError):
        create(impatient)

    assert create(impatient).id == peer.objects()["customer"][0]["id"]


def test_a_fault_waits_for_its_turn(api: stripe.StripeClient, peer: Peer) -> None:
    peer.break_next("error_before", method="POST", path="/v1/products", skip=1, times=2)

    api.v1.customers.create({})
    api.v1.products.create({"name": "first"})
    for _number in range(2):
        with pytest.raises(stripe.APIError):
            api.v1.products.create({"name": "broken"})
    api.v1.products.create({"name": "last"})

    assert [product["name"] for product in peer.objects()["product"]] == ["first", "last"]


def test_a_client_that_tries_again_does_it_once(peer: Peer) -> None:
    patient = peer.client(max_network_retries=2)
    peer.break_next("cut_after", path="/v1/customers")
    peer.break_next("error_after", path="/v1/customers", skip=1)

    customer = patient.v1.customers.create({})

    assert [made["id"] for made in peer.objects()["customer"]] == [customer.id]
