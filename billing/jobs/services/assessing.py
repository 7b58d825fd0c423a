"""The one judge of an order: what it costs, what stands in its way, what would pay.

A quote shows its findings, a submit obeys them; so what is shown is what is admitted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.gpu import registry
from billing.gpu.errors import NoBackend
from billing.jobs.errors import NotEntitled, NotYet, QuoteExpired, Retired
from billing.jobs.models import Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services import linking
from billing.jobs.services.context import contexts_of
from billing.jobs.services.limits import Limits
from billing.jobs.services.linking import Linked
from billing.jobs.services.pricing import Priced, ceiling_micros, dearest, outputs_of
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.lots import Part
from billing.ledger.timeline import Timeline
from billing.subscriptions import selectors as subscriptions
from plans import burn_order, entitlements, rating
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.catalog.orderable import Model
from plans.catalog.policies import MONTH_COUNT
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.errors import Unpriced
from plans.selectors import Published


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that is known of an order before anything is held.

    Attributes:
        published: the catalog that prices it: the one in force, or that of its quote.
        plan: the account's, with the terms that count for it; None: it needs one.
        context: what else prices it, as it was when it was priced.
        now_contexts: the same as it is now; rights go by the first, prices by the dearest.
        at: the wallet's instant.
        rated_at: the instant as of which it is priced: that of its quote, or `at`.
        standing: how the account stands; some credits cannot be spent then.
        limits: what the plan lets the account do; None without a plan.
        ceiling_micros: what would be held, and so the most that is charged.
        barriers: all that stands in the way, as the refusals that a submit would give.
        would_use: which grants would pay, as far as they reach.
    """

    account: Account
    published: Published
    plan: Plan | None
    linked: Linked
    context: Mapping[str, Scalar]
    now_contexts: Sequence[Mapping[str, Scalar]]
    at: datetime
    rated_at: datetime
    standing: frozenset[str]
    limits: Limits | None
    priced: Priced
    ceiling_micros: int
    would_use: Sequence[Part]
    barriers: Sequence[DomainError] = ()

    @property
    def dimensions(self) -> Mapping[str, Scalar]:
        """What the order chose, in full."""
        return self.linked.dimensions

    @property
    def facts(self) -> dict[str, Scalar]:
        """All that prices it."""
        return {**self.dimensions, **self.context}

    @property
    def now_context(self) -> Mapping[str, Scalar]:
        """What else is known of it now, by which rights go."""
        return self.now_contexts[0]


def assess(
    *,
    account: Account,
    order: JobOrder,
    published: Published,
    timeline: Timeline,
    told: Quote | None = None,
    member: Membership | None = None,
) -> Assessment:
    """Judge `order` for `account` against `timeline`, its wallet, settled to now; nothing moves.

    Plan, rights, limits and prices are those of the account that would pay.

    Args:
        member: who orders it for his organization; where that pays, his ceiling counts.
        published: the catalog in force.
        told: a quote whose price counts; it is priced as it was then.

    Raises:
        InvalidSpec: the order does not fit the model, or lacks an input; all flaws are named.
        Unpriced: no rate covers it. Retired, NotYet, NotEntitled: none does, and that is why.
        QuoteExpired: the quote is none for this order, or no longer.
    """
    at = timeline.instant
    membership = subscriptions.membership_of(account, catalog=published.catalog)
    plan, standing = membership.plan, membership.standing
    published = published if told is None else plans.version(told.catalog_version_id)
    catalog = published.catalog
    linked = linking.read(account, order, catalog=catalog, member=member)
    now_contexts = contexts_of(
        account, catalog=catalog, plan=plan, order=order, dimensions=linked.dimensions, at=at
    )
    rated_at = at if told is None else told.rated_at
    price = partial(
        dearest, catalog, linked.dimensions, at=rated_at, timeline=timeline, standing=standing
    )
    try:
        found, context = _price(price, linked, now_contexts, told)
    except Unpriced as unpriced:
        raise next(_why_unpriced(catalog, plan, linked, now_contexts[0], at), unpriced) from None
    in_pool = member is not None and member.organization.account_id == account.pk
    limits = Limits(account, plan, at=at, member=member if in_pool else None) if plan else None
    judged = Assessment(
        account=account,
        published=published,
        plan=plan,
        linked=linked,
        context=context,
        now_contexts=now_contexts,
        at=at,
        rated_at=rated_at,
        standing=standing,
        limits=limits,
        priced=found,
        ceiling_micros=_held_at_most(catalog, found, linked.model, limits),
        would_use=_payers(catalog, found, {**linked.dimensions, **context}, timeline, standing),
    )
    barriers = [*_frozen(account, member), *_barriers(judged, order, timeline)]
    return replace(judged, barriers=barriers)


def not_entitled(
    catalog: Catalog, plan: Plan | None, facts: Mapping[str, Scalar], *, at: datetime
) -> list[DomainError]:
    """Return what the plan does not include of an order of these facts."""
    if plan is None:
        smallest = entitlements.allowing(catalog, facts, at=at)
        return [
            NotEntitled(
                detail=_("This needs a subscription."),
                entitlement="plan",
                limit="",
                required_plan=smallest.code if smallest is not None else None,
            )
        ]
    return [
        NotEntitled(
            detail=barrier.detail,
            entitlement=barrier.entitlement,
            limit=barrier.limit,
            required_plan=barrier.required_plan,
        )
        for barrier in entitlements.barriers(catalog, plan, facts, at=at)
    ]


