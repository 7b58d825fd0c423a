"""What a plan's allowances begin with in a wallet: rows, anchors and first windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from billing.ledger import store
from billing.ledger.lots import Issue
from billing.ledger.models import Allowance, Grant, ZoneChange
from billing.ledger.models.fields import CODE_LENGTH_MAX
from billing.ledger.schedules import Schedule, is_of_the_plan, series_code, written_terms
from plans.catalog.offers import Plan
from plans.periods import FOREVER

DAILY_REST: Final = timedelta(hours=20)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Given:
    """What an allowance gave at an instant.

    Attributes:
        fact: which window it was.
        used_at: when it was used first; None: it was not yet.
        is_over: nothing of it is left, or valid any more.
    """

    at: datetime
    fact: str
    used_at: datetime | None
    is_over: bool


def allowances(  # noqa: PLR0913 (a beginning has as many facts)
    wallet_id: str,
    plan: Plan,
    *,
    zone: str,
    now: datetime,
    anchor_at: datetime | None = None,
    subscription: str = "",
    ends_at: datetime | None = None,
    created_at: datetime | None = None,
    paid_from: datetime | None = None,
    made: Sequence[Issue] = (),
) -> Iterator[Allowance]:
    """Yield what `plan` gives a wallet from `now` on, in its own zone or else in the account's.

    Args:
        zone: the account's, if it never moved.
        anchor_at: from which weeks, months and years are drawn; None: from now, or from where a
            window of the same allowance is still under way.
        subscription: the paid subscription that they belong to; its weeks, months and years
            are its own.
        ends_at: nothing comes from this instant on.
        created_at: when it is written down; None: `now`.
        paid_from: from when the plan is paid for; None: it is not paid by periods. Of the plan's
            own windows only those come by themselves that begin later: `give_paid` gives the
            others.
        made: what allowances gave by `now` and no row says yet, where the wallet is lived ahead.
    """
    taken: set[str] = set()
    changes = ZoneChange.objects.filter(wallet_id=wallet_id)
    zones = store.zones(changes, else_=zone)
    for position, terms in enumerate(plan.allowances):
        begun = Schedule(
            id="",
            code=series_code(plan.code, terms),
            terms=terms,
            zone=terms.zone or zones.first,
            anchor_at=anchor_at or now,
            subscription=subscription if is_of_the_plan(terms) else "",
            ends_at=ends_at,
            moves=zones.moves,
        )
        former = _former(wallet_id, begun) or _counts_on_from(wallet_id, begun, now)
        if former is not None:
            begun.windows_of, begun.subscription = former.windows_of, former.subscription
            if anchor_at is None:
                begun.anchor_at = _anchor(former, begun, now)
        if begun.series in taken:
            begun.windows_of = apart(begun.code)
        taken.add(begun.series)
        if terms.mode == "auto" and not terms.is_counted:
            first_at = _first_at(_last(wallet_id, begun, now, made), begun, now, paid_from)
            begun.next_at = None if first_at is None else begun.within(first_at)
        row = _row(wallet_id, begun, position, now)
        row.created_at = created_at or now
        yield row


def apart(code: str) -> str:
    """Return other windows for an allowance whose own are those of one that was renamed."""
    return f"{code[: CODE_LENGTH_MAX - 1]}~"


def _row(wallet_id: str, begun: Schedule, position: int, now: datetime) -> Allowance:
    terms = begun.terms
    return Allowance(
        wallet_id=wallet_id,
        code=begun.code,
        mode=terms.mode,
        cadence=terms.cadence,
        zone=begun.zone,
        unit=terms.unit,
        amount_micros=begun.amount_micros,
        source=terms.source,
        priority=terms.priority,
        expiry=terms.expiry,
        terms=written_terms(terms),
        position=position,
        subscription=begun.subscription,
        windows_of=begun.windows_of,
        anchor_at=begun.anchor_at,
        next_at=begun.next_at,
        first_at=begun.next_at,
        started_at=now,
        ends_at=begun.ends_at,
        announced_end_at=begun.ends_at,
    )


def _former(wallet_id: str, begun: Schedule) -> Allowance | None:
    """Return the allowance of the same name that the wallet had last."""
    return (
        Allowance.objects.filter(
            wallet_id=wallet_id, code=begun.code, subscription=begun.subscription
        )
        .order_by("-id")
        .first()
    )


def _counts_on_from(wallet_id: str, begun: Schedule, now: datetime) -> Allowance | None:
    """Return the counted allowance in whose windows that of another subscription goes on.

    A subscription that takes another's place in time that is paid for, drawn from the same
    anchor, goes on with the window under way: its units were used, and one seat more does not
    bring those of all the others anew.
    """
    if not begun.subscription or not begun.terms.is_counted:
        return None
    since = begun.window(now).starts_at
    return (
        Allowance.objects.filter(
            Q(ends_at=None) | Q(ends_at__gt=since),
            wallet_id=wallet_id,
            code=begun.code,
            anchor_at=begun.anchor_at,
            cadence=begun.terms.cadence,
            unit=begun.terms.unit,
        )
        .exclude(subscription="")
        .order_by("-id")
        .first()
    )


def _anchor(former: Allowance, begun: Schedule, now: datetime) -> datetime:
    """Return from where windows are drawn when an allowance comes back.

    A window that is still under way goes on: who leaves a plan and returns in the same week
    has no second one. The window that begins where the allowance ended was never given.
    """
    if begun.terms.cadence == "once":
        return former.anchor_at
    schedule = store.schedule(former, moves=begun.moves)
    if begun.is_rolling or schedule.is_rolling:
        return now
    last_at = now if former.ends_at is None else former.ends_at - _INSTANT
    under_way = schedule.window(max(former.started_at, last_at)).ends_at > now
    return former.anchor_at if under_way else now


def _first_at(
    last: Given | None, begun: Schedule, now: datetime, paid_from: datetime | None
) -> datetime | None:
    """Return when an allowance gives first; None: when it is used, or never more.

    A day's credits come 20 hours after the last at the earliest: a plan whose days begin
    elsewhere must not give two days' credits in one. A day that was given is passed over.
    """
    if is_of_the_plan(begun.terms):
        # Clocks differ: the time that is paid for may begin a little after our present.
        return now if paid_from is None else begun.window(max(now, paid_from - _INSTANT)).ends_at
    if last is None:
        return now
    if begun.is_rolling:
        return _after_its_window(begun, last, now)
    if begun.terms.cadence == "once":
        return None
    rested_at = max(now, last.at + DAILY_REST)
    window = begun.window(rested_at)
    return window.ends_at if begun.fact(window) == last.fact else rested_at


def _after_its_window(begun: Schedule, last: Given, now: datetime) -> datetime | None:
    """Return when the rolling window of what was given `last` is over; None: it has not begun."""
    if last.used_at is not None:
        return max(now, begun.after(last.used_at))
    return now if last.is_over else None


def _last(wallet_id: str, begun: Schedule, now: datetime, made: Sequence[Issue]) -> Given | None:
    """Return what an allowance of this series gave last by `now`; None: nothing."""
    fact = f"allowance:{begun.series}:"
    issues = [issue for issue in made if issue.fact.startswith(fact)]
    if issues:
        issue = max(issues, key=lambda issue: issue.lot.effective_at)
        return Given(
            issue.lot.effective_at, issue.fact, used_at=None, is_over=issue.lot.is_over(now)
        )
    grants = Grant.objects.filter(
        wallet_id=wallet_id, series=begun.series, fact__startswith=fact, effective_at__lte=now
    )
    grant = grants.order_by("-effective_at").first()
    if grant is None:
        return None
    used = grant.allocations.order_by("created_at").values_list("created_at", flat=True).first()
    ends = [at for at in (grant.gone_at, grant.expires_at) if at is not None]
    return Given(grant.effective_at, grant.fact, used, is_over=min(ends, default=FOREVER) <= now)
