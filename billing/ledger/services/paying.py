"""Give what the windows of a paid time bring, whenever its payment becomes known."""

from collections.abc import Iterator
from datetime import datetime

from billing.accounts.models import Account
from billing.ledger import store
from billing.ledger.journal import Cause
from billing.ledger.models import Allowance, Grant
from billing.ledger.schedules import Schedule, is_of_the_plan, series_code
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.offers import Plan
from plans.periods import Window


def give_paid(
    locked: LockedWallet,
    plan: Plan,
    *,
    zone: str,
    anchor_at: datetime,
    subscription: str,
    paid_from: datetime,
    paid_until: datetime,
) -> int:
    """Give what each window of the plan brings that begins in the paid time and has begun by now.

    A window that was given before is not given again, so that the same payment may be told any
    number of times, early or late, before or after others. Those that begin later come by
    themselves, by the allowances that `start_allowances` made with the same `paid_from`.

    Args:
        zone: where the plan names no zone.
        anchor_at: from which the windows are drawn.
        subscription: whose windows they are.

    Returns:
        How much was given, in millionths of a credit.
    """
    require_transaction("ledger.give_paid")
    settle(locked)
    begun_until = min(paid_until, locked.now)
    due = [
        (window, schedule)
        for schedule in paid_schedules(
            plan, zone=zone, anchor_at=anchor_at, subscription=subscription
        )
        for window in windows_from(schedule, paid_from, paid_until)
        if window.starts_at <= begun_until
    ]
    facts = [schedule.fact(window) for window, schedule in due]
    given = set(
        Grant.objects.filter(wallet_id=locked.id, fact__in=facts).values_list("fact", flat=True)
    )
    locked.timeline.given |= given
    before = len(locked.timeline.issues)
    for window, schedule in sorted(due, key=lambda one: one[0].starts_at):
        if schedule.fact(window) not in locked.timeline.given:
            locked.timeline.pay(schedule, window, cause=Cause("subscription", subscription))
    given_micros = sum(issue.amount_micros for issue in locked.timeline.issues[before:])
    store.write(locked)
    return given_micros


def paid_schedules(
    plan: Plan, *, zone: str, anchor_at: datetime, subscription: str
) -> Iterator[Schedule]:
    """Yield what a plan gives by itself, in credits, in windows of its own."""
    for terms in plan.allowances:
        if is_of_the_plan(terms) and terms.mode == "auto" and not terms.is_counted:
            yield Schedule(
                id="",
                code=series_code(plan.code, terms),
                terms=terms,
                zone=terms.zone or zone,
                anchor_at=anchor_at,
                subscription=subscription,
            )


def begun_schedules(account: Account, *, subscription: str) -> Iterator[Schedule]:
    """Yield by what a paid subscription's credits have come so far, on the terms of each time.

    What was given keeps the fact of the terms that gave it, whatever they are by now.
    """
    begun = Allowance.objects.filter(
        wallet__account=account, subscription=subscription, mode=Allowance.Mode.AUTO, unit="credit"
    )
    # Paid windows are drawn in a zone of their own: no move of the account's counts.
    yield from (store.schedule(one, moves=()) for one in begun.order_by("id"))


def windows_from(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Window]:
    """Yield the windows that begin in a stretch of time, in their order."""
    window = schedule.window(since)
    if window.starts_at < since:
        window = schedule.window(window.ends_at)
    while window.starts_at < until:
        yield window
        window = schedule.window(window.ends_at)
