"""What the ledger says: balances now, then and ahead, grants and entries. Nothing is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, QuerySet, Sum, When

from billing.accounts.models import Account
from billing.ledger import store
from billing.ledger.journal import PATHS, Bucket, Kind
from billing.ledger.models import Allowance, Entry, Grant, Wallet
from billing.ledger.timeline import Lot, Timeline, fact_of, window_of


@dataclass(frozen=True, slots=True)
class NextGrant:
    """Credits that are on their way; `mode` claimed: they come by a check-in from `at` on."""

    at: datetime
    credits_micros: int
    source: str
    mode: str


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet at one instant.

    Attributes:
        by_source: free credits by where they came from.
        expiring: lots with free credits that will end, the soonest first.
        resets_at: when the daily window of the free credits ends.
    """

    as_of: datetime
    available_micros: int
    held_micros: int
    by_source: dict[str, int]
    expiring: list[Lot]
    next_grant: NextGrant | None
    resets_at: datetime | None


def balance(wallet: Wallet, *, as_of: datetime | None) -> Balance:
    """Return the wallet now, at a past instant (from the entries), or ahead (a forecast).

    A forecast knows what is scheduled: expiry and automatic allowances, not claims or orders.
    """
    now = store.clock(wallet)
    at = as_of or now
    if at < wallet.touched_at:
        timeline = _history(wallet, at)
    else:
        timeline = store.load(wallet)
        timeline.settle(at)
    free = [lot for lot in timeline.lots.values() if lot.available_micros]
    ending = [lot for lot in free if lot.expires_at is not None]
    return Balance(
        as_of=at,
        available_micros=timeline.available_micros,
        held_micros=timeline.held_micros,
        by_source=_by_source(free),
        expiring=sorted(ending, key=lambda lot: (lot.expires_at, lot.id)),
        next_grant=_next_grant(wallet, timeline, at),
        resets_at=_resets_at(wallet, at),
    )


def peek(wallet: Wallet) -> Timeline:
    """Return the wallet settled to now in memory: what a quote looks at."""
    timeline = store.load(wallet)
    timeline.settle(store.clock(wallet))
    return timeline


def grants(account: Account) -> QuerySet[Grant]:
    """Return the account's grants, the newest first."""
    return Grant.objects.filter(wallet__account=account).order_by("-id")


def entries(account: Account) -> QuerySet[Entry]:
    """Return the account's entries, the newest first."""
    return Entry.objects.filter(wallet__account=account).order_by("-seq")


def due_wallets(*, limit: int) -> Iterable[str]:
    """Return accounts whose wallets have something due by the database's clock, oldest first."""
    overdue = Wallet.objects.filter(due_at__lte=store.database_now(), is_sandbox=False)
    return list(overdue.order_by("due_at").values_list("account_id", flat=True)[:limit])


def _history(wallet: Wallet, at: datetime) -> Timeline:
    """Rebuild the lots from the entries that counted at `at`."""
    written = Entry.objects.filter(wallet=wallet, effective_at__lte=at)
    sums = {
        bucket: Sum(
            Case(
                *(
                    When(kind=kind.value, then=F("amount_micros") * (1 if bucket == target else -1))
                    for kind, (source, target) in PATHS.items()
                    if bucket in (source, target)
                ),
                default=0,
            )
        )
        for bucket in (Bucket.AVAILABLE, Bucket.HELD)
    }
    left = written.values("grant_id").annotate(
        free=sums[Bucket.AVAILABLE], set_aside=sums[Bucket.HELD]
    )
    amounts = {row["grant_id"]: (row["free"], row["set_aside"]) for row in left}
    lots = {
        grant.pk: Lot(
            grant.pk,
            grant.source,
            grant.priority,
            grant.effective_at,
            grant.expires_at,
            0,
            *amounts[grant.pk],
        )
        for grant in Grant.objects.filter(pk__in=amounts)
    }
    return Timeline(
        available_micros=sum(lot.available_micros for lot in lots.values()),
        held_micros=sum(lot.held_micros for lot in lots.values()),
        instant=at,
        lots=lots,
        schedules=[],
        new_id=str,
    )


def _by_source(lots: list[Lot]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for lot in lots:
        totals[lot.source] = totals.get(lot.source, 0) + lot.available_micros
    return dict(sorted(totals.items()))


def _next_grant(wallet: Wallet, timeline: Timeline, at: datetime) -> NextGrant | None:
    coming = [
        NextGrant(one.next_at, one.amount_micros, one.source, "auto")
        for one in timeline.schedules
        if one.next_at is not None
    ]
    coming += [
        NextGrant(lot.effective_at, lot.pending_micros, lot.source, "auto")
        for lot in timeline.lots.values()
        if lot.pending_micros
    ]
    for one in _claimed(wallet):
        window = window_of(one.cadence, one.zone, one.anchor_at, at)
        fact = fact_of(one.code, window)
        taken = Grant.objects.filter(wallet=wallet, fact=fact, created_at__lte=at).exists()
        starts_at = window.ends_at if taken else at
        coming.append(NextGrant(starts_at, one.amount_micros, one.source, "claimed"))
    return min(coming, key=lambda grant: grant.at, default=None)


def _resets_at(wallet: Wallet, at: datetime) -> datetime | None:
    daily = Allowance.objects.filter(wallet=wallet, ends_at=None, cadence="daily").first()
    if daily is None:
        return None
    return window_of(daily.cadence, daily.zone, daily.anchor_at, at).ends_at


def _claimed(wallet: Wallet) -> QuerySet[Allowance]:
    return Allowance.objects.filter(wallet=wallet, ends_at=None, mode=Allowance.Mode.CLAIMED)


AS_OF_AHEAD_MAX = timedelta(days=5 * 366)  # how far a forecast may look
assert set(PATHS) == set(Kind)
