"""Which plan counts for an account, and how it stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Now

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.ledger import selectors as ledger
from billing.ledger.models import Grant
from billing.subscriptions.models import PaidPeriod, Subscription
from plans import periods, prices
from plans import selectors as plans
from plans.asking import Given, PreparedRows
from plans.catalog.offers import Plan
from plans.catalog.schema import Catalog

PAST_DUE: Final = "past_due"
UNSUBSCRIBED: Final = "unsubscribed"
SoldFor = tuple[str, str, str, int | None]  # interval, currency, book, renewal in micros
# What says how existing subscribers are treated is no term of the plan.
_NOT_TERMS: Final = frozenset({"existing", "moves_at", "from", "until", "ref", "name"})


@dataclass(frozen=True, slots=True)
class Membership:
    """What an account is on.

    Attributes:
        subscription: the open one; None: it is on the free plan.
        plan: the plan on the terms that count for it; None: the catalog has no free plan.
        standing: "past_due", "unsubscribed", both or none.
    """

    subscription: Subscription | None
    plan: Plan | None
    standing: frozenset[str]


@dataclass(frozen=True, slots=True)
class NextChange:
    """What happens to a subscription next by itself: it "ends", or "moves" to newer terms."""

    at: datetime
    kind: str
    plan: str | None


def open_of(account: Account) -> Subscription | None:
    """Return the account's open subscription; one whose end has come by itself is none.

    The end counts by the wallet's clock, whether a sweep has written it down or not.
    """
    return next(iter(_open(account=account.pk)), None)


_open = PreparedRows(
    lambda: Subscription.objects.filter(account=Given("account"), ended_at=None).filter(
        Q(ends_at=None) | Q(ends_at__gt=Now() + F("account__wallet__clock_offset"))
    )[:1]
)


def paid_for(account: Account, *, since: datetime, until: datetime) -> QuerySet[Subscription]:
    """Return what the account began for a price from `since` on and before `until`."""
    return Subscription.objects.filter(
        account=account, price_micros__gt=0, started_at__gte=since, started_at__lt=until
    )


def membership_of(account: Account, *, catalog: Catalog) -> Membership:
    """Return what the account is on, by the terms that it was sold or was moved to.

    Without a subscription the free plan of `catalog`, the one in force, counts.
    """
    subscription = open_of(account)
    if subscription is None:
        return Membership(None, catalog.free_plan, frozenset({UNSUBSCRIBED}))
    plan = terms_of(subscription)
    return Membership(subscription, plan, _standing(subscription, plan))


def plan_of(account: Account, *, catalog: Catalog) -> Plan | None:
    """Return the plan that counts for the account, on its own terms; see `membership_of`."""
    return membership_of(account, catalog=catalog).plan


def standing_of(account: Account) -> frozenset[str]:
    """Return how the account stands: "past_due", and "unsubscribed" without a paid plan."""
    subscription = open_of(account)
    if subscription is None:
        return frozenset({UNSUBSCRIBED})
    return _standing(subscription, terms_of(subscription))


def next_change(
    subscription: Subscription | None, catalog: Catalog, *, at: datetime
) -> NextChange | None:
    """Return what comes next after `at`, as the catalog in force announces it.

    None: nothing is known.
    """
    if subscription is None:
        return None
    free = catalog.free_plan
    found = []
    if subscription.ends_at is not None:
        found.append(NextChange(subscription.ends_at, "ends", free.code if free else None))
    plan = catalog.plan(subscription.plan)
    if plan is not None and (moves_at := _moves_at(subscription, plan, at)) is not None:
        found.append(NextChange(moves_at, "moves", plan.code))
    return min(found, key=lambda change: change.at, default=None)


def terms_of(subscription: Subscription) -> Plan:
    """Return the plan on the terms that count for this subscription."""
    plan = plans.version(subscription.terms_version_id).catalog.plan(subscription.plan)
    assert plan is not None, "a subscription's version has its plan"
    return plan


def given_by(subscription: Subscription) -> Plan:
    """Return the plan on those terms, with all that it gives for as many seats as were sold."""
    return terms_of(subscription).for_seats(subscription.seats)


def catalog_of(subscription: Subscription) -> Catalog:
    """Return the catalog that it was sold by: its rules of payment count for it."""
    return plans.version(subscription.catalog_version_id).catalog


def had_trial(account: Account) -> bool:
    """Say whether its person has had a trial, of whatever plan: he gets no other.

    With this account, or with another that was seen with one of the same identities; also one
    that was told of only after what followed it.
    """
    trials = PaidPeriod.objects.filter(is_trial=True)
    return trials.filter(subscription__account__in=accounts.same_person(account)).exists()


def brought_micros(subscription: Subscription) -> int:
    """Return how many credits a subscription that is paid by periods has brought by now."""
    grants = ledger.grants(subscription.account).filter(series__endswith=f":{subscription.pk}")
    brought: int | None = grants.aggregate(total=Sum("amount_micros"))["total"]
    return brought or 0


def period_under_way(subscription: Subscription, *, at: datetime) -> PaidPeriod | None:
    """Return the period that is paid for and holds the instant `at`; None: none does."""
    begun = subscription.paid_periods.filter(taken_back_at=None, starts_at__lte=at, ends_at__gt=at)
    return begun.order_by("-starts_at").first()


def grants_of(period: PaidPeriod) -> QuerySet[Grant]:
    """Return what the windows of a period brought, and what changes of plan added to them.

    A period has as many subscriptions as it saw plans; what a window gave belongs to one of them.
    """
    account = period.subscription.account
    family = PaidPeriod.objects.filter(
        subscription__account=account, starts_at=period.starts_at, is_trial=period.is_trial
    )
    named = Q(pk__in=())
    for key in family.values_list("subscription_id", flat=True):
        named |= Q(series__endswith=f":{key}")
    return ledger.grants(account).filter(
        named, effective_at__gte=period.starts_at, effective_at__lt=period.ends_at
    )


def access_until(subscription: Subscription) -> datetime | None:
    """Return until when it counts without another payment; None: it is not paid by periods.

    The time that is paid for and the grace of the catalog that it was sold by, but never longer
    than to its own end. Grace is for who is late: paused there is none, nor after time whose money
    went back.
    """
    until = subscription.paid_until
    if until is None:
        return None
    if subscription.paused_at is None and not _went_back(subscription, after=until):
        until = periods.add_period(until, catalog_of(subscription).payments.grace)
    return min(until, subscription.ends_at or until)


def renewal_of(plan: Plan, *, currency: str, interval: str, book: str, at: datetime) -> int | None:
    """Return what `plan` asks at `at` for a later period, in micros; None: it has no such price."""
    price = prices.price_of(
        plan, currency=currency, interval=interval or None, at=at, book=book or None
    )
    return None if price is None else prices.renewal_micros(price)


def moving(catalog: Catalog, version_id: str, *, now: datetime) -> QuerySet[Subscription]:
    """Return the open subscriptions whose terms `catalog` replaces by now, in a fixed order.

    Among them those whose terms are the catalog's already, but who renew at another price than
    the one in force: an announced rise is for all, whenever they came. None of those whose terms
    and price are the same already, whatever their version.
    """
    stale = Q(pk__in=())
    for plan in catalog.plans:
        if not _moves_by(plan, now):
            continue
        subscribers = Subscription.objects.filter(ended_at=None, plan=plan.code)
        versions = subscribers.exclude(terms_version=version_id).values_list(
            "terms_version_id", flat=True
        )
        stale_versions = [
            one for one in versions.distinct() if differs(terms_by(one, plan.code), plan)
        ]
        stale |= Q(plan=plan.code, terms_version__in=stale_versions) | _at_other_prices(plan, now)
    return Subscription.objects.filter(stale, ended_at=None).order_by("pk")


def is_moving(
    subscription: Subscription, catalog: Catalog, version_id: str, *, now: datetime
) -> bool:
    """Say whether `moving` would return this one."""
    plan = catalog.plan(subscription.plan)
    if subscription.ended_at is not None or plan is None or not _moves_by(plan, now):
        return False
    if subscription.terms_version_id != version_id and differs(terms_of(subscription), plan):
        return True
    interval, currency, book, renewal = _sold(subscription)
    if renewal is None or max(subscription.started_at, subscription.moved_at or now) > now:
        return False
    asked = renewal_of(plan, currency=currency, interval=interval, book=book, at=now)
    return asked is not None and asked != renewal and bool(_instants(plan))


def moving_free(plan: Plan) -> QuerySet[Account]:
    """Return who is on the free plan, and admitted to it, but not on the terms of `plan`."""
    subscribed = Subscription.objects.filter(account=OuterRef("pk"), ended_at=None)
    shut_out = accounts.shut_out().filter(account=OuterRef("pk"))
    people = Account.objects.filter(~Exists(subscribed), ~Exists(shut_out), kind="person")
    return people.filter(wallet__in=ledger.on_other_terms(plan)).order_by("pk")


def differs(old: Plan | None, new: Plan) -> bool:
    """Say whether two plans give, allow or cost something else."""
    return old is None or said_of(old) != said_of(new)


def _moves_by(plan: Plan, now: datetime) -> bool:
    return plan.existing == "move" and (plan.moves_at is None or plan.moves_at <= now)


def _at_other_prices(plan: Plan, now: datetime) -> Q:
    """Return who renews at another price than the one in force.

    Only prices that begin or end bring that about without other terms, and only those are worth
    a look at all subscribers. A sandbox's clock may be ahead: who was sold or moved after `now`
    is left out, for he may know a later price.
    """
    found = Q(pk__in=())
    if not _instants(plan):
        return found
    known = Q(started_at__lte=now) & (Q(moved_at=None) | Q(moved_at__lte=now))
    paying = Subscription.objects.filter(
        known, ended_at=None, plan=plan.code, renewal_micros__isnull=False
    )
    for is_for_all in (False, True):  # as `seats_in_price`
        kept = paying.filter(paid_until__isnull=not is_for_all)
        sold = kept.values_list("currency", "interval", "book", "renewal_micros", "seats")
        for currency, interval, book, renewal, seats in sold.distinct().order_by():
            asked = renewal_of(plan, currency=currency, interval=interval, book=book, at=now)
            number = (seats or 1) if is_for_all else 1
            if asked is not None and asked * number != renewal:
                found |= known & Q(
                    plan=plan.code,
                    currency=currency,
                    interval=interval,
                    book=book,
                    renewal_micros=renewal,
                    seats=seats,
                    paid_until__isnull=not is_for_all,
                )
    return found


def _sold(subscription: Subscription) -> SoldFor:
    row = subscription
    return row.interval, row.currency, row.book, renewal_of_one(row)


def seats_in_price(subscription: Subscription) -> int:
    """Return for how many seats the prices in its row are: where periods are paid, for all."""
    return (subscription.seats or 1) if subscription.paid_until is not None else 1


def renewal_of_one(subscription: Subscription) -> int | None:
    """Return what a later period costs for one seat, in micros; None: it was given."""
    renewal = subscription.renewal_micros
    return None if renewal is None else renewal // seats_in_price(subscription)


def _moves_at(subscription: Subscription, plan: Plan, at: datetime) -> datetime | None:
    """Return when `plan`, of the catalog in force, replaces the subscription's terms or price.

    None: it does not, or the next sweep does.
    """
    if plan.existing != "move":
        return None
    if plan.moves_at is not None and differs(terms_of(subscription), plan):
        return plan.moves_at
    rise = rise_of(plan, _sold(subscription), after=at)
    return rise[0] if rise else None


def rise_of(plan: Plan, sold: SoldFor, *, after: datetime) -> tuple[datetime, int] | None:
    """Return from when, after an instant, later periods cost something else, and how much."""
    interval, currency, book, renewal = sold
    if renewal is None:
        return None
    begins = after if plan.moves_at is None else max(after, plan.moves_at)
    ahead = {begins} if begins > after else set()
    for at in sorted(ahead | {one for one in _instants(plan) if one > begins}):
        asked = renewal_of(plan, currency=currency, interval=interval, book=book, at=at)
        if asked is not None and asked != renewal:
            return at, asked
    return None


def _instants(plan: Plan) -> set[datetime]:
    """Return when prices of the plan begin or end."""
    ends = [one for price in plan.prices for one in (price.starts_at, price.ends_at)]
    return {one for one in ends if one is not None}


def _went_back(subscription: Subscription, *, after: datetime) -> bool:
    """Say whether the time that follows was paid for, and is not any more."""
    gone = subscription.paid_periods.exclude(taken_back_at=None)
    return gone.filter(ends_at__gt=after).exists()


def _standing(subscription: Subscription, plan: Plan) -> frozenset[str]:
    found = {UNSUBSCRIBED} if plan.free else set()
    if subscription.past_due_at is not None:
        found.add(PAST_DUE)
    return frozenset(found)


def terms_by(version_id: str, plan: str) -> Plan | None:
    """Return a plan on the terms of a catalog version; None: that has no such plan."""
    return plans.version(version_id).catalog.plan(plan)


def said_of(plan: Plan) -> dict[str, object]:
    """Return what a plan gives, allows and costs, in the catalog's words."""
    written = plan.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {name: value for name, value in written.items() if name not in _NOT_TERMS}
