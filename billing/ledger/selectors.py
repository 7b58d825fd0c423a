"""What the ledger says: balances now, then and ahead, grants and entries. Nothing is written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Now

from billing.accounts.models import Account
from billing.ledger import store
from billing.ledger.counting import Counted
from billing.ledger.journal import PATHS, Bucket, Kind
from billing.ledger.lots import RETURNED, Lot, conversion_series
from billing.ledger.models import Allowance, Entry, Grant, Wallet
from billing.ledger.schedules import Schedule, series_code, written_terms
from billing.ledger.timeline import Timeline
from plans.catalog.matching import match_text
from plans.catalog.offers import Plan
from plans.catalog.policies import Conversion


@dataclass(frozen=True, slots=True)
class NextGrant:
    """Credits that are on their way; `mode` claimed: they come by a check-in from `at` on.

    Of what comes by chance `credits_micros` is the least.
    """

    at: datetime
    credits_micros: int
    source: str
    mode: str


@dataclass(frozen=True, slots=True)
class Claimable:
    """An allowance that is claimed by a check-in, from `at` on."""

    schedule: Schedule
    at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet at one instant.

    Attributes:
        locked_micros: of the available ones, those that no order may use as the account stands.
        by_source: free credits by where they came from.
        counted: what is left of counted units, in the order of the plan.
        expiring: lots with free credits that will end, the soonest first.
        resets_at: when the daily window of the free credits ends.
    """

    as_of: datetime
    available_micros: int
    held_micros: int
    locked_micros: int
    by_source: dict[str, int]
    counted: list[Counted]
    expiring: list[Lot]
    next_grant: NextGrant | None
    resets_at: datetime | None


