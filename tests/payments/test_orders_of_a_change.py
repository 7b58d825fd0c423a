"""A change of plan whose payer paid while Stripe's answer was lost: only its events tell of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, permutations
from typing import Any, Final

import pytest
from django.db import transaction

from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments import services
from billing.payments.models import Invoice, PlanChange, Purchase
from billing.payments.services import lapsing
from plans.credits import MICROS
from tests.payments import till as tills
from tests.payments.lives import Life
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
EVERY: Final = by_profile(desk=29, ci=1, night=1)  # of the 120 orders
FIVE: Final = (
    "invoice.created",
    "invoice.finalized",
    "payment_intent.succeeded",
    "charge.succeeded",
    "invoice.paid",
)
Event = Mapping[str, Any]


@pytest.fixture
def paid_unseen(life: Life) -> Life:
    """Ada is on a plan, and has paid for a dearer one; we know only that she was asked to."""
    life.subscribe("small")
    # The answer is lost each time that it is asked for.
    life.till.peer.break_next("cut_after", method="POST", path=r"/v1/invoices/\w+/pay", times=9)
    answer = life.ask("/v1/subscription/change", plan="large", interval="P1M")
    assert answer.status_code == 503, answer.content
    life.till.peer.mend()
    assert life.charges() == [1000, 40000]
    return life


def five_of(life: Life) -> list[Event]:
    """Return what Stripe tells of the bill of the change, in the order in which it happened."""
    latest: dict[str, Event] = {}
    for event in life.till.events(*FIVE):
        latest.pop(event["type"], None)
        latest[event["type"]] = event
    return list(latest.values())


def walk(
    life: Life, orders: Sequence[Sequence[Event]], *done: Event
) -> Iterator[tuple[Event, ...]]:
    """Let the events arrive in each of these orders, and be applied; yield each at its end.

    Orders that begin alike share their beginning, and every other event comes twice.
    """
    if len(done) == len(FIVE):
        yield done
        return
    for name, beginning_so in groupby(orders, lambda one: one[len(done)]["id"]):
        same = list(beginning_so)
        event = same[0][len(done)]
        assert event["id"] == name
        point = transaction.savepoint()
        life.till.settle([event] * (1 + len(done) % 2))
        yield from walk(life, same, *done, event)
        transaction.savepoint_rollback(point)


def state(life: Life) -> dict[str, Any]:
    """Return all that the events have brought about."""
    errands = Message.objects.filter(task=TaskName.CARRY_OUT_CHANGE, ring_at__isnull=False)
    return {
        **tills.facts_of(life.account),
        "credits": life.credits,
        "plan": life.subscription.plan,
        "changes": list(PlanChange.objects.values_list("state", "invoice_id", "failure")),
        "invoices": list(Invoice.objects.order_by("pk").values_list("pk", "status", "paid_micros")),
        "goes on with": {str(one.arguments) for one in errands},
    }


def test_all_orders_of_five_events_of_a_change_lead_to_one_state(paid_unseen: Life) -> None:
    change = PlanChange.objects.get()
    events = five_of(paid_unseen)
    assert len(events) == len(FIVE)
    orders = list(permutations(events))[::EVERY]
    told = 0
    expected: dict[str, Any] = {}
    for order in walk(paid_unseen, orders):
        found = state(paid_unseen)
        expected = expected or found
        assert found == expected, [event["type"] for event in order]
        told += 1

    assert told == len(orders)
    assert expected["goes on with"] == {str({"change_id": change.pk})}


@pytest.mark.parametrize("how", ["told by events", "found by the sweep"])
def test_what_was_paid_is_changed_to_however_we_hear_of_it(paid_unseen: Life, how: str) -> None:
    change = PlanChange.objects.get()
    if how == "told by events":
        paid_unseen.till.settle()
        services.carry_out(change_id=change.pk, now=datetime.now(UTC))
    else:
        lapsing.go_on_with_changes(now=datetime.now(UTC) + timedelta(minutes=5))

    change.refresh_from_db()
    assert (change.state, paid_unseen.subscription.plan) == ("applied", "large")
    assert 590 <= paid_unseen.credits <= 600
    assert paid_unseen.charges() == [1000, 40000]
    paid = Purchase.objects.filter(kind="change").values_list("amount_micros", flat=True)
    assert list(paid) == [400 * MICROS]
    before = paid_unseen.credits
    paid_unseen.till.settle()
    services.carry_out(change_id=change.pk, now=datetime.now(UTC))
    assert (paid_unseen.credits, paid_unseen.charges()) == (before, [1000, 40000])
