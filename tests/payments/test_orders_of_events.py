"""Whatever order Stripe's events come in, and however often: one state.

All 120 orders of five events are looked at, in CI, of:

- a pack that is bought, and refunded in two parts: `test_inbox`, over the wire
- what refunds, disputes and spending make of a payment's credits: `test_lattice`
- a plan's first payment, a renewal that is declined and paid late, a trial that turns into a
  month, a month whose money goes back, a dispute that is lost, a cancellation, and another price
  that an operator has put in: here, each of `stories.STORIES`
- a change of plan of which we died when it had been paid: `test_orders_of_a_change`, over the wire
"""

from collections.abc import Callable, Iterator
from itertools import groupby, permutations
from typing import Any, Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.payments.models import Contract, Dispute, Invoice, Purchase, Refund
from billing.subscriptions import selectors
from billing.subscriptions.models import PaidPeriod, Subscription
from plans.credits import MICROS
from tests import factories
from tests.payments import stories
from tests.payments.contracts import Story
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
Order = tuple[int, ...]
MONTH: Final = 660 * MICROS
EVERY: Final = by_profile(desk=29, ci=1, night=1)  # of the 120 orders


def walk(account: Account, story: Story, orders: list[Order], *done: int) -> Iterator[Order]:
    """Let the events ring in each of these orders; yield each when its last one has rung.

    Orders that begin alike share their beginning, in `done`. Each look sees all that had happened
    by then, and every other event rings twice.
    """
    if len(done) == len(story.rings):
        yield done
        return
    for number, beginning_so in groupby(orders, lambda one: one[len(done)]):
        point = transaction.savepoint()
        tell(account, story, number, done, twice=(number + len(done)) % 2 == 1)
        yield from walk(account, story, list(beginning_so), *done, number)
        transaction.savepoint_rollback(point)


def tell(account: Account, story: Story, number: int, done: Order, *, twice: bool = False) -> None:
    """Let one event ring after those in `done`, not before it has happened."""
    shows = story.instants[max(done)] if done else story.starts_at
    seen = max((*done, number))
    factories.later(account, story.instants[seen] - shows)
    for _again in range(2 if twice else 1):
        stories.ring(story.stages[seen], story.rings[number])


def state(account: Account) -> dict[str, Any]:
    """Return all that the events have brought about, without ids and instants of our own.

    Credits that were taken and given back are other grants than those that never were; what
    counts of them is how many there are.
    """
    wallet = factories.wallet_of(account)
    subscriptions = Subscription.objects.filter(account=account)
    periods = PaidPeriod.objects.filter(subscription__account=account)
    return {
        "credits": (factories.free_micros(account), wallet.debt_micros),
        "is free": selectors.open_of(account) is None,
        "had a trial": selectors.had_trial(account),
        "began": subscriptions.count(),
        "subscriptions": [
            (one.plan, one.paid_until, one.ends_at, one.past_due_at)
            for one in subscriptions.filter(ended_at=None)
        ],
        "periods": [
            (one.starts_at, one.ends_at, one.is_trial, one.taken_back_at is None)
            for one in periods.order_by("starts_at")
        ],
        "contracts": list(
            Contract.objects.values_list(
                *("status", "plan", "price_micros", "renewal_micros"),
                *("cancel_at", "ended_at", "past_due_at", "trial_ends_at", "attempts"),
            )
        ),
        "invoices": list(Invoice.objects.order_by("pk").values_list("pk", "status")),
        "purchases": list(
            Purchase.objects.order_by("fact").values_list(
                *("fact", "stripe_id", "amount_micros", "period_starts_at", "period_ends_at"),
                *("credited_micros", "refunded_micros", "disputed_micros", "taken_micros"),
            )
        ),
        "refunds": list(Refund.objects.order_by("stripe_id").values_list("stripe_id", "state")),
        "disputes": list(
            Dispute.objects.order_by("stripe_id").values_list("stripe_id", "status", "is_taken")
        ),
    }


@pytest.mark.parametrize("story_of", stories.STORIES)
def test_all_orders_of_five_events_lead_to_one_state(
    kling: None, story_of: Callable[[Account], Story]
) -> None:
    ada = factories.new_account("ada")
    story = story_of(ada)
    assert len(story.rings) == 5
    orders = list(permutations(range(5)))
    told = 0
    expected: dict[str, Any] = {}
    for order in walk(ada, story, orders[::EVERY]):
        found = state(ada)
        expected = expected or found  # the first order is that in which they happened
        assert found == expected, order
        told += 1

    assert told == len(orders[::EVERY])
    assert expected["credits"] == (stories.STORIES[story_of] * MICROS, 0)


def test_a_bill_that_was_paid_never_opens_again(kling: None) -> None:
    ada = factories.new_account("ada")
    story = stories.first_purchase(ada)
    tell(ada, story, 4, ())
    before = state(ada)

    stories.ring(story.stages[0], story.rings[1])  # an old look, with a newer ticket

    assert state(ada)["invoices"] == before["invoices"]
    assert factories.free_micros(ada) == MONTH
