"""Which plan counts for an account, how it stands, and whom a new catalog touches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.ledger import selectors as ledger
from billing.subscriptions.models import Subscription
from plans import prices
from plans import selectors as plans
from plans.catalog import diff
from plans.catalog.offers import Plan
from plans.catalog.publish import Change, Touched
from plans.catalog.schema import Catalog
from plans.credits import format_micros

PAST_DUE: Final = "past_due"
UNSUBSCRIBED: Final = "unsubscribed"
_CHUNK: Final = 2000
_Row = tuple[str, str, str]
_Sold = tuple[str, str, str, int | None]  # interval, currency, book, renewal in micros
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
    return (
        Subscription.objects.filter(account=account, ended_at=None)
        .filter(Q(ends_at=None) | Q(ends_at__gt=Now() + F("account__wallet__clock_offset")))
        .first()
    )


def paid_for(account: Account, *, since: datetime, until: datetime) -> QuerySet[Subscription]:
    """Return what the account began for a price from `since` on and before `until`."""
    return Subscription.objects.filter(
        account=account, price_micros__gt=0, started_at__gte=since, started_at__lt=until
    )


def end_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the subscriptions of these accounts end by themselves, where one will."""
    given = Subscription.objects.filter(account__in=account_ids, ended_at=None)
    rows = given.values_list("account_id", "ends_at")
    return {account_id: at for account_id, at in rows if at is not None}


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
            one for one in versions.distinct() if differs(_terms(one, plan.code), plan)
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
    return old is None or _said(old) != _said(new)


def to_end() -> QuerySet[Subscription]:
    """Return the open subscriptions whose end has come by their wallet's clock, oldest first."""
    return Subscription.objects.filter(
        ended_at=None, ends_at__lte=Now() + F("account__wallet__clock_offset")
    ).order_by("ends_at")


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
    sold = paying.values_list("currency", "interval", "book", "renewal_micros")
    for currency, interval, book, renewal in sold.distinct().order_by():
        asked = renewal_of(plan, currency=currency, interval=interval, book=book, at=now)
        if asked is not None and asked != renewal:
            found |= known & Q(
                plan=plan.code,
                currency=currency,
                interval=interval,
                book=book,
                renewal_micros=renewal,
            )
    return found


def _sold(subscription: Subscription) -> _Sold:
    row = subscription
    return row.interval, row.currency, row.book, row.renewal_micros


def _moves_at(subscription: Subscription, plan: Plan, at: datetime) -> datetime | None:
    """Return when `plan`, of the catalog in force, replaces the subscription's terms or price.

    None: it does not, or the next sweep does.
    """
    if plan.existing != "move":
        return None
    if plan.moves_at is not None and differs(terms_of(subscription), plan):
        return plan.moves_at
    rise = _rise(plan, _sold(subscription), after=at)
    return rise[0] if rise else None


def _rise(plan: Plan, sold: _Sold, *, after: datetime) -> tuple[datetime, int] | None:
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


# -- whom a new catalog touches ------------------------------------------------------------------
def touched(change: Change) -> Iterator[Touched]:
    """Yield each open subscription that the change touches, and each account on the free plan.

    One row for each thing that changes; a subscriber who keeps what he was sold is named too.
    """
    before = change.old
    groups = Subscription.objects.filter(ended_at=None).values_list(
        *("plan", "terms_version_id", "interval", "currency", "book", "renewal_micros")
    )
    for plan, version_id, interval, currency, book, renewal in groups.distinct().order_by():
        terms = _terms(version_id, plan)
        assert terms is not None, "a subscription's version has its plan"
        sold = (interval, currency, book, renewal)
        rows = list(_changes(terms, change.new.plan(plan), sold, change))
        if rows:
            subscribers = Subscription.objects.filter(
                ended_at=None,
                plan=plan,
                terms_version=version_id,
                interval=interval,
                currency=currency,
                book=book,
                renewal_micros=renewal,
            )
            yield from _each(subscribers, plan, rows)
    if before is not None and before.free_plan is not None:
        rows = list(_free_changes(before.free_plan, change.new.free_plan))
        if rows:
            yield from _each_free(before.free_plan.code, rows)


