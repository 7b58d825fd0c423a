"""What test clocks show, what comes due next by them, and what a move brought about."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from billing.accounts import selectors as account_selectors
from billing.accounts.models import Account
from billing.http import problems
from billing.jobs import selectors as jobs
from billing.ledger import clocks as ledger_clocks
from billing.packs import selectors as packs
from billing.partners import selectors as partners
from billing.payments import selectors as payments
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions import selectors as subscriptions
from billing.webhooks import selectors as webhooks
from plans.catalog.schema import Catalog


def clocks(owner: Account | None) -> QuerySet[TestClock]:
    """Return the clocks of a sandbox user, or all of the platform's, the newest first."""
    found = TestClock.objects.all() if owner is None else TestClock.objects.filter(owner=owner)
    return found.order_by("-id")


def clock(owner: Account | None, clock_id: str) -> TestClock:
    """Return one of the owner's clocks.

    Raises:
        NotFound: there is none of that id, or it is another's.
    """
    found = clocks(owner).filter(pk=clock_id).first()
    if found is None:
        raise problems.absent()
    return found


def accounts_of(clock: TestClock) -> list[Account]:
    """Return the accounts that live by the clock, in a fixed order."""
    members = TestClockAccount.objects.filter(clock=clock, left_at=None)
    return list(Account.objects.filter(pk__in=members.values("account")).order_by("pk"))


def shows(clock: TestClock) -> datetime:
    """Return the instant that the clock shows: the database's, so far ahead."""
    return ledger_clocks.database_now() + clock.offset


def on_their_way() -> QuerySet[TestClock]:
    """Return the clocks that have not reached their goal."""
    return TestClock.objects.filter(goal_at__isnull=False).order_by("pk")


def dues(account_ids: Sequence[str], *, catalog: Catalog) -> dict[str, list[datetime]]:
    """Return, for each account, the instants at which something happens to it by itself.

    Of its wallet: expiry, windows, drips, holds with an end; of its subscription and packs: their
    ends, and until when it counts unpaid; of what Stripe collects: when it acts, and when its payer
    is written to; of its queued orders: when they are given up; of what it has earned: when that is
    paid; of the free tier: when a cap begins anew; of a product: when it is sunset, over or not.
    """
    ends = [conversion.at for conversion in catalog.conversions]
    found = {account_id: list(ends) for account_id in account_ids}
    for first in (
        ledger_clocks.due_at(account_ids),
        subscriptions.end_at(account_ids),
        subscriptions.lapse_at(account_ids),
        packs.activate_at(account_ids),
        jobs.given_up_at(account_ids),
        partners.fall_due_at(account_ids),
        account_selectors.asked_again_at(account_ids),
    ):
        for account_id, at in first.items():
            found[account_id].append(at)
    for coming in payments.coming_by_clock(account_ids):
        found[coming.account_id].append(coming.at)
    return found


def happened(clock: TestClock) -> dict[str, dict[str, int]]:
    """Return what the clock's last move brought about so far: entries by kind, events by type."""
    if clock.moved_from is None:
        return {"entries": {}, "events": {}}
    ids = [account.pk for account in accounts_of(clock)]
    return {
        "entries": ledger_clocks.entry_kinds(ids, since=clock.moved_from),
        "events": webhooks.event_types(ids, since=clock.moved_from),
    }
