"""What Stripe would show, stage by stage, of five events that hang together.

What went before them has happened.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from billing.accounts.models import Account
from billing.payments.gateway.seen import SeenContract, SeenLine
from billing.payments.models import Checkout
from billing.payments.services import applying
from billing.payments.services.applying import Seen
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.contracts import (
    KEY,
    PRICE,
    Story,
    a_checkout,
    here,
    open_invoice,
    seen_contract,
    seen_invoice,
    seen_payment,
)
from tests.subscriptions.paid import months_after, nth

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


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
        leads = ("latest_invoice_id", "contract_id", "payment_id", "invoice_id")
        wanted += [getattr(one, name, "") for name in leads]
    applying._apply(found, tickets, now=timezone.now())


def first_purchase(account: Account) -> Story:
    """A plan is bought: its page is open, it is paid, it is told."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id, invoice_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_0"
    unpaid = open_invoice(checkout, anchor, 0, 0)
    story = Story(here(account))
    story.add(contract_id, seen_contract(checkout, anchor, status="incomplete"), unpaid)
    story.add(invoice_id, unpaid)
    story.add(invoice_id, seen_invoice(checkout, anchor, 0))
    story.add(contract_id, seen_contract(checkout, anchor))
    story.add(contract_id)
    return story


def a_failed_renewal(account: Account) -> Story:
    """A renewal is declined, and paid three days later."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id, invoice_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_1"
    first = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    ring({one.id: one for one in first}, contract_id)
    factories.later(account, months_after(anchor, 1) - here(account))
    renewed = _in_month(checkout, 1, anchor)
    story = Story(here(account))
    story.add(contract_id, renewed("active"), open_invoice(checkout, anchor, 1, 0))
    declined = open_invoice(checkout, anchor, 1, 1)
    story.add(invoice_id, renewed("past_due"), declined, after=_HOUR)
    story.add(contract_id)
    story.add(invoice_id, renewed("active"), seen_invoice(checkout, anchor, 1), after=3 * _DAY)
    story.add(contract_id)
    return story


def a_trial_that_is_paid(account: Account) -> Story:
    """A trial begins, is to end and goes on after all, turns into a month, and that is paid."""
    checkout, begins = a_checkout(account), here(account)
    anchor = begins + 7 * _DAY
    contract_id, bill_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_1"
    trial = seen_contract(
        checkout,
        anchor,
        status="trialing",
        started_at=begins,
        period_starts_at=begins,
        period_ends_at=anchor,
        trial_ends_at=anchor,
    )
    month = seen_contract(checkout, anchor, trial_ends_at=anchor, latest_invoice_id=bill_id)
    line = SeenLine("", 1, 0, True, begins, anchor)  # noqa: FBT003 (a row)
    bill = replace(
        seen_invoice(checkout, anchor, 0, amount_micros=0, paid_micros=0, payment_id=""),
        created_at=begins,
        paid_at=begins,
        lines=(line,),
    )
    story = Story(here(account))
    story.add(contract_id, trial, bill)
    story.add(contract_id, replace(trial, cancel_at=anchor), after=_DAY)
    story.add(bill.id, trial, after=_DAY)
    unpaid = replace(open_invoice(checkout, anchor, 0, 0), id=bill_id)
    story.add(bill_id, month, unpaid, after=5 * _DAY)
    story.add(contract_id, replace(seen_invoice(checkout, anchor, 0), id=bill_id), after=_HOUR)
    return story


def money_that_goes_back(account: Account) -> Story:
    """A month is paid; a third is refunded, the rest disputed, won, and refunded after all."""
    checkout, anchor = a_checkout(account), here(account)
    bill = seen_invoice(checkout, anchor, 0)
    third = PRICE["standard"] * MICROS // 3
    rest = PRICE["standard"] * MICROS - third
    some = back.refund(third, "pending"), back.refund(third)
    opened = back.dispute(rest), back.dispute(rest, "won")
    story = Story(here(account))
    story.add(bill.payment_id, seen_contract(checkout, anchor), bill, seen_payment(bill))
    story.add(bill.payment_id, seen_payment(bill, refunds=some[:1]))
    story.add(bill.payment_id, seen_payment(bill, refunds=some[1:], disputes=opened[:1]))
    story.add(bill.payment_id, seen_payment(bill, refunds=some[1:], disputes=opened[1:]))
    all_of_it = (some[1], back.refund(rest, key="re_2"))
    story.add(bill.id, seen_payment(bill, refunds=all_of_it, disputes=opened[1:]))
    return story


def a_lost_dispute(account: Account) -> Story:
    """Two months are paid, the second is disputed and lost, and nothing more is collected."""
    checkout, anchor = a_checkout(account), here(account)
    first = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    ring({one.id: one for one in first}, first[0].id)
    factories.later(account, months_after(anchor, 1) - here(account))
    renewed = _in_month(checkout, 1, anchor)
    bill = seen_invoice(checkout, anchor, 1)
    whole = PRICE["standard"] * MICROS
    story = Story(here(account))
    story.add(first[0].id, renewed("active"), open_invoice(checkout, anchor, 1, 0))
    story.add(bill.id, bill, seen_payment(bill), after=_HOUR)
    story.add(bill.payment_id, seen_payment(bill, disputes=(back.dispute(whole),)), after=_DAY)
    story.add(first[0].id, renewed("active", cancel_at=months_after(anchor, 2)), after=_DAY)
    lost = back.dispute(whole, "lost")
    story.add(bill.payment_id, seen_payment(bill, disputes=(lost,)), after=_DAY)
    return story


def a_cancellation(account: Account) -> Story:
    """A plan is paid, is to end with its month, goes on after all, and is ended at once."""
    checkout, anchor = a_checkout(account), here(account)
    contract_id, invoice_id = f"sub_{checkout.pk}", f"in_{checkout.pk}_0"
    ends_at = months_after(anchor, 1)
    story = Story(here(account))
    story.add(contract_id, seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0))
    story.add(contract_id, seen_contract(checkout, anchor, cancel_at=ends_at), after=_DAY)
    story.add(invoice_id, seen_contract(checkout, anchor), after=_DAY)
    story.add(contract_id)
    ended = {"status": "canceled", "ended_at": story.instants[-1] + _DAY}
    story.add(contract_id, seen_contract(checkout, anchor, **ended), after=_DAY)
    return story


def a_change_at_stripe(account: Account) -> Story:
    """An operator puts another price in, to be asked from the next month on; that is paid."""
    checkout, anchor = a_checkout(account), here(account)
    first = seen_contract(checkout, anchor), seen_invoice(checkout, anchor, 0)
    contract_id, invoice_id = first[0].id, f"in_{checkout.pk}_1"
    ring({one.id: one for one in first}, contract_id)
    dearer = {"lookup_key": KEY.format(plan="pro", interval="P1M")}
    renewed = _in_month(checkout, 1, anchor)
    amount = PRICE["pro"] * MICROS
    unpaid = replace(open_invoice(checkout, anchor, 1, 0), amount_micros=amount)
    paid = seen_invoice(checkout, anchor, 1, amount_micros=amount, paid_micros=amount)
    story = Story(here(account))
    story.add(contract_id, seen_contract(checkout, anchor, **dearer))
    to_renewal = months_after(anchor, 1) - story.starts_at
    story.add(contract_id, renewed("active", **dearer), unpaid, after=to_renewal)
    story.add(invoice_id)
    story.add(invoice_id, paid, after=_HOUR)
    story.add(contract_id)
    return story


def _in_month(checkout: Checkout, number: int, anchor: datetime) -> Callable[..., SeenContract]:
    """Return what tells a contract in its month of that number, with its newest bill."""
    month = nth(anchor, "P1M", number)

    def seen(status: str, **facts: object) -> SeenContract:
        return seen_contract(
            checkout,
            anchor,
            status=status,
            period_starts_at=month.starts_at,
            period_ends_at=month.ends_at,
            latest_invoice_id=f"in_{checkout.pk}_{number}",
            **facts,
        )

    return seen


# Each with how many credits its account has when all of it is known.
STORIES: Final[Mapping[Callable[[Account], Story], int]] = {
    first_purchase: 660,
    a_failed_renewal: 660,
    a_trial_that_is_paid: 660,
    money_that_goes_back: 0,
    a_lost_dispute: 0,
    a_cancellation: 660,  # a month's stay to its end
    a_change_at_stripe: 3000,
}
