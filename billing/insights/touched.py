"""Whom a new catalog touches by what he ordered of late, and by the credits that it converts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Final

from django.db.models import Sum
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.insights import history
from billing.insights.history import Sold
from billing.insights.simulate import rerated
from billing.ledger import selectors as ledger
from plans.catalog.policies import Conversion
from plans.catalog.publish import Change, Touched
from plans.catalog.schema import Catalog
from plans.catalog.values import factor_text
from plans.credits import format_micros
from plans.errors import Unpriced

LATELY: Final = timedelta(days=30)
_CHUNK: Final = 2000


@dataclass(slots=True)
class _Orders:
    """What one account ordered of late, and what the same costs then."""

    plan: str = ""
    before_micros: int = 0
    after_micros: int = 0
    unpriced: dict[str, int] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)


def touched(change: Change) -> Iterator[Touched]:
    """Yield each account whose orders of the last 30 days change, or whose credits do."""
    yield from _by_orders(change)
    for conversion in change.new.conversions:
        if change.old is None or conversion not in change.old.conversions:
            yield from _by_conversion(conversion)


def _by_orders(change: Change) -> Iterator[Touched]:
    if change.old is None:
        return
    sold = history.sold(since=change.now - LATELY, is_sandbox=False)
    for account_id, jobs in groupby(sold, key=lambda job: job.account_id):
        orders = _Orders()
        for job in jobs:
            _count(orders, job, change.old, change)
        rows = list(_rows(orders, change.old, change.new))
        if rows:
            external_id = Account.objects.values_list("external_id", flat=True).get(pk=account_id)
            for kind, before, after in rows:
                yield Touched(external_id, "", orders.plan, kind, before, after)


def _count(orders: _Orders, job: Sold, old: Catalog, change: Change) -> None:
    orders.plan = job.plan
    orders.models.add(job.model)
    try:
        before = rerated(job, old, at=change.now)
    except Unpriced:
        return  # nobody can order it today: nothing changes for it
    try:
        after = rerated(job, change.new, at=change.at)
    except Unpriced:
        orders.unpriced[job.model] = orders.unpriced.get(job.model, 0) + 1
        return
    orders.before_micros += before
    orders.after_micros += after


def _rows(orders: _Orders, old: Catalog, new: Catalog) -> Iterator[tuple[str, str, str]]:
    for code in sorted(orders.models):
        before, after = old.model(code), new.model(code)
        if before is None or before == after:
            continue
        if after is None or (after.ends_at is not None and after.ends_at != before.ends_at):
            yield "model_retired", code, _fate(new, code)
    for code, count in sorted(orders.unpriced.items()):
        if new.model(code) is not None:
            yield (
                "unpriced",
                _("%(count)s orders of %(model)s") % {"count": count, "model": code},
                _("no price"),
            )
    if orders.before_micros != orders.after_micros:
        kind = "dearer" if orders.after_micros > orders.before_micros else "cheaper"
        yield kind, _credits(orders.before_micros), _credits(orders.after_micros)


def _fate(new: Catalog, code: str) -> str:
    model = new.model(code)
    if model is None or model.ends_at is None:
        return _("gone")
    said = _("until %(at)s") % {"at": model.ends_at.isoformat()}
    if model.successor is None:
        return said
    return _("%(said)s, then %(model)s") % {"said": said, "model": model.successor}


def _by_conversion(conversion: Conversion) -> Iterator[Touched]:
    """Yield each account that has credits which the conversion will end, whenever it begins."""
    holders = (
        ledger.to_convert(conversion)
        .values_list("wallet__account__external_id")
        .annotate(left=Sum("available_micros"))
        .order_by("wallet__account__external_id")
    )
    factor = conversion.factor
    for external_id, left in holders.iterator(chunk_size=_CHUNK):
        after = left * factor.numerator // factor.denominator
        said = _("%(credits)s from %(at)s on (times %(factor)s)") % {
            "credits": _credits(after),
            "at": conversion.at.isoformat(),
            "factor": factor_text(factor),
        }
        yield Touched(external_id, "", "", "conversion", _credits(left), said)


def _credits(micros: int) -> str:
    return _("%(credits)s credits") % {"credits": format_micros(micros)}