def _changes(terms: Plan, new: Plan | None, sold: _Sold, change: Change) -> Iterator[_Row]:
    """Yield what changes for subscribers on `terms`: a kind, what is, and what will be."""
    if new is None:
        yield "plan_gone", terms.code, _("they keep what they were sold")
        return
    if new.existing == "keep":
        if differs(terms, new):
            yield "keeps", terms.code, _("they keep what they were sold")
        return
    at = change.at if new.moves_at is None else max(change.at, new.moves_at)
    yield from _price_change(new, sold, at)
    yield from _terms_changes(terms, new)


def _price_change(new: Plan, sold: _Sold, at: datetime) -> Iterator[_Row]:
    """Yield the price of later periods where it becomes another, at once or as is announced."""
    interval, currency, book, renewal = sold
    if renewal is None:
        return
    spoken = f"{currency}/{interval}"
    was = f"{format_micros(renewal)} {spoken}"
    asked = renewal_of(new, currency=currency, interval=interval, book=book, at=at)
    if asked is not None and asked != renewal:
        yield "price", was, f"{format_micros(asked)} {spoken}"
    elif (rise := _rise(new, sold, after=at)) is not None:
        since, asked = rise
        will = _("%(price)s from %(at)s") % {
            "price": f"{format_micros(asked)} {spoken}",
            "at": since.isoformat(),
        }
        yield "price", was, will


def _terms_changes(old: Plan, new: Plan) -> Iterator[_Row]:
    was, will = _said(old), _said(new)
    for kind, key in (("allowances", "allowance"), ("entitlements", "entitlements")):
        left = diff.leaves({key: was.get(key)})
        right = diff.leaves({key: will.get(key)})
        changed = [name for name in {**left, **right} if left.get(name) != right.get(name)]
        if changed:
            yield kind, _listed(left, changed), _listed(right, changed)


def _free_changes(old: Plan, new: Plan | None) -> Iterator[_Row]:
    """Yield what changes for accounts without a subscription: what a plan allows, at once."""
    if new is None:
        yield "plan_gone", old.code, _("nothing: there is no free plan")
        return
    for row in _terms_changes(old, new):
        if row[0] == "entitlements" or new.existing == "move":
            yield row
        else:
            yield "keeps", row[1], _("wallets that are open keep their allowances")


def _each(subscribers: QuerySet[Subscription], plan: str, rows: list[_Row]) -> Iterator[Touched]:
    found = subscribers.order_by("pk").values_list("account__external_id", "pk")
    for external_id, subscription_id in found.iterator(chunk_size=_CHUNK):
        for kind, was, will in rows:
            yield Touched(external_id, subscription_id, plan, kind, was, will)


def _each_free(plan: str, rows: list[_Row]) -> Iterator[Touched]:
    subscribed = Subscription.objects.filter(account=OuterRef("pk"), ended_at=None)
    unsubscribed = Account.objects.filter(~Exists(subscribed), wallet__isnull=False)
    found = unsubscribed.order_by("pk").values_list("external_id", flat=True)
    for external_id in found.iterator(chunk_size=_CHUNK):
        for kind, was, will in rows:
            yield Touched(external_id, "", plan, kind, was, will)


def _standing(subscription: Subscription, plan: Plan) -> frozenset[str]:
    found = {UNSUBSCRIBED} if plan.free else set()
    if subscription.past_due_at is not None:
        found.add(PAST_DUE)
    return frozenset(found)


def _terms(version_id: str, plan: str) -> Plan | None:
    return plans.version(version_id).catalog.plan(plan)


def _said(plan: Plan) -> dict[str, object]:
    written = plan.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {name: value for name, value in written.items() if name not in _NOT_TERMS}


def _listed(leaves: dict[str, str], names: list[str]) -> str:
    said = [
        f"{name.removeprefix('entitlements.').removeprefix('allowance ')}: {leaves[name]}"
        for name in names
        if name in leaves
    ]
    return "; ".join(said) or _("nothing")