def balance(
    wallet: Wallet, *, as_of: datetime | None, standing: frozenset[str] = frozenset()
) -> Balance:
    """Return the wallet now, at a past instant (from the entries), or ahead (a forecast).

    A forecast knows what is scheduled: expiry and automatic allowances, not claims or orders.

    Args:
        standing: how the account stands now; what that locks is told for every instant.
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
        locked_micros=timeline.locked_micros(standing),
        by_source=_by_source(free),
        counted=timeline.counted(at),
        expiring=sorted(ending, key=lambda lot: (lot.expires_at, lot.id)),
        next_grant=_next_grant(wallet, timeline, at),
        resets_at=_resets_at(wallet, at),
    )


def peek(wallet: Wallet) -> Timeline:
    """Return the wallet settled to now in memory: what a quote looks at."""
    timeline = store.load(wallet)
    timeline.settle(store.clock(wallet))
    return timeline


def claims(wallet: Wallet, *, at: datetime) -> list[Claimable]:
    """Return the allowances that a check-in gives, each with when it can be claimed next."""
    found = []
    for one in claimed(wallet.pk, at=at):
        schedule = store.schedule(one)
        window = schedule.window(at)
        fact = schedule.fact(window)
        taken = Grant.objects.filter(wallet=wallet, fact=fact, created_at__lte=at).exists()
        next_at = schedule.within(window.ends_at) if taken else at
        if next_at is not None:
            found.append(Claimable(schedule, next_at))
    return found


def claimed(wallet_id: str, *, at: datetime) -> QuerySet[Allowance]:
    """Return the allowances that a check-in gives at `at`, in the order of the plan."""
    return _under_way(wallet_id, at).filter(mode=Allowance.Mode.CLAIMED)


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


def on_other_terms(plan: Plan) -> QuerySet[Wallet]:
    """Return the wallets whose allowances are not those of `plan`, in a fixed order."""
    under_way = Allowance.objects.filter(wallet=OuterRef("pk"), ends_at=None)
    wanted = [
        Q(code=series_code(plan.code, terms), terms=written_terms(terms))
        for terms in plan.allowances
    ]
    strange = under_way
    for one in wanted:
        strange = strange.exclude(one)
    differs = Q(Exists(strange))
    for one in wanted:
        differs |= ~Q(Exists(under_way.filter(one)))
    return Wallet.objects.filter(differs).order_by("pk")


def to_convert(conversion: Conversion) -> QuerySet[Grant]:
    """Return the grants with free credits that `conversion` is for, due or not.

    Credits that are only held wait for their work; they are found once they come back. What was
    given after the product's end is no rest of it: else a source that is still given would turn
    each day's credits into lasting ones.
    """
    left = (
        Grant.objects.filter(available_micros__gt=0, source__in=conversion.from_sources)
        .exclude(series=conversion_series(conversion.code))
        .exclude(_given_after(conversion.at), ~Q(fact__startswith=RETURNED))
        .exclude(
            Exists(_returned_from().filter(_given_after(conversion.at))),
            Q(fact__startswith=RETURNED),
        )
    )
    if conversion.match_scope:
        left = left.filter(scope=json.loads(match_text(conversion.match_scope)))
    return left


def convertible(conversion: Conversion) -> QuerySet[Wallet]:
    """Return the wallets in which `conversion` is due by their own clock, in a fixed order."""
    return (
        Wallet.objects.annotate(instant=Now() + F("clock_offset"))
        .filter(
            Exists(to_convert(conversion).filter(wallet=OuterRef("pk"))), instant__gte=conversion.at
        )
        .order_by("pk")
    )


def _given_after(at: datetime) -> Q:
    """Say of a grant that it was made after `at`, for a time after `at`."""
    return Q(created_at__gte=at, effective_at__gte=at)


def _returned_from() -> QuerySet[Grant]:
    """Return the grant whose credits a grant gives anew; see `Timeline.resolve`."""
    lapsed = Func(
        OuterRef("fact"), Value(":"), Value(3), function="split_part", output_field=CharField()
    )
    return Grant.objects.filter(wallet=OuterRef("wallet"), pk=lapsed)


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
        free=sums[Bucket.AVAILABLE],
        set_aside=sums[Bucket.HELD],
        taken=Count("id", filter=Q(kind=Kind.HOLD.value)),
    )
    amounts = {row["grant_id"]: row for row in left}
    sold = dict(Grant.objects.filter(pk__in=amounts).values_list("pk", "expires_at"))
    lots = {}
    for lot in store.lots_of(wallet, amounts):
        then = amounts[lot.id]
        # An end that was drawn later was not known yet.
        known = lot.is_over(at) or (lot.lasts and then["taken"])
        lots[lot.id] = replace(
            lot,
            expires_at=lot.expires_at if known else sold[lot.id],
            pending_micros=0,
            available_micros=then["free"],
            held_micros=then["set_aside"],
        )
    return Timeline(
        available_micros=sum(lot.available_micros for lot in lots.values()),
        held_micros=sum(lot.held_micros for lot in lots.values()),
        instant=at,
        lots=lots,
        schedules=store.schedules(wallet, at=at),
        uses=store.each_use(wallet.pk, since=at),
        new_id=str,
    )


def _by_source(lots: list[Lot]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for lot in lots:
        totals[lot.source] = totals.get(lot.source, 0) + lot.available_micros
    return dict(sorted(totals.items()))


def _next_grant(wallet: Wallet, timeline: Timeline, at: datetime) -> NextGrant | None:
    coming = [
        NextGrant(lot.effective_at, lot.pending_micros, lot.source, "auto")
        for lot in timeline.lots.values()
        if lot.pending_micros
    ]
    for schedule in timeline.schedules:
        if schedule.next_at is not None and schedule.next_at > at:
            amount_micros = timeline.fill_micros(schedule, at=schedule.next_at)
            if amount_micros:
                source = schedule.terms.source
                coming.append(NextGrant(schedule.next_at, amount_micros, source, "auto"))
    for claim in claims(wallet, at=at):
        terms = claim.schedule.terms
        least = terms.credits_min_micros or claim.schedule.amount_micros
        coming.append(NextGrant(claim.at, least, terms.source, "claimed"))
    return min(coming, key=lambda grant: grant.at, default=None)


def _resets_at(wallet: Wallet, at: datetime) -> datetime | None:
    first = _under_way(wallet.pk, at).filter(cadence="daily", unit="credit").first()
    return None if first is None else store.schedule(first).window(at).ends_at


def _under_way(wallet_id: str, at: datetime) -> QuerySet[Allowance]:
    """Return the allowances that count at `at`, those with an end included, in order."""
    begun = Allowance.objects.filter(wallet=wallet_id, started_at__lte=at)
    return begun.filter(Q(ends_at=None) | Q(ends_at__gt=at)).order_by("position", "id")


AS_OF_AHEAD_MAX = timedelta(days=5 * 366)  # how far a forecast may look
assert set(PATHS) == set(Kind)
