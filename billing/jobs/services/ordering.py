"""Quote and submit: from an order to a price, and from a price to a held, queued job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing.accounts.models import Account
from billing.ids import new_id
from billing.jobs.errors import PriceAboveMaximum, QuoteExpired
from billing.jobs.models import Job, Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services.assessing import Alternative, Assessment, alternatives, assess
from billing.jobs.services.telling import tell
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause
from billing.ledger.timeline import Lot
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.rating import Line, Price
from plans.selectors import Published

QUOTE_LASTS: Final = timedelta(minutes=15)
DISPATCH_WITHIN: Final = timedelta(hours=24)


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
        InvalidSpec, Unpriced: there is no price to tell.
    """
    published = plans.current()
    wallet = ledger.open_wallet(account, catalog=published.catalog)
    timeline = ledger_selectors.peek(wallet)
    assessment = assess(account=account, order=order, published=published, timeline=timeline)
    price = assessment.price
    told = Quote.objects.create(
        account=account,
        catalog_version_id=published.version_id,
        dimensions=dict(assessment.dimensions),
        lines=[{"label": line.label, "micros": line.micros} for line in price.lines],
        total_micros=price.total_micros,
        max_micros=price.max_micros,
        created_at=now,
        expires_at=now + QUOTE_LASTS,
    )
    return Told(
        quote=told,
        assessment=assessment,
        lots=timeline.lots,
        alternatives=alternatives(assessment, available_micros=timeline.available_micros),
    )


def submit(*, account: Account, order: JobOrder, actor: Actor, now: datetime) -> Job:
    """Hold the price of `order` and queue it, in the caller's transaction (T1).

    The wallet is locked before anything is judged, so that parallel orders are judged one
    after the other. The hold, the job and the message that has it dispatched are one commit.

    Raises:
        InvalidSpec, Unpriced: the order cannot be priced.
        NotEntitled, InvalidParent, ConcurrencyLimit, NoBackend, InsufficientCredits: what a
            quote names as reasons; nothing is held.
        QuoteExpired: the quote is over, or was for another order.
        PriceAboveMaximum: it costs more than `max_micros`.
    """
    require_transaction("jobs.submit")
    published = plans.current()
    told = _told_price(account, order, now)
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    assessment = assess(
        account=account,
        order=order,
        published=told[0] if told else published,
        timeline=locked.timeline,
        price=told[1] if told else None,
    )
    if told and dict(assessment.dimensions) != told[2]:
        raise QuoteExpired
    for barrier in assessment.barriers:
        raise barrier
    price = assessment.price
    if order.max_micros is not None and price.max_micros > order.max_micros:
        raise PriceAboveMaximum(price_micros=price.max_micros, max_micros=order.max_micros)
    job_id = new_id("job")
    held = ledger.hold(
        locked,
        amount_micros=price.max_micros,
        reference=f"job:{job_id}",
        catalog=assessment.published.catalog,
        cause=Cause("job", job_id),
        actor=actor,
    )
    job = _create(job_id, account, order, assessment, held.pk, locked.id, now)
    outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
    tell(job, "job.queued", now=now)
    return job


def _told_price(
    account: Account, order: JobOrder, now: datetime
) -> tuple[Published, Price, dict[str, object]] | None:
    if order.quote_id is None:
        return None
    told = Quote.objects.filter(account=account, pk=order.quote_id).first()
    if told is None or told.expires_at <= now:
        raise QuoteExpired
    lines = tuple(Line(line["label"], line["micros"]) for line in told.lines)
    price = Price(told.total_micros, told.max_micros, lines, rate_id="")
    return plans.version(told.catalog_version_id), price, told.dimensions


def _create(
    job_id: str,
    account: Account,
    order: JobOrder,
    assessment: Assessment,
    hold_id: str,
    wallet_id: str,
    now: datetime,
) -> Job:
    price = assessment.price
    return Job.objects.create(
        pk=job_id,
        account=account,
        wallet_id=wallet_id,
        hold_id=hold_id,
        parent=assessment.parent,
        quote_id=order.quote_id,
        catalog_version_id=assessment.published.version_id,
        plan=assessment.plan.code if assessment.plan else "",
        model=str(assessment.dimensions["model"]),
        dimensions=dict(assessment.dimensions),
        inputs=dict(order.inputs),
        options=dict(order.options),
        metadata=dict(order.metadata),
        price_lines=[{"label": line.label, "micros": line.micros} for line in price.lines],
        quoted_micros=price.max_micros,
        chain_seconds=assessment.chain_seconds,
        dispatch_at=now,
        dispatch_by=now + DISPATCH_WITHIN,
        created_at=now,
    )
