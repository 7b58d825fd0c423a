"""Webhooks: signed, repeated until they are taken, held, shuffled, doubled, lost, forged."""

import pytest
import stripe

from tests.payments.peer.receiver import Receiver
from tests.payments.peer.scenes import page, paid, session
from tests.stripe_peer.driver import Peer


def test_events_arrive_signed_and_in_order(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    opened = session(api)
    peer.pay(page(opened))
    peer.settle()

    assert receiver.types[-2:] == ["payment_intent.succeeded", "checkout.session.completed"]
    assert receiver.types == [event["type"] for event in peer.objects()["event"]]
    last = receiver.events[-1]
    assert (last.data.object["id"], last.data.object["payment_status"]) == (opened.id, "paid")
    assert (last.livemode, last.api_version) == (False, stripe.api_version)


def test_an_event_is_as_it_was_and_not_as_it_is(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    peer.travel(hold=True)
    customer = api.v1.customers.create({"name": "Old"})
    api.v1.customers.update(customer.id, {"name": "New"})
    peer.release()
    peer.settle()

    made, changed = receiver.events
    assert made.data.object["name"] == "Old"
    assert changed.data.object["name"] == "New"
    assert changed.data.previous_attributes is not None
    assert changed.data.previous_attributes["name"] == "Old"


def test_what_is_not_taken_comes_again(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    receiver.says = [500, 302]
    api.v1.customers.create({})
    peer.settle()

    assert receiver.types == ["customer.created"]
    assert [sent["status"] for sent in peer.turn("GET", "/webhooks")["log"]] == [500, 302, 200]
    assert peer.objects()["event"][0]["pending_webhooks"] == 0


def test_held_events_come_shuffled_and_doubled(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    peer.travel(hold=True)
    made = [api.v1.customers.create({}).id for _number in range(6)]
    peer.settle()
    assert receiver.events == []

    assert peer.release(seed=1, copies=2) == 12
    peer.settle()

    told = [event.data.object["id"] for event in receiver.events]
    assert sorted(told) == sorted(made * 2)
    assert told != made * 2
    assert len({event.id for event in receiver.events}) == 6


def test_events_can_be_copied_and_lost(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    peer.travel(copies=3, drop=1)
    api.v1.customers.create({})
    kept = api.v1.customers.create({})
    peer.settle()

    assert [event.data.object["id"] for event in receiver.events] == [kept.id] * 3
    assert len(api.v1.events.list({"type": "customer.created"}).data) == 2


def test_an_event_is_sent_once_more(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    api.v1.customers.create({})
    peer.settle()
    peer.send_again(receiver.events[0].id)
    peer.settle()

    assert len(receiver.events) == 2
    assert receiver.events[0].id == receiver.events[1].id


@pytest.mark.parametrize("how", ["signature", "unsigned", "stale", "altered", "truncated"])
def test_no_forgery_is_believed(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver, how: str
) -> None:
    paid(api)
    peer.settle()
    before = len(receiver.events)

    assert peer.forge(receiver.events[-1].id, how) == [400]

    assert len(receiver.events) == before
    assert len(receiver.refused) == 1


def test_events_are_listed_by_type(api: stripe.StripeClient) -> None:
    intent = paid(api)
    api.v1.refunds.create({"payment_intent": intent})

    listed = api.v1.events.list({"types": ["refund.created", "charge.*"]}).data

    assert [event.type for event in listed] == [
        "charge.refunded",
        "refund.created",
        "charge.succeeded",
    ]
    assert api.v1.events.retrieve(listed[0].id).data.object["payment_intent"] == intent


def test_endpoints_are_made_changed_and_removed(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver
) -> None:
    mine = api.v1.webhook_endpoints.create(
        {"url": f"{receiver.url}/2", "enabled_events": ["customer.updated"]}
    )
    assert mine.secret is not None
    assert mine.secret.startswith("whsec_")
    assert "secret" not in api.v1.webhook_endpoints.retrieve(mine.id).to_dict()

    api.v1.webhook_endpoints.update(mine.id, {"disabled": True})
    customer = api.v1.customers.create({})
    api.v1.customers.update(customer.id, {"name": "A"})
    peer.settle()
    assert receiver.types == ["customer.created", "customer.updated"]
    assert receiver.refused == []

    api.v1.webhook_endpoints.delete(mine.id)
    assert [one.url for one in api.v1.webhook_endpoints.list().data] == [receiver.url]
