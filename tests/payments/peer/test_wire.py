"""How the emulator speaks: keys, parameters, lists, errors, idempotency."""

import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.message import Message
from typing import Any

import pytest
import stripe

from tests.stripe_peer.driver import Peer

DAY_SECONDS = 86_400


def test_it_says_that_it_is_an_emulator(peer: Peer) -> None:
    status, headers, _body = _asked(peer, "GET", peer.key)

    assert status == 200
    assert "emulator" in headers["Server"]
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version


@pytest.mark.parametrize("key", ["", "sk_test_of_somebody_else"])
def test_only_the_secret_key_is_served(peer: Peer, key: str) -> None:
    status, _headers, body = _asked(peer, "POST", key)

    assert status == 401
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert peer.objects() == {}


def _asked(peer: Peer, method: str, key: str) -> tuple[int, Message, bytes]:
    with closing(http.client.HTTPConnection(peer.url.removeprefix("http://"))) as way:
        way.request(method, "/v1/customers", headers={"Authorization": f"Bearer {key}"})
        answer = way.getresponse()
        return answer.status, answer.headers, answer.read()


UNKNOWN: list[tuple[Callable[[Any], object], str]] = [
    (lambda v1: v1.customers.create({"emial": "a@example.com"}), "emial"),
    (lambda v1: v1.customers.create({"address": {"street": "x"}}), "address[street]"),
    (
        lambda v1: v1.prices.create(
            {"currency": "usd", "unit_amount": 1, "recurring": {"interval": "day", "every": 2}}
        ),
        "recurring[every]",
    ),
    (
        lambda v1: v1.checkout.sessions.create(
            {"mode": "payment", "line_items": [{"price": "price_1", "amount": 2}]}
        ),
        "line_items[0][amount]",
    ),
    (lambda v1: v1.prices.list({"lookup_key": "a"}), "lookup_key"),
]


