"""Whatever order Stripe's events come in, and however often: one state."""

from collections.abc import Mapping
from itertools import permutations
from typing import Final

import pytest
from django.utils import timezone

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.payments.models import Contract, Invoice, Purchase
from billing.payments.services import applying
from billing.payments.services.applying import Seen
from billing.subscriptions import selectors
from billing.subscriptions.models import PaidPeriod, Subscription
from plans.credits import MICROS
from tests import factories
from tests.ledger.machines import rolled_back
from tests.payments.contracts import (
    Story,
    a_checkout,
    here,
    open_invoice,
    seen_contract,
    seen_invoice,
)
from tests.subscriptions.paid import months_after, nth
from tests.thoroughness import by_profile

pytestmark = pytest.mark.django_db
MONTH: Final = 660 * MICROS
EVERY: Final = by_profile(desk=29, ci=1, night=1)  # of the 120 orders
_tickets: Final = {"last": 0}


def ring(seen: Mapping[str, object], stripe_id: str) -> None:
    """Look at an object and what it hangs together with, as `look` does, without the wire."""
    found: dict[str, Seen] = {}
    tickets: dict[str, int] = {}
    wanted = [stripe_id]
    while wanted:
        key = wanted.pop()
        one = seen.get(key)
        if one is None or key in found:
            continue
        tickets[key] = applying._take_ticket(key)
        found[key] = one  # type: ignore[assignment]  # a story holds what is seen
        wanted += [getattr(one, "latest_invoice_id", ""), getattr(one, "contract_id", "")]
    applying._apply(found, tickets, now=timezone.now())


def tell(story: Story, order: tuple[int, ...], *, twice: bool) -> None:
    """Let the events ring in that order; each look sees all that had happened by then."""
    happened = 0
    for number in order:
        happened = max(happened, number)
        for _again in range(2 if twice else 1):
            ring(story.stages[happened], story.rings[number])


def state(account: Account) -> tuple[object, ...]:
    """Return all that the events have brought about."""
    subscription = selectors.open_of(account)
    assert subscription is not None
    contract = Contract.objects.get(account=account)
    return (
        factories.free_micros(account),
        (subscription.plan, subscription.paid_until, subscription.past_due_at),
        (contract.status, contract.subscription_id == subscription.pk, contract.past_due_at),
        Subscription.objects.filter(account=account).count(),
        list(PaidPeriod.objects.order_by("starts_at").values_list("starts_at", "ends_at")),
        list(Invoice.objects.order_by("pk").values_list("pk", "status")),
        sorted(Purchase.objects.values_list("fact", "amount_micros", "credited_micros")),
        Grant.objects.filter(wallet__account=account, series__contains="standard").count(),
    )


def first_purchase(account: Account) -> Story:
    """Return what happens when a plan is bought."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id, invoice_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_0"
    unpaid = open_invoice(checkout, anchor, 0, 0)
    story = Story()
    story.add(contract_id, seen_contract(checkout, anchor, status="incomplete"), unpaid)
    story.add(invoice_id, unpaid)
    story.add(invoice_id, seen_invoice(checkout, anchor, 0))
    story.add(contract_id, seen_contract(checkout, anchor))
    story.add(contract_id)
    return story


def a_failed_renewal(account: Account) -> Story:
    """Return what happens when a renewal fails, and is paid three days later."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id, invoice_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_1"
    ring(
        {
            contract_id: seen_contract(checkout, anchor),
            f"in_{checkout.pk}_0": seen_invoice(checkout, anchor, 0),
        },
        contract_id,
    )
    second = nth(anchor, "P1M", 1)
    renewed = {
        "period_starts_at": second.starts_at,
        "period_ends_at": second.ends_at,
        "latest_invoice_id": invoice_id,
    }
    factories.later(account, months_after(anchor, 1) - here(account))
    story = Story()
    story.add(
        contract_id,
        seen_contract(checkout, anchor, **renewed),
        open_invoice(checkout, anchor, 1, 0),
    )
    story.add(
        invoice_id,
        seen_contract(checkout, anchor, status="past_due", **renewed),
        open_invoice(checkout, anchor, 1, 1),
    )
    story.add(contract_id)
    story.add(
        invoice_id, seen_contract(checkout, anchor, **renewed), seen_invoice(checkout, anchor, 1)
    )
    story.add(contract_id)
    return story


@pytest.mark.parametrize("story_of", [first_purchase, a_failed_renewal])
def test_all_orders_of_five_events_lead_to_one_state(kling: None, story_of: object) -> None:
    assert callable(story_of)
    found = []
    orders = list(permutations(range(5)))[::EVERY]
    for place, order in enumerate(orders):
        with rolled_back():
            ada = factories.new_account("ada")
            tell(story_of(ada), order, twice=place % 2 == 1)
            whole = state(ada)
            assert whole[0] == MONTH, order
            found.append(repr([whole[1][0], whole[1][2], *whole[2:4], whole[7]]))  # type: ignore[index]

    assert len(found) == len(orders)
    assert len(set(found)) == 1


def test_a_bill_that_was_paid_never_opens_again(kling: None) -> None:
    ada = factories.new_account("ada")
    story = first_purchase(ada)
    tell(story, (4,), twice=False)
    before = state(ada)

    ring(story.stages[0], story.rings[1])  # an old look, with a newer ticket

    assert state(ada)[5:] == before[5:]
    assert factories.free_micros(ada) == MONTH
