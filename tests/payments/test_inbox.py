"""What Stripe tells is proven, kept and answered; what it leads to is one state, in any order."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.outbox.models import Message
from billing.payments import services
from billing.payments.gateway import configured
from billing.payments.models import Customer, Look, Purchase, StripeEvent
from billing.payments.services import applying
from tests.payments import till as tills
from tests.payments.till import Till
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
HOUR: Final = timedelta(hours=1)
EVERY: Final = by_profile(desk=17, ci=1, night=1)  # of the 120 orders
FIVE: Final = (
    "checkout.session.completed",
    "payment_intent.succeeded",
    "charge.succeeded",
    "refund.created",
    "charge.refunded",
)


def now() -> datetime:
    return datetime.now(UTC)


def paid(till: Till) -> dict[str, Any]:
    """Return the event of a payment that nobody has told us of."""
    till.buy()
    [event] = till.events("payment_intent.succeeded")
    return event


def test_an_event_is_kept_as_it_came_and_answered_at_once(till: Till, ada: Account) -> None:
    event = paid(till)
    assert till.tell(event) == 200

    kept = StripeEvent.objects.get()
    assert (kept.pk, kept.type, kept.via) == (event["id"], "payment_intent.succeeded", "webhook")
    assert json.loads(kept.raw) == event
    assert kept.applied_at is None
    assert not Purchase.objects.exists()

    assert till.work() == []
    kept.refresh_from_db()
    assert (kept.applied_at is not None, kept.is_ignored) == (True, False)
    assert Purchase.objects.count() == 1


def test_a_duplicate_is_answered_and_changes_nothing(till: Till, ada: Account) -> None:
    event = paid(till)
    for _time in range(5):
        assert till.tell(event) == 200
        assert till.work() == []

    assert (StripeEvent.objects.count(), Purchase.objects.count()) == (1, 1)
    assert Message.objects.filter(task="payments.apply_event").count() == 1


@pytest.mark.parametrize(
    ("forgery", "moved"),
    [
        ({"secret": "whsec_of_somebody_else"}, None),
        ({"at": -HOUR}, None),
        ({"at": HOUR}, None),
        ({"at": timedelta(seconds=-310)}, None),
        ({"at": timedelta(seconds=310)}, None),
        ({"signature": ""}, None),
        ({"signature": "t=,v1="}, None),
        ({"signature": "v1=00"}, None),
        ({"signature": "t=99999999999999999999,v1=00"}, None),
        ({"signature": "t=1,v1=\u00e9"}, None),
        ({}, ("evt_", "evt_0")),
    ],
    ids=lambda value: str(value)[:32],
)
def test_what_is_not_proven_is_refused_and_not_kept(
    till: Till, ada: Account, forgery: dict[str, Any], moved: tuple[str, str] | None
) -> None:
    body = json.dumps(paid(till))
    if isinstance(forgery.get("at"), timedelta):
        forgery = {"at": now() + forgery["at"]}
    elif moved is not None:
        seconds = int(now().timestamp())
        signed = tills.signature_of(body, till.peer.secret, seconds)
        forgery, body = {"signature": signed}, body.replace(*moved)

    assert till.send(body, **forgery) == 400
    assert till.send(body[: len(body) // 2], **forgery) == 400

    assert not StripeEvent.objects.exists()
    assert not Message.objects.filter(task="payments.apply_event").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"livemode": True},
        {"account": "acct_of_somebody_else"},
        {"object": "v2.core.event"},
        {"object": "charge"},
        {"data": None},
        {"created": "yesterday"},
        {"id": "evt_" + "x" * 300},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_signed_and_no_event_of_ours_is_refused(
    till: Till, ada: Account, change: dict[str, object]
) -> None:
    assert till.tell({**paid(till), **change}) == 400

    assert not StripeEvent.objects.exists()


def test_half_of_a_signed_body_and_more_than_half_a_megabyte_are_refused(
    till: Till, ada: Account
) -> None:
    body = json.dumps(paid(till))

    assert till.send(body[: len(body) // 2]) == 400
    assert till.send(json.dumps({"padding": "x" * 512 * 1024})) == 413
    assert till.client.get("/webhooks/stripe").status_code == 405
    assert not StripeEvent.objects.exists()


def test_either_of_two_secrets_proves_an_event(
    till: Till, ada: Account, settings: Settings
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", till.peer.secret]
    event = paid(till)

    assert till.tell(event) == 200
    assert till.tell({**event, "id": "evt_2"}, secret="whsec_new") == 200
    assert till.tell({**event, "id": "evt_3"}, secret="whsec_old") == 400


@pytest.mark.parametrize("secrets", [[], [""], [" "]])
def test_without_a_secret_nothing_is_believed(
    till: Till, ada: Account, settings: Settings, secrets: list[str]
) -> None:
    event = paid(till)
    settings.STRIPE_WEBHOOK_SECRETS = secrets

    statuses = {till.tell(event, secret=secret) for secret in ("x", till.peer.secret)}
    empty = till.send(json.dumps(event), signature=tills.signature_of(json.dumps(event), "", 1))

    assert {*statuses, empty} <= {400, 503}
    assert not StripeEvent.objects.exists()


def test_an_unknown_kind_is_kept_and_changes_nothing(till: Till, ada: Account) -> None:
    event = paid(till)
    strange = {
        **event,
        "type": "moon.eclipsed",
        "data": {"object": {"id": "moon_1", "object": "moon"}},
    }
    assert till.tell(strange) == 200
    assert till.work() == []

    kept = StripeEvent.objects.get()
    assert (kept.is_ignored, kept.applied_at is not None) == (True, True)
    assert not Purchase.objects.exists()


def test_a_failure_is_seen_and_applied_later(till: Till, ada: Account) -> None:
    event = paid(till)
    till.peer.break_next("rate_limit", path="/v1/payment_intents/.*", times=20)
    assert till.tell(event) == 200

    [why] = till.work()
    kept = StripeEvent.objects.get()
    assert "slow down" in why
    assert (kept.applied_at, "slow down" in kept.error) == (None, True)
    assert not Purchase.objects.exists()

    till.peer.mend()
    assert till.work() == []
    kept.refresh_from_db()
    assert (kept.error, Purchase.objects.count()) == ("", 1)


def test_an_object_that_is_not_there_is_told_with_its_event(till: Till, ada: Account) -> None:
    event = paid(till)
    event["data"]["object"]["id"] = "pi_nobody"
    assert till.tell(event) == 200

    [why] = till.work()

    assert "StripeRefused" in why
    assert StripeEvent.objects.get().error.startswith("resource_missing")


def test_a_wallet_without_room_is_seen_and_paid_out_once_there_is(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = paid(till)
    monkeypatch.setattr("billing.packs.services.AMOUNT_MAX_MICROS", 1)
    assert till.tell(event) == 200
    assert len(till.work()) == 1
    assert (Purchase.objects.count(), Grant.objects.count()) == (0, 0)
    assert "amount_out_of_range" in StripeEvent.objects.get().error

    monkeypatch.undo()
    assert till.work() == []
    assert (Purchase.objects.count(), Grant.objects.count()) == (1, 2)


def test_all_orders_of_five_events_and_their_duplicates_lead_to_one_state(
    till: Till, ada: Account
) -> None:
    checkout = till.buy(quantity=2)
    payment = till.session_of(checkout)["payment_intent"]
    till.peer.refund(payment, amount=300)
    till.peer.refund(payment)
    events = [till.events(kind)[0] for kind in FIVE]
    with tills.undone():
        till.settle(till.events())
        expected = tills.facts_of(ada)
    assert len(expected["purchases"]) == 1

    for place, order in enumerate(list(permutations(events))[::EVERY]):
        doubled = [event for event in order for _copy in range(1 + place % 3)]
        with tills.undone():
            for event in (*doubled, *order[: place % 5]):
                assert till.tell(event) == 200
                if place % 2:
                    assert till.work() == []
            assert till.work() == []
            assert tills.facts_of(ada) == expected, [event["type"] for event in order]


def test_an_earlier_look_never_replaces_a_later_one(till: Till, ada: Account) -> None:
    """What was seen first is applied last: the worker that saw it was held up."""
    till.buy()
    till.settle()
    customer = Customer.objects.get()
    wire = configured()
    assert wire is not None
    early = applying._Sight(wire)
    early.ask("customer", customer.stripe_id)
    till.peer.client().v1.customers.update(customer.stripe_id, {"email": "new@example.com"})
    services.look(kind="customer", stripe_id=customer.stripe_id, now=now())

    applying._apply(early.seen, early.tickets, now=now())

    customer.refresh_from_db()
    assert customer.email == "new@example.com"
    seen = Look.objects.get(pk=customer.stripe_id)
    assert (seen.asked, seen.applied) == (seen.asked, seen.asked)