def too_dear(found: Priced, timeline: Timeline) -> list[DomainError]:
    """Return that the wallet owes, and that it cannot pay the price; nothing where it can."""
    owing = [InDebt(debt_micros=timeline.debt_micros)] if timeline.debts else []
    if found.is_payable:
        return [*owing]
    return [
        *owing,
        InsufficientCredits(
            need_micros=found.price.total_micros,
            available_micros=found.spendable_micros,
            unusable_micros=timeline.available_micros - found.spendable_micros,
        ),
    ]


def _frozen(account: Account, member: Membership | None) -> list[DomainError]:
    """Return that who pays is frozen, or who orders; the wallet's lock keeps it so."""
    asked = [account] if member is None else [account, member.account]
    refusal = accounts.frozen(*asked)
    return [] if refusal is None else [refusal]


def _barriers(judged: Assessment, order: JobOrder, timeline: Timeline) -> Iterator[DomainError]:
    """Yield all that stands in the way, in the order in which a submit says it."""
    linked, limits, found = judged.linked, judged.limits, judged.priced
    yield from _out_of_time(linked.model, judged.at)
    yield from _unserved(linked.model.code, is_sandbox=judged.account.is_sandbox)
    here = {**linked.dimensions, **judged.now_context}
    yield from not_entitled(judged.published.catalog, judged.plan, here, at=judged.at)
    yield from linking.broken(linked, order, at=judged.at)
    if limits is not None:
        outputs, micros = outputs_of(here), found.price.total_micros
        yield from limits.barriers(here, outputs=outputs, micros=micros)
    yield from too_dear(found, timeline)


def _held_at_most(catalog: Catalog, found: Priced, model: Model, limits: Limits | None) -> int:
    """Return what would be held: what is set aside beyond the price stays below a ceiling."""
    wished = ceiling_micros(catalog, found, model=model.code)
    left = limits.left_micros if limits is not None else None
    return wished if left is None else max(found.price.total_micros, min(wished, left))


def _payers(
    catalog: Catalog,
    found: Priced,
    facts: Mapping[str, Scalar],
    timeline: Timeline,
    standing: frozenset[str],
) -> list[Part]:
    return timeline.would_use(
        found.price.total_micros,
        rank=burn_order.rank(catalog.burn_order),
        facts=facts,
        standing=standing,
    )


def _price(
    price: Callable[[Sequence[Mapping[str, Scalar]]], tuple[Priced, Mapping[str, Scalar]]],
    linked: Linked,
    contexts: Sequence[Mapping[str, Scalar]],
    told: Quote | None,
) -> tuple[Priced, Mapping[str, Scalar]]:
    """Return what an order costs, as it was told or as it is now, and the context that says so.

    Raises:
        QuoteExpired: the quote was for another order, or has made one already, or was told to an
            order of another number in its month, which was cheaper.
    """
    if told is None:
        return price(contexts)
    if told.jobs.exists():  # the wallet is locked: nobody makes another one meanwhile
        raise QuoteExpired
    _require_same(told, linked, contexts[0])
    quoted, context = price([told.context])
    numbers = [{MONTH_COUNT: one[MONTH_COUNT]} for one in contexts if MONTH_COUNT in one]
    if numbers:
        numbered, _context = price([{**told.context, **number} for number in numbers])
        if numbered.whole.total_micros > quoted.whole.total_micros:
            raise QuoteExpired
    return quoted, context


def _require_same(told: Quote, linked: Linked, context: Mapping[str, Scalar]) -> None:
    """Refuse a quote that was told for something else, or to another way in.

    Raises:
        QuoteExpired: it was.
    """
    if dict(linked.dimensions) != told.dimensions:
        raise QuoteExpired
    if context["surface"] != told.context.get("surface", context["surface"]):
        raise QuoteExpired


def _out_of_time(model: Model, at: datetime) -> list[DomainError]:
    """Refuse a model before its time, and after it: naming the one to order instead."""
    if model.ends_at is not None and model.ends_at <= at:
        since = model.ends_at.isoformat()
        return [Retired(model=model.code, since=since, successor=model.successor)]
    if model.starts_at is not None and at < model.starts_at:
        return [NotYet(model=model.code, retry_at=model.starts_at.isoformat())]
    return []


def _why_unpriced(
    catalog: Catalog, plan: Plan | None, linked: Linked, context: Mapping[str, Scalar], at: datetime
) -> Iterator[DomainError]:
    """Yield why an order has no price: its model's time, or that another plan has it alone.

    A lane that is free with one plan has no price with the others: to be told so helps nobody.
    """
    yield from _out_of_time(linked.model, at)
    facts = {**linked.dimensions, **context}
    for barrier in not_entitled(catalog, plan, facts, at=at):
        larger = barrier.facts["required_plan"]
        if larger is not None:
            with suppress(Unpriced):
                rating.rate(catalog, {**facts, "plan": str(larger)}, at=at)
                yield barrier


def _unserved(model: str, *, is_sandbox: bool) -> list[DomainError]:
    try:
        registry.serving(model, is_sandbox=is_sandbox)
    except NoBackend as refusal:
        return [refusal]
    return []
