"""Whom a new catalog touches, and how."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.subscriptions.models import Subscription
from billing.subscriptions.selectors.members import (
    SoldFor,
    differs,
    renewal_of,
    rise_of,
    said_of,
    terms_by,
)
from plans.catalog import diff
from plans.catalog.offers import Plan
from plans.catalog.publish import Change, Touched
from plans.catalog.schema import Catalog
from plans.credits import format_micros

_CHUNK: Final = 2000
_Row = tuple[str, str, str]
# As `renewal_of_one`: what the catalog asks is for one seat.
_RENEWAL_OF_ONE: Final = Case(
    When(paid_until__isnull=False, then=F("renewal_micros") / Coalesce(F("seats"), 1)),
    default=F("renewal_micros"),
    output_field=BigIntegerField(),
)


def touched(change: Change) -> Iterator[Touched]:
    """Yield each open subscription that the change touches, and each account on the free plan.

    One row for each thing that changes; a subscriber who keeps what he was sold is named too. How
    a sale is paid (methods, codes, cooling-off) concerns later buyers alone, and touches nobody.
    """
    before = change.old
    open_ones = Subscription.objects.filter(ended_at=None).annotate(of_one=_RENEWAL_OF_ONE)
    groups = open_ones.values_list(
        *("plan", "terms_version_id", "interval", "currency", "book", "of_one")
    )
    for plan, version_id, interval, currency, book, renewal in groups.distinct().order_by():
        terms = terms_by(version_id, plan)
        assert terms is not None, "a subscription's version has its plan"
        sold = (interval, currency, book, renewal)
        rows = list(_changes(terms, change.new.plan(plan), sold, change))
        if rows:
            subscribers = open_ones.filter(
                plan=plan,
                terms_version=version_id,
                interval=interval,
                currency=currency,
                book=book,
                of_one=renewal,
            )
            yield from _each(subscribers, plan, rows)
    if before is not None:
        rows = list(_rule_changes(before, change.new))
        if rows:
            yield from _each_paid(rows)
    if before is not None and before.free_plan is not None:
        rows = list(_free_changes(before.free_plan, change.new.free_plan))
        if rows:
            yield from _each_free(before.free_plan.code, rows)


def _changes(terms: Plan, new: Plan | None, sold: SoldFor, change: Change) -> Iterator[_Row]:
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


def _price_change(new: Plan, sold: SoldFor, at: datetime) -> Iterator[_Row]:
    """Yield the price of later periods where it becomes another, at once or as is announced."""
    interval, currency, book, renewal = sold
    if renewal is None:
        return
    spoken = f"{currency}/{interval}"
    was = f"{format_micros(renewal)} {spoken}"
    asked = renewal_of(new, currency=currency, interval=interval, book=book, at=at)
    if asked is not None and asked != renewal:
        yield "price", was, f"{format_micros(asked)} {spoken}"
    elif (rise := rise_of(new, sold, after=at)) is not None:
        since, asked = rise
        will = _("%(price)s from %(at)s") % {
            "price": f"{format_micros(asked)} {spoken}",
            "at": since.isoformat(),
        }
        yield "price", was, will


def _terms_changes(old: Plan, new: Plan) -> Iterator[_Row]:
    was, will = said_of(old), said_of(new)
    for kind, key in (("allowances", "allowance"), ("entitlements", "entitlements")):
        for _key, before, after in _differences({key: was.get(key)}, {key: will.get(key)}):
            yield kind, before, after


def _rule_changes(old: Catalog, new: Catalog) -> Iterator[_Row]:
    """Yield what changes for whoever pays by periods, whatever plan he is on.

    Grace and being past due stay as they were sold; how a plan is changed is as the catalog says
    that is in force by then.
    """
    for _name, was, _will in _differences(_when_unpaid(old), _when_unpaid(new)):
        yield "payments", was, _("they keep what they were sold")
    yield from _differences(
        {"change_policy": old.change_policy.model_dump(mode="json", exclude={"ref"})},
        {"change_policy": new.change_policy.model_dump(mode="json", exclude={"ref"})},
    )


def _when_unpaid(catalog: Catalog) -> dict[str, object]:
    """Return what a catalog says of periods that are not paid in time."""
    said = catalog.payments.model_dump(mode="json", include={"grace", "past_due"})
    return {"payments": said}


def _differences(old: dict[str, object], new: dict[str, object]) -> Iterator[_Row]:
    """Yield by its name what of each table is not as it was."""
    for kind, table in old.items():
        left, right = diff.leaves({kind: table}), diff.leaves({kind: new[kind]})
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


def _each_paid(rows: list[_Row]) -> Iterator[Touched]:
    paid = Subscription.objects.filter(ended_at=None, anchor_at__isnull=False).order_by("pk")
    found = paid.values_list("account__external_id", "pk", "plan")
    for external_id, subscription_id, plan in found.iterator(chunk_size=_CHUNK):
        for kind, was, will in rows:
            yield Touched(external_id, subscription_id, plan, kind, was, will)


def _each_free(plan: str, rows: list[_Row]) -> Iterator[Touched]:
    subscribed = Subscription.objects.filter(account=OuterRef("pk"), ended_at=None)
    unsubscribed = Account.objects.filter(~Exists(subscribed), wallet__isnull=False)
    found = unsubscribed.order_by("pk").values_list("external_id", flat=True)
    for external_id in found.iterator(chunk_size=_CHUNK):
        for kind, was, will in rows:
            yield Touched(external_id, "", plan, kind, was, will)


def _listed(leaves: dict[str, str], names: list[str]) -> str:
    said = [f"{_short(name)}: {leaves[name]}" for name in names if name in leaves]
    return "; ".join(said) or _("nothing")


def _short(name: str) -> str:
    """Return the path of a value without the table, which its row names already."""
    for table in ("entitlements.", "allowance ", "payments.", "change_policy."):
        name = name.removeprefix(table)
    return name
