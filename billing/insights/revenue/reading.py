"""What the rows say of purchases: their money, and the credits on which it lies."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import islice
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from billing.insights.revenue import families, stretches
from billing.insights.revenue.families import Family, Left
from billing.insights.revenue.spreading import (
    Gives,
    Part,
    Standing,
    Window,
    along,
    months_between,
    standing,
    windows,
)
from billing.insights.revenue.stretches import Stretch
from billing.ledger.models import Grant
from billing.payments.models import Dispute, PlanChange, Purchase, Refund
from billing.payments.services import taking
from billing.subscriptions.models import Subscription
from plans import selectors as plans
from plans.catalog.offers import Plan

_CHUNK: Final = 200
_PERIODIC: Final = {"monthly": 1, "yearly": 12}
_NONE: Final = Left()
_WON: Final = "won"
_CHANGE: Final = Purchase.Kind.CHANGE


@dataclass(frozen=True, slots=True)
class Read:
    """A purchase with all of its rows that count.

    Attributes:
        grants: what it brought, and of a plan whatever its windows brought.
        stretches: the paid times that it paid for, and that its money was carried on to.
        change: the change of plan that it paid for.
        open_times: when its account had a subscription: from, and until (None: it has one).
    """

    purchase: Purchase
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    grants: Sequence[Grant]
    open_times: Sequence[tuple[datetime, datetime | None]]
    stretches: Sequence[Stretch] = ()
    change: PlanChange | None = None


def chunks(purchases: QuerySet[Purchase]) -> Iterator[tuple[list[Read], Family]]:
    """Yield purchases with what they brought, some at a time: history takes no memory."""
    rows = purchases.select_related("pack_purchase", "subscription", "contract").order_by("pk")
    stream = rows.iterator(chunk_size=_CHUNK)
    while chunk := list(islice(stream, _CHUNK)):
        times = stretches.read(chunk)
        grants = _grants_of(chunk, times)
        yield (
            _with_rows(chunk, grants, times),
            families.read(grant for some in grants.values() for grant in some),
        )


def stood(read: Read, left: Mapping[str, Left], *, at: datetime) -> Standing:
    """Return how a purchase stood right before an instant."""
    purchase = read.purchase
    if purchase.paid_at >= at:
        return Standing()
    parts = _of_periods(read, left, at) if read.stretches else [_of_credits(read, left)]
    return standing(purchase.amount_micros, returned_micros(read, at=at), parts)


def returned_micros(read: Read, *, at: datetime) -> int:
    """Return what had gone back of its money by then: refunded, or contested and not won."""
    refunded = sum(one.amount_micros for one in read.refunds if _is_back(one, at))
    disputed = sum(one.amount_micros for one in read.disputes if _is_away(one, at))
    return min(read.purchase.amount_micros, refunded + disputed)


def brings_micros(read: Read) -> int:
    """Return how many credits a purchase brings: of a plan what its period gives by itself."""
    purchase = read.purchase
    if purchase.pack_purchase is not None:
        return purchase.pack_purchase.credits_micros + purchase.pack_purchase.bonus_micros
    if not read.stretches:
        return sum(grant.amount_micros for grant in read.grants)
    own = read.stretches[0]
    whole = sum(one.weight for one in _gives(own))
    change = read.change
    if change is None:
        return whole
    if change.begins_anew:  # what was carried on has paid for the rest of it
        return whole * change.due_micros // max(1, change.due_micros + change.worth_micros)
    more = max(0, change.window_micros - change.held_window_micros)
    return change.gives_micros + more * (len(_windows(read, own, 0)) - 1)


def _is_back(refund: Refund, at: datetime) -> bool:
    """Say whether a refund was owed or paid right before an instant: from when it was decided."""
    began_at = refund.decided_at or refund.requested_at
    if began_at >= at:
        return False
    if refund.state in taking.GOES_BACK:
        return True
    failed = refund.state == Refund.State.FAILED
    return failed and refund.ended_at is not None and refund.ended_at >= at


def _is_away(dispute: Dispute, at: datetime) -> bool:
    """Say whether the money of a dispute was away right before an instant."""
    if dispute.opened_at >= at:
        return False
    won = dispute.status == _WON and dispute.ended_at is not None and dispute.ended_at >= at
    return dispute.is_taken or won


def _of_credits(read: Read, left: Mapping[str, Left]) -> Part:
    """Return the one part of what was bought as credits: the paid ones and the bonus alike."""
    pack = read.purchase.pack_purchase
    given = sum(grant.amount_micros for grant in read.grants)
    if pack is not None:
        given = pack.credits_micros + pack.bonus_micros
    return Part(read.purchase.amount_micros, *_shares(read.grants, left, given))


def _of_periods(read: Read, left: Mapping[str, Left], at: datetime) -> list[Part]:
    """Return the parts of what paid for a time, and of what changes have carried on of it."""

    def lay(stretch: Stretch) -> Callable[[int], list[Part]]:
        return lambda money_micros: list(_of_stretch(read, stretch, money_micros, left, at))

    return along(read.purchase.amount_micros, map(lay, read.stretches))


def _of_stretch(
    read: Read, stretch: Stretch, money_micros: int, left: Mapping[str, Left], at: datetime
) -> Iterator[Part]:
    left_at = stretch.left_at if stretch.left_at is not None and stretch.left_at < at else None
    for window in _windows(read, stretch, money_micros):
        if left_at is not None:
            yield _part_left(read, window, stretch, left, left_at)
        elif window.is_by_time:
            share = window.unearned(at) if _goes_on(read, at) else Fraction(0)
            yield Part(window.money_micros, share, 1 - share)
        else:
            own = _grants_in(read, window.starts_at, window.ends_at)
            if window.starts_at >= at or not own:  # to come, or given and not written yet
                is_ahead = window.ends_at >= at and _goes_on(read, at)
                yield Part(window.money_micros, Fraction(is_ahead))
            else:
                yield Part(window.money_micros, *_shares(own, left, _given(own)))


def _part_left(
    read: Read, window: Window, stretch: Stretch, left: Mapping[str, Left], left_at: datetime
) -> Part:
    """Return a window of a stretch that a change has ended; what it did not take stays as it was.

    Windows that had not begun were carried on, and of what is earned with the time the rest.
    """
    if window.is_by_time:
        moved = window.unearned(left_at)
        return Part(window.money_micros, Fraction(0), 1 - moved, moved)
    own = _grants_in(read, window.starts_at, min(window.ends_at, left_at))
    if window.starts_at >= left_at or not own:
        return Part(window.money_micros, Fraction(0), moved=Fraction(window.ends_at > left_at))
    given = _given(own)
    live, used = _shares(own, left, given)
    pledged = Fraction(sum(stretch.pledged.get(grant.pk, 0) for grant in own), given)
    return Part(window.money_micros, live, used, min(1 - live, pledged))


def _grants_in(read: Read, starts_at: datetime, ends_at: datetime) -> list[Grant]:
    return [grant for grant in read.grants if starts_at <= grant.effective_at < ends_at]


def _given(grants: Sequence[Grant]) -> int:
    return sum(grant.amount_micros for grant in grants)


def _shares(
    grants: Sequence[Grant], left: Mapping[str, Left], given_micros: int
) -> tuple[Fraction, Fraction]:
    """Return which share of the credits is live, and which was used; what waits is live."""
    if not grants:
        return Fraction(1), Fraction(0)
    found = sum((left.get(grant.pk, _NONE) for grant in grants), start=_NONE)
    return min(Fraction(1), found.live / given_micros), found.used / given_micros


def _windows(read: Read, stretch: Stretch, money_micros: int) -> list[Window]:
    contract, subscription = read.purchase.contract, stretch.subscription
    drawn_from = contract.anchor_at if contract is not None else stretch.starts_at
    if contract is not None and subscription is not None and subscription.anchor_at is not None:
        drawn_from = subscription.anchor_at  # the contract's is that of its last period
    return windows(
        money_micros,
        _gives(stretch),
        anchor_at=drawn_from,
        starts_at=stretch.starts_at,
        ends_at=stretch.ends_at,
    )


def _gives(stretch: Stretch) -> list[Gives]:
    """Return what the sold plan gives in a paid time by itself; what is claimed bears no money."""
    starts_at, ends_at = stretch.starts_at, stretch.ends_at
    plan = _plan_of(stretch.subscription)
    months, days = months_between(starts_at, ends_at), (ends_at - starts_at).days
    found = []
    for one in plan.allowances if plan is not None else ():
        if one.mode != "auto" or one.unit != "credit" or not one.credits_micros:
            continue
        lasts = _PERIODIC.get(one.cadence)
        if lasts is not None:
            found.append(Gives(lasts, one.credits_micros * max(1, months // lasts)))
        elif one.cadence in {"daily", "weekly"}:
            times = max(1, days // (7 if one.cadence == "weekly" else 1))
            found.append(Gives(None, one.credits_micros * times))
    return found


def _plan_of(subscription: Subscription | None) -> Plan | None:
    if subscription is None:
        return None
    plan = plans.version(subscription.catalog_version_id).catalog.plan(subscription.plan)
    return plan.for_seats(subscription.seats) if plan is not None else None


def _goes_on(read: Read, at: datetime) -> bool:
    """Say whether the account had a subscription right before an instant, or it was to begin."""
    own = read.purchase.subscription
    if own is None or own.started_at >= at:
        return True
    return any(begins < at and (ends is None or ends >= at) for begins, ends in read.open_times)


def _with_rows(
    chunk: Sequence[Purchase],
    grants: Mapping[str, list[Grant]],
    paid_times: Mapping[str, list[Stretch]],
) -> list[Read]:
    refunds: dict[str, list[Refund]] = defaultdict(list)
    for refund in Refund.objects.filter(purchase__in=chunk):
        refunds[refund.purchase_id].append(refund)
    disputes: dict[str, list[Dispute]] = defaultdict(list)
    for dispute in Dispute.objects.filter(purchase__in=chunk):
        disputes[dispute.purchase_id].append(dispute)
    times: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    accounts = {one.account_id for one in chunk if one.period_ends_at is not None}
    for one in Subscription.objects.filter(account__in=accounts):
        times[one.account_id].append((one.started_at, one.ended_at))
    changes = {
        f"stripe:{change.pk}": change
        for change in PlanChange.objects.filter(
            pk__in=[one.fact.rpartition(":")[2] for one in chunk if one.kind == _CHANGE]
        )
    }
    return [
        Read(
            one,
            refunds[one.pk],
            disputes[one.pk],
            grants.get(one.pk, []),
            times.get(one.account_id, []),
            paid_times.get(one.pk, []),
            changes.get(one.fact),
        )
        for one in chunk
    ]


def _grants_of(
    chunk: Sequence[Purchase], times: Mapping[str, list[Stretch]]
) -> dict[str, list[Grant]]:
    """Return by purchase the grants on which its money lies."""
    until = [max((s.ends_at for s in times.get(one.pk, [])), default=None) for one in chunk]
    with connection.cursor() as cursor:
        cursor.execute(_GRANTS, [[one.pk for one in chunk], until])
        pairs = cursor.fetchall()
    grants = Grant.objects.in_bulk([grant_id for _purchase, grant_id in pairs])
    found: dict[str, list[Grant]] = defaultdict(list)
    for purchase_id, grant_id in pairs:
        found[purchase_id].append(grants[grant_id])
    return found


# What a purchase has brought, as `payments.services.taking` finds it of one; but windows of
# whatever plan the account had in the period: who changed his plan has them by both payments.
BROUGHT: Final = r"""
    (g.id IN (k.grant_id, k.bonus_grant_id)
     OR g.fact = p.fact OR starts_with(g.fact, p.fact || ':')
     OR (p.kind = 'change' AND g.fact = 'change:' || substr(p.fact, length('stripe:') + 1))
     OR (p.period_ends_at IS NOT NULL
         AND (starts_with(g.fact, 'allowance:') OR starts_with(g.fact, 'seats:'))
         AND g.series LIKE '%%:sub\_%%'
         AND g.effective_at >= p.period_starts_at AND {is_before_its_end}))
"""
_GRANTS: Final = f"""
    SELECT p.id, g.id
    FROM unnest(%s::text[], %s::timestamptz[]) AS asked (id, until)
    JOIN billing_purchase p ON p.id = asked.id
    JOIN billing_wallet w ON w.account_id = p.account_id
    JOIN billing_grant g ON g.wallet_id = w.id
    LEFT JOIN billing_packpurchase k ON k.id = p.pack_purchase_id
    WHERE {BROUGHT.format(is_before_its_end="g.effective_at < asked.until")}
    ORDER BY p.id, g.id
"""  # noqa: S608 (constants of this file)
