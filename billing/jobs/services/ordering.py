"""Quote and submit: from an order to a price, and from a price to a held, queued job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from billing.accounts.models import Account
from billing.ids import new_id
from billing.jobs.errors import PriceAboveMaximum, QuoteExpired
from billing.jobs.models import Job, Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services.alternatives import Alternative, alternatives
from billing.jobs.services.assessing import Assessment, assess
from billing.jobs.services.pricing import outputs_of
from billing.jobs.services.telling import tell
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.lots import Lot
from billing.ledger.services import Actor, Cause, Cover
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import services as packs
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans
from plans.catalog.policies import Lane

QUOTE_LASTS: Final = timedelta(minutes=15)
DISPATCH_WITHIN: Final = timedelta(hours=24)
_USUAL_LANE: Final = Lane.model_fields["priority"].default


@dataclass(frozen=True, slots=True)
class Told:
    """A quote, with what was looked at to tell it."""

    quote: Quote
    assessment: Assessment
    lots: Mapping[str, Lot]
    alternatives: Sequence[Alternative]


def quote(*, account: Account, order: JobOrder, now: datetime) -> Told:
    """Tell what `order` costs and all that stands in its way. Nothing is held.

    The price holds for 15 minutes: a submit that names the quote pays never more.

    Raises:
        InvalidSpec, Unpriced, Retired, NotYet: there is no price to tell.
    """
    published = plans.current()
    wallet = ledger.open_wallet(account, catalog=published.catalog)
    timeline = ledger_selectors.peek(wallet)
    assessment = assess(account=account, order=order, published=published, timeline=timeline)
    price = assessment.priced.price
    told = Quote.objects.create(
        account=account,
        catalog_version_id=published.version_id,
        dimensions=dict(assessment.dimensions),
        context=dict(assessment.context),
        rated_at=assessment.rated_at,
        lines=[{"label": line.label, "micros": line.micros} for line in price.lines],
        total_micros=price.total_micros,
        max_micros=max(assessment.ceiling_micros, assessment.priced.highest_micros),
        created_at=now,
        expires_at=now + QUOTE_LASTS,
    )
    claims = ledger_selectors.claims(wallet, at=assessment.at) if assessment.barriers else ()
    return Told(
        quote=told,
        assessment=assessment,
        lots=timeline.lots,
        alternatives=alternatives(assessment, order, timeline=timeline, claims=claims),
    )


def submit(*, account: Account, order: JobOrder, actor: Actor, now: datetime) -> Job:
    """Hold the price of `order` and queue it, in the caller's transaction (T1).

    The wallet is locked before anything is judged, so that parallel orders are judged one
    after the other. The hold, the units drawn, the job and the message that has it dispatched
    are one commit.

    Raises:
        InvalidSpec, Unpriced: the order cannot be priced.
        Retired, NotYet, NotEntitled, InvalidParent, ConcurrencyLimit, QuotaExceeded, NoBackend,
            InsufficientCredits: what a quote names as reasons; nothing is held.
        QuoteExpired: the quote is over, was for another order, or is no longer enough.
        PriceAboveMaximum: it costs more than `max_micros`.
    """
    require_transaction("jobs.submit")
    published = plans.current()
    told = _told(account, order, now)
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    locked = subscriptions.finish_if_over(locked, account, catalog=published.catalog)
    packs.begin_overdue(locked, account)
    assessment = assess(
        account=account, order=order, published=published, timeline=locked.timeline, told=told
    )
    for barrier in assessment.barriers:
        raise barrier
    held_micros = _held_micros(assessment, order, told)
    job_id = new_id("job")
    reference = f"job:{job_id}"
    held = ledger.hold(
        locked,
        amount_micros=held_micros,
        reference=reference,
        catalog=assessment.published.catalog,
        facts=assessment.facts,
        standing=assessment.standing,
        cause=Cause("job", job_id),
        actor=actor,
    )
    if assessment.priced.covers:
        ledger.draw(locked, assessment.priced.covers, reference=reference)
    job = Job.objects.create(
        pk=job_id,
        account=account,
        wallet_id=locked.id,
        hold_id=held.pk,
        created_at=now,
        max_micros=_agreed_micros(order, told),
        quote=told,
        **_ordered(assessment, order),
        **_times(assessment, now),
    )
    outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
    tell(job, "job.queued", now=now)
    return job


def _told(account: Account, order: JobOrder, now: datetime) -> Quote | None:
    """Return the quote that the order names.

    Raises:
        QuoteExpired: it is over, or none of the account's.
    """
    if order.quote_id is None:
        return None
    told = Quote.objects.filter(account=account, pk=order.quote_id).first()
    if told is None or told.expires_at <= now:
        raise QuoteExpired
    return told


def _held_micros(assessment: Assessment, order: JobOrder, told: Quote | None) -> int:
    """Return what is set aside: up to the ceiling, never above what was agreed.

    Of an order that only guesses its length the highest price counts, not the guess: else its
    sender would set the price.

    Raises:
        PriceAboveMaximum: the price is above what the sender pays at most.
        QuoteExpired: it is above what was quoted, for counted units are gone meanwhile.
    """
    price = assessment.priced.highest_micros
    if order.max_micros is not None and price > order.max_micros:
        raise PriceAboveMaximum(price_micros=price, max_micros=order.max_micros)
    if told is not None and price > told.max_micros:
        raise QuoteExpired
    agreed = _agreed_micros(order, told)
    return assessment.ceiling_micros if agreed is None else min(assessment.ceiling_micros, agreed)


def _agreed_micros(order: JobOrder, told: Quote | None) -> int | None:
    """Return the most that was agreed to be paid; None: what it will really cost."""
    limits = [order.max_micros, told.max_micros if told is not None else None]
    return min((limit for limit in limits if limit is not None), default=None)


def _ordered(assessment: Assessment, order: JobOrder) -> dict[str, object]:
    """Return what was ordered and on which terms, as the job keeps it."""
    price, linked, plan = assessment.priced.price, assessment.linked, assessment.plan
    assert plan is not None, "without a plan it has been refused"
    return {
        "parent": linked.parent,
        "catalog_version_id": assessment.published.version_id,
        "plan": plan.code,
        "flags": dict(plan.entitlements.flags),
        "waits": plan.entitlements.excess == "wait",
        "model": linked.model.code,
        "dimensions": dict(assessment.dimensions),
        "context": dict(assessment.context),
        "inputs": dict(linked.inputs),
        "options": dict(linked.options),
        "metadata": dict(order.metadata),
        "price_lines": [{"label": line.label, "micros": line.micros} for line in price.lines],
        "quoted_micros": price.total_micros,
        "covers": [cover_words(cover) for cover in assessment.priced.covers],
        "outputs_ordered": outputs_of(assessment.facts),
        "chain_seconds": linked.chain_seconds,
    }


def cover_words(cover: Cover) -> dict[str, object]:
    """Return what a counted allowance pays, as jobs keep it and quotes tell it."""
    terms = cover.counted.schedule.terms
    return {
        "allowance": terms.code,
        "unit": terms.unit,
        "units_micros": cover.units_micros,
        "share": str(Fraction(cover.share)),
    }


def _times(assessment: Assessment, now: datetime) -> dict[str, object]:
    """Return when the job may be handed over, by when it must be, and in which order."""
    code = str(assessment.dimensions.get("lane", ""))
    lane = assessment.published.catalog.lane(code)
    dispatch_at = lane.hours.next_at(now) if lane is not None and lane.hours is not None else now
    dispatch_by = dispatch_at + DISPATCH_WITHIN
    if lane is not None and lane.deliver_within is not None:
        dispatch_by = periods.add_period(dispatch_at, lane.deliver_within)
    return {
        "ordered_at": assessment.at,
        "rated_at": assessment.rated_at,
        "dispatch_at": dispatch_at,
        "dispatch_by": dispatch_by,
        "lane_priority": lane.priority if lane is not None else _USUAL_LANE,
    }
