"""Quote and submit: from an order to a price, and from a price to a held, queued job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from billing.accounts import selectors as account_selectors
from billing.accounts.errors import FreeTierRefused
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ids import new_id
from billing.jobs.errors import PriceAboveMaximum, QuoteExpired
from billing.jobs.models import Job, Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services import linking, paying, turning
from billing.jobs.services.alternatives import Alternative, alternatives
from billing.jobs.services.assessing import Assessment
from billing.jobs.services.paying import Candidate, Offer
from billing.jobs.services.pricing import outputs_of
from billing.jobs.services.telling import tell
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.errors import InsufficientCredits
from billing.ledger.lots import Lot
from billing.ledger.services import Actor, Cause, Cover, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction
from plans import asking
from plans import selectors as plans
from plans.catalog.policies import Lane
from plans.catalog.schema import Catalog

QUOTE_LASTS: Final = timedelta(minutes=15)
_USUAL_PRIORITY: Final = Lane.model_fields["priority"].default


@dataclass(frozen=True, slots=True)
class Told:
    """A quote, with what was looked at to tell it.

    Attributes:
        payers: who was asked to pay, and what stands in the way of each.
        shut_out: why no free credits help an account on the free plan that has too few; None:
            they come, or others would be needed anyway.
    """

    quote: Quote
    assessment: Assessment
    lots: Mapping[str, Lot]
    alternatives: Sequence[Alternative]
    payers: Sequence[Offer]
    shut_out: FreeTierRefused | None = None


def quote(*, account: Account, order: JobOrder, member: Membership | None = None) -> Told:
    """Tell what `order` costs and all that stands in its way. Nothing is held.

    The price holds for 15 minutes of the wallet's clock: a submit that names the quote pays never
    more, from the wallet that it was told for.

    Args:
        member: for which organization `account` orders; None: for itself.

    Raises:
        InvalidSpec, Unpriced, Retired, NotYet: there is no price to tell.
    """
    published = plans.current()
    asked = paying.candidates(account, member, catalog=published.catalog)
    payers = paying.offers(asked, order, published=published, member=member)
    offer, assessment = paying.best(payers)
    price = assessment.priced.price
    told = Quote.objects.create(
        account=assessment.account,
        catalog_version_id=published.version_id,
        dimensions=dict(assessment.dimensions),
        context=dict(assessment.context),
        rated_at=assessment.rated_at,
        lines=[{"label": line.label, "micros": line.micros} for line in price.lines],
        total_micros=price.total_micros,
        max_micros=max(assessment.ceiling_micros, assessment.priced.highest_micros),
        created_at=assessment.at,
        expires_at=assessment.at + QUOTE_LASTS,
    )
    wallet = ledger.open_wallet(assessment.account, catalog=published.catalog)
    claims = ledger_selectors.claims(wallet, at=assessment.at) if assessment.barriers else ()
    return Told(
        quote=told,
        assessment=assessment,
        lots=offer.lots,
        alternatives=alternatives(assessment, order, timeline=offer.timeline, claims=claims),
        payers=payers,
        shut_out=_shut_out(assessment, published.catalog, order),
    )


def submit(
    *,
    account: Account,
    order: JobOrder,
    actor: Actor,
    now: datetime,
    member: Membership | None = None,
) -> Job:
    """Hold the price of `order` and queue it, in the caller's transaction (T1).

    The wallets that may pay are locked before anything is judged: parallel orders are judged one
    after the other. Hold, units drawn, job and the message that has it dispatched are one commit.

    Args:
        member: for which organization `account` orders; None: for itself.

    Raises:
        InvalidSpec, Unpriced: the order cannot be priced.
        AccountFrozen, Retired, NotYet, NotEntitled, InvalidParent, ConcurrencyLimit,
            QuotaExceeded, NoBackend, InDebt, InsufficientCredits: as a quote says; nothing is held.
        QuoteExpired: the quote is over, was for another order, or is no longer enough.
        PriceAboveMaximum: it costs more than `max_micros`.
        NotFound: the member belongs to the organization no more.
    """
    require_transaction("jobs.submit")
    published = plans.current()
    candidates = paying.candidates(account, member, catalog=published.catalog)
    asked, told = _told(candidates, order)
    locked, assessment = paying.choose(asked, order, published=published, told=told, member=member)
    job_id = new_id("job")
    reference = f"job:{job_id}"
    held = ledger.hold(
        locked,
        amount_micros=_held_micros(assessment, order, told),
        reference=reference,
        catalog=assessment.published.catalog,
        facts=assessment.facts,
        standing=assessment.standing,
        cause=Cause("job", job_id),
        actor=actor,
    )
    if assessment.priced.covers:
        ledger.draw(locked, assessment.priced.covers, reference=reference)
    job = Job(
        pk=job_id,
        account=assessment.account,
        member=member,
        wallet_id=locked.id,
        hold=held,
        max_micros=_agreed_micros(order, told),
        quote=told,
        **_ordered(assessment, order),
        **_times(assessment, now),
        **_place(assessment, locked.id),
    )
    asking.create(job)
    outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
    _top_up(assessment.account, locked, now=now)
    tell(job, "job.queued", now=now)
    return job


def _top_up(account: Account, locked: LockedWallet, *, now: datetime) -> None:
    """Have more credits bought if the account wants that and has few left."""
    below_micros = account.tops_up_below_micros
    if below_micros is not None and locked.timeline.available_micros < below_micros:
        outbox.post(TaskName.LOOK_AT_TOP_UP, now=now, account_id=account.pk)


def _shut_out(assessment: Assessment, catalog: Catalog, order: JobOrder) -> FreeTierRefused | None:
    plan = assessment.plan
    is_short = any(isinstance(one, InsufficientCredits) for one in assessment.barriers)
    if not is_short or plan is None or not plan.free:
        return None
    return account_selectors.free_tier_refusal(
        assessment.account.pk, catalog=catalog, is_for_platform=order.by_service
    )


def _told(asked: Sequence[Candidate], order: JobOrder) -> tuple[Sequence[Candidate], Quote | None]:
    """Return the quote that the order names, and who may pay by it: all, where it names none.

    Raises:
        QuoteExpired: it is over, or was told to none of those who may pay.
    """
    if order.quote_id is None:
        return asked, None
    told = Quote.objects.filter(
        account__in=[one.account.pk for one in asked], pk=order.quote_id
    ).first()
    if told is None:
        raise QuoteExpired
    wallet = ledger.open_wallet(told.account, catalog=plans.current().catalog)
    if told.expires_at <= ledger_selectors.instant(wallet):
        raise QuoteExpired
    return [one for one in asked if one.account.pk == told.account_id], told


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
        "keep_outputs": plan.entitlements.keep_outputs or "",
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
    """Return when the job was ordered, when it may be handed over, and by when it must be."""
    lane = assessment.published.catalog.lane(_lane(assessment))
    dispatch_at = lane.hours.next_at(now) if lane is not None and lane.hours is not None else now
    return {
        "created_at": now,
        "ordered_at": assessment.at,
        "rated_at": assessment.rated_at,
        "dispatch_at": dispatch_at,
        "dispatch_by": dispatch_at + turning.promise_of(lane, since=dispatch_at),
    }


def _place(assessment: Assessment, wallet_id: str) -> dict[str, object]:
    """Return where the job stands in the queue: its lane, and its turn among the accounts'."""
    plan, code, model = assessment.plan, _lane(assessment), assessment.linked.model.code
    assert plan is not None, "without a plan it has been refused"
    lane = assessment.published.catalog.lane(code)
    cost_ms = turning.cost_of(
        model=model,
        seconds=linking.seconds_of(assessment.dimensions),
        outputs=outputs_of(assessment.facts),
    )
    ticket = turning.draw(
        wallet_id=wallet_id,
        lane=code,
        model=model,
        cost_ms=cost_ms,
        weight=plan.entitlements.weight,
        is_sandbox=assessment.account.is_sandbox,
    )
    priority = _USUAL_PRIORITY if lane is None else lane.priority
    return {
        "lane": code,
        "lane_priority": priority,
        "turn": ticket.turn,
        "turn_distance": ticket.distance,
    }


def _lane(assessment: Assessment) -> str:
    return str(assessment.dimensions.get("lane", turning.USUAL))
