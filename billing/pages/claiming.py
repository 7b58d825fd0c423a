"""The page of the check-in: today's free credits, and the same ones again on a repeat."""

import json
from typing import Any

from billing.http import idempotency
from billing.ledger import selectors
from billing.ledger import services as ledger
from billing.ledger.services import Actor
from billing.pages import saying
from billing.pages.edge import Visit
from billing.pages.links import Page
from billing.subscriptions import services as subscriptions
from plans import selectors as plans


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows before anybody has pressed its button."""
    catalog = plans.current().catalog
    wallet = ledger.open_wallet(visit.account, catalog=catalog)
    now = selectors.instant(wallet)
    claims = selectors.claims(wallet, at=now)
    soonest = min((one.at for one in claims), default=None)
    return {
        "unit": catalog.credit.name.said(),
        "is_offered": bool(claims),
        "is_open": soonest is not None and soonest <= now,
        "next": saying.instant(soonest) if soonest is not None else "",
        "balance": visit.path(Page.BALANCE),
    }


def claimed(visit: Visit) -> dict[str, Any]:
    """Claim today's credits; return what the page shows then. A repeat gives the same ones.

    Raises:
        FreeTierRefused, NothingToClaim: as `ledger.claim`.
    """
    answer = idempotency.answer_once(None, lambda: (200, _claim(visit)), now=visit.now)
    return {**facts(visit), "claim": json.loads(answer.body)}


def _claim(visit: Visit) -> dict[str, object]:
    """Do what `POST /v1/check-in` does; return what the page says of it."""
    catalog = plans.current().catalog
    locked = ledger.lock_wallet(visit.account, catalog=catalog)
    locked = subscriptions.finish_if_over(locked, visit.account, catalog=catalog)
    claim = ledger.claim(locked, actor=Actor("user", visit.account.pk))
    gone_at = claim.grant.gone_at
    return {
        "credits": saying.amount(claim.grant.amount_micros),
        "is_first": claim.first,
        "days": claim.streak_days,
        "until": saying.instant(gone_at) if gone_at is not None else "",
    }