@pytest.mark.parametrize(("ask", "param"), UNKNOWN, ids=[param for _ask, param in UNKNOWN])
def test_what_stripe_does_not_know_is_refused(
    either: stripe.StripeClient, ask: Callable[[Any], object], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        ask(either.v1)

    assert refusal.value.http_status == 400
    assert refusal.value.code == "parameter_unknown"
    assert refusal.value.param == param


MISFITS: list[tuple[Callable[[Any], object], str]] = [
    (lambda v1: v1.checkout.sessions.create({"mode": "give"}), "mode"),
    (lambda v1: v1.customers.list({"limit": "many"}), "limit"),
    (lambda v1: v1.products.create({"name": "x", "active": "perhaps"}), "active"),
    (lambda v1: v1.products.create({"name": ""}), "name"),
    (lambda v1: v1.customers.create({"metadata": "words"}), "metadata"),
    (lambda v1: v1.refunds.create({"charge": "ch_1", "reason": "regret"}), "reason"),
]


@pytest.mark.parametrize(("ask", "param"), MISFITS, ids=[param for _ask, param in MISFITS])
def test_values_of_another_kind_are_refused(
    either: stripe.StripeClient, ask: Callable[[Any], object], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        ask(either.v1)

    assert refusal.value.http_status == 400
    assert refusal.value.param == param


def test_what_is_required_is_asked_for(api: stripe.StripeClient, peer: Peer) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.products.create({})  # type: ignore[typeddict-item] # what is tested

    assert (refusal.value.code, refusal.value.param) == ("parameter_missing", "name")
    assert peer.objects() == {}


def test_what_is_not_there_is_404_and_what_a_parameter_names_400(
    either: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as address:
        either.v1.customers.retrieve("cus_nobody")
    with pytest.raises(stripe.InvalidRequestError) as parameter:
        either.v1.prices.create({"currency": "usd", "unit_amount": 100, "product": "prod_none"})

    assert (address.value.http_status, address.value.code) == (404, "resource_missing")
    assert (parameter.value.http_status, parameter.value.code) == (400, "resource_missing")
    assert parameter.value.param == "product"


def test_metadata_is_merged_and_an_empty_value_takes_a_key_out(either: stripe.StripeClient) -> None:
    customer = either.v1.customers.create({"metadata": {"a": "1", "b": "2"}})

    merged = either.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert merged.metadata is not None
    assert merged.metadata.to_dict() == {"b": "2", "c": "3"}

    emptied = either.v1.customers.update(customer.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


def test_lists_come_in_pages_from_the_newest(api: stripe.StripeClient) -> None:
    made = [api.v1.customers.create({"email": f"{n}@example.com"}).id for n in range(5)]
    newest = made[::-1]

    first = api.v1.customers.list({"limit": 2})
    second = api.v1.customers.list({"limit": 2, "starting_after": newest[1]})
    before = api.v1.customers.list({"limit": 2, "ending_before": newest[4]})

    assert ([c.id for c in first.data], first.has_more) == (newest[:2], True)
    assert [c.id for c in second.data] == newest[2:4]
    assert [c.id for c in before.data] == newest[2:4]
    assert [c.id for c in api.v1.customers.list().auto_paging_iter()] == newest
    assert [c.id for c in api.v1.customers.list({"email": "3@example.com"}).data] == [made[3]]


def test_lists_are_bounded_by_when_things_were_made(api: stripe.StripeClient, peer: Peer) -> None:
    old = api.v1.customers.create({})
    now = peer.advance(100)
    new = api.v1.customers.create({})

    assert [c.id for c in api.v1.customers.list({"created": {"gte": now}}).data] == [new.id]
    assert [c.id for c in api.v1.customers.list({"created": {"lt": now}}).data] == [old.id]


def test_expand_puts_objects_in_place_of_ids(either: stripe.StripeClient) -> None:
    product = either.v1.products.create({"name": "Pack"})
    price = either.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 100, "expand": ["product"]}
    )

    assert isinstance(price.product, stripe.Product)
    assert price.product.name == "Pack"
    listed = either.v1.prices.list({"product": product.id, "expand": ["data.product"]})
    assert isinstance(listed.data[0].product, stripe.Product)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        either.v1.prices.retrieve(price.id, {"expand": ["nobody"]})


def test_a_key_is_answered_the_same_again(either: stripe.StripeClient) -> None:
    key = stripe.StripeClient.__name__ + str(id(either))
    first = either.v1.customers.create({"name": "A"}, {"idempotency_key": key})
    again = either.v1.customers.create({"name": "A"}, {"idempotency_key": key})

    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError) as refusal:
        either.v1.customers.create({"name": "B"}, {"idempotency_key": key})
    assert refusal.value.http_status == 400


def test_a_key_remembers_a_decline(api: stripe.StripeClient, peer: Peer) -> None:
    def charge() -> stripe.CardError:
        with pytest.raises(stripe.CardError) as declined:
            api.v1.payment_intents.create(
                {
                    "amount": 1000,
                    "currency": "usd",
                    "payment_method": "pm_card_chargeDeclined",
                    "allowed_payment_method_types": ["card"],
                    "confirm": True,
                },
                {"idempotency_key": "charge-1"},
            )
        return declined.value

    assert charge().json_body == charge().json_body
    assert len(peer.objects()["payment_intent"]) == 1


def test_what_was_refused_for_its_parameters_leaves_the_key_free(api: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.create({"nmae": "A"}, {"idempotency_key": "k"})  # type: ignore[arg-type] # what is tested

    assert api.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"


def test_a_key_is_forgotten_after_a_day(api: stripe.StripeClient, peer: Peer) -> None:
    first = api.v1.customers.create({}, {"idempotency_key": "k"})
    peer.advance(DAY_SECONDS + 60)
    later = api.v1.customers.create({}, {"idempotency_key": "k"})

    assert later.id != first.id


def test_a_key_in_use_is_409_and_one_thing_is_done(api: stripe.StripeClient, peer: Peer) -> None:
    peer.break_next("delay", path="/v1/customers", seconds=1.0)

    def create(_number: int) -> int | None:
        try:
            api.v1.customers.create({}, {"idempotency_key": "k"})
        except stripe.StripeError as refusal:
            return refusal.http_status
        return 200

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(str(status) for status in threads.map(create, range(2)))

    assert answers == ["200", "409"]
    assert len(peer.objects()["customer"]) == 1
