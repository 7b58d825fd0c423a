"""What an account without a subscription had to spend in a stretch of time, by either catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from billing.accounts.models import Account
from billing.ledger import living
from billing.ledger import selectors as ledger
from billing.ledger.lots import Lot
from billing.ledger.schedules import series_code
from plans.catalog.schema import Catalog


def lots_of(account: Account, *, since: datetime, until: datetime) -> list[Lot]:
    """Return what the account had at `since` and what came until `until`, as it came."""
    wallet = account.wallet
    there: list[Lot] = []
    if wallet.created_at < since:
        then = living.lived(wallet, at=since, happened=())
        there = [
            replace(lot, available_micros=lot.available_micros + lot.held_micros, held_micros=0)
            for lot in then.lots.values()
            if lot.available_micros + lot.held_micros
        ]
    known = {lot.id for lot in there}
    came = ledger.grants(account).filter(effective_at__gte=since, effective_at__lt=until)
    return there + [
        Lot(
            id=grant.pk,
            source=grant.source,
            priority=grant.priority,
            effective_at=grant.effective_at,
            expires_at=grant.expires_at,
            available_micros=grant.amount_micros,
            series=grant.series,
            scope=grant.scope,
            is_bought=grant.paid_micros > 0,
        )
        for grant in came
        if grant.pk not in known
    ]


def given_by(catalog: Catalog) -> Mapping[str, int]:
    """Return by series how many credits each allowance of the free plan brings, in micros."""
    plan = catalog.free_plan
    if plan is None:
        return {}
    return {
        series_code(plan.code, one): one.credits_micros
        for one in plan.allowances
        if one.credits_micros
    }


def by_allowances(
    lots: Sequence[Lot], *, since: datetime, old: Mapping[str, int], new: Mapping[str, int]
) -> list[Lot]:
    """Return the same lots with the allowances that came since then as the new ones would be.

    Args:
        old, new: what each allowance brings by either catalog; one that the new one lacks brings
            nothing, one that both know in the same share as before.
    """
    return [
        replace(lot, available_micros=lot.available_micros * new.get(lot.series, 0) // was)
        if lot.effective_at >= since and (was := old.get(lot.series, 0))
        else lot
        for lot in lots
    ]
