"""The net under the webhooks: fetches what never came, applies what failed, asks after pages.

Each part does no harm when it is repeated, and leaves to the next run what it did not reach.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.outbox import selectors as outbox_selectors
from billing.outbox.names import TaskName
from billing.payments import selectors
from billing.payments.gateway import configured, events
from billing.payments.models import Checkout, Look, StripeEvent
from billing.payments.services import applying, hearing, lapsing, overtaking, pages, superseding
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction

# The look whose instant says since when Stripe was last asked for its events: no object's.
_EVENTS: Final = "events"
_FIRST: Final = timedelta(days=3)
_KEPT: Final = timedelta(days=29)  # Stripe keeps its events for 30 days
_OVERLAP: Final = timedelta(hours=1)  # their clock, and what was on its way when we asked
_RETRY_AFTER: Final = timedelta(minutes=1)
_RETRY_FOR: Final = timedelta(days=3)  # as long as Stripe itself repeats
_LATE: Final = timedelta(minutes=2)
_NEVER_OPENED: Final = timedelta(hours=23)  # a page lives a day; by then one would have ended
_BATCH: Final = 100
# An event holds who paid, by name and address. It is kept for as long as its payment is likely to
# be looked into: a card's holder has 120 days to contest one, and a bank two months to decide. It
# must be longer than Stripe keeps it, or it would be fetched again as one that never came.
_LOOKED_INTO: Final = timedelta(days=180)
_FORGET_BATCH: Final = 1000
_log = structlog.get_logger(__name__)


def fetch_missed(*, now: datetime, since: datetime | None = None) -> int:
    """Every event of Stripe's is kept, and applied by a worker; return how many had not come.

    What was applied long ago is forgotten.

    Args:
        since: look so far back; None: an hour before the last time, three days at the first.

    Raises:
        StripeAway: Stripe could not be read to the end; the next run begins where this one did.
    """
    forbid_transaction("payments.fetch_missed")
    wire = configured()
    if wire is None:
        return 0
    missed = 0
    for event, raw in events.events_since(wire, since or _since(now)):
        if event.is_live == wire.is_live:
            missed += hearing.keep(event, raw=raw, via=StripeEvent.Via.CATCH_UP, now=now)
    if since is None:
        _note_fetched(now)
    if missed:
        _log.warning("webhooks_never_came", events=missed)
    _forget_applied(now)
    return missed


def sweep(*, now: datetime) -> int:
    """Apply what failed, and see to pages that should have ended; return how many there were.

    An event that cannot be applied is tried for three days, then it waits for a person.
    """
    forbid_transaction("payments.sweep")
    if configured() is None:
        return 0
    done = _apply_failed(now) + _give_up_unopened(now) + _ask_after_late(now)
    done += superseding.end_left_over(now=now) + overtaking.close_left_over(now=now)
    return done + lapsing.go_on_with_changes(now=now) + lapsing.lapse_due(now=now)


def replay(*, event_ids: Iterable[str], now: datetime) -> dict[str, str]:
    """Apply these events once more, applied or not; return why one could not be, by event."""
    forbid_transaction("payments.replay")
    failed = {}
    for event_id in event_ids:
        try:
            hearing.apply_again(event_id=event_id, now=now)
        except Exception as problem:  # noqa: BLE001 (whatever it is, the others are applied)
            failed[event_id] = str(problem) or type(problem).__name__
    return failed


def _since(now: datetime) -> datetime:
    last = Look.objects.filter(pk=_EVENTS).values_list("applied_at", flat=True).first()
    return now - _FIRST if last is None else max(last - _OVERLAP, now - _KEPT)


@transaction.atomic(durable=True)
def _note_fetched(now: datetime) -> None:
    Look.objects.update_or_create(pk=_EVENTS, defaults={"applied_at": now})


@transaction.atomic(durable=True)
def _forget_applied(now: datetime) -> None:
    """Delete a few events that nobody will look into any more; those not applied never are."""
    old = StripeEvent.objects.filter(created_at__lt=now - _LOOKED_INTO, applied_at__isnull=False)
    oldest = old.order_by("created_at").values("pk")[:_FORGET_BATCH]
    StripeEvent.objects.filter(pk__in=oldest).delete()


def _failed(now: datetime) -> list[str]:
    """Return events whose worker has given up, or never began."""
    waiting = selectors.unapplied(since=now - _RETRY_FOR, until=now - _RETRY_AFTER)
    return [
        event.pk
        for event in fairly(waiting.only("pk"), limit=_BATCH)
        if not outbox_selectors.is_open(TaskName.APPLY_STRIPE_EVENT, event_id=event.pk)
    ]


def _apply_failed(now: datetime) -> int:
    run = Sweep("event_stumbled")
    for event_id in _failed(now):
        with run.row(event_id=event_id):
            hearing.apply(event_id=event_id, now=now)
    return run.tried


def _give_up_unopened(now: datetime) -> int:
    """End checkouts whose asker never came back for their page, which has ended meanwhile."""
    asked = Checkout.objects.filter(state=Checkout.State.ASKED, created_at__lte=now - _NEVER_OPENED)
    run = Sweep("page_stumbled")
    for checkout in fairly(asked.order_by("created_at"), limit=_BATCH):
        with run.row(checkout_id=checkout.pk):
            _give_up(checkout.pk, now=now)
    return run.tried


def _ask_after_late(now: datetime) -> int:
    """Look at open pages whose time is over and of which nobody has told how they ended."""
    late = Checkout.objects.filter(state=Checkout.State.OPEN, expires_at__lte=now - _LATE)
    run = Sweep("page_stumbled")
    for checkout in fairly(late.order_by("expires_at"), limit=_BATCH):
        with run.row(checkout_id=checkout.pk):
            applying.look(kind="checkout.session", stripe_id=checkout.stripe_id, now=now)
    return run.tried


@transaction.atomic(durable=True)
def _give_up(checkout_id: str, *, now: datetime) -> None:
    checkout = Checkout.objects.select_for_update().get(pk=checkout_id)
    if checkout.state == Checkout.State.ASKED:
        pages.end(checkout, Checkout.State.EXPIRED, now=now)
