"""Gives an account its share of a campaign, never beyond the budget."""

import secrets
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger import selectors as wallets
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.packs.errors import NotIncluded
from billing.promotions import selectors
from billing.promotions.errors import AlreadyGranted, CampaignClosed, CampaignExhausted
from billing.promotions.models import CampaignBudget, CampaignGrant
from billing.subscriptions import selectors as subscriptions
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.catalog.allowances import Campaign
from plans.catalog.schema import Catalog

_PLACES: Final = 6  # decimals of a micro


def grant(
    *,
    account: Account,
    campaign: str,
    fact: str,
    reason: str = "",
    amount_micros: int | None = None,
    earned_at: datetime | None = None,
    actor: Actor,
) -> CampaignGrant:
    """The account has a share of the campaign, by the terms of the catalog in force.

    An amount by chance is decided here, once. A repeat with the same fact changes nothing and
    returns the first share.

    Args:
        fact: business key; an account has at most one share of a campaign for each.
        amount_micros: what somebody was promised; None: what the campaign gives.
        earned_at: when it was promised, so that the campaign must have been open then; None: now.

    Raises:
        NotFound: the catalog has no such campaign.
        CampaignClosed: it has not begun, or is over.
        NotIncluded: it is for other plans.
        AlreadyGranted: the account has had its share, of this day or month.
        CampaignExhausted: the budget does not reach.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("promotions.grant")
    published = plans.current()
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    before = CampaignGrant.objects.filter(account=account, budget__campaign=campaign, fact=fact)
    if (first := before.first()) is not None:
        return first
    terms = selectors.campaign(published.catalog, campaign)
    _require_open(terms, earned_at or locked.now)
    _require_plan(account, published.catalog, terms)
    window, number = _place(account, terms, locked.now)
    share = CampaignGrant(
        id=new_id("cg"),
        account=account,
        catalog_version_id=published.version_id,
        fact=fact,
        window=window,
        number=number,
        number_max=terms.per_account,
        amount_micros=amount_micros or _amount(terms, decimals=published.catalog.credit.decimals),
        created_at=locked.now,
    )
    _take(share, terms, is_sandbox=account.is_sandbox)
    return _give(locked, share, terms, reason=reason, actor=actor)


def _require_open(terms: Campaign, at: datetime) -> None:
    begun = terms.starts_at is None or terms.starts_at <= at
    if begun and (terms.ends_at is None or at < terms.ends_at):
        return
    raise CampaignClosed(
        campaign=terms.code,
        starts_at=terms.starts_at.isoformat() if terms.starts_at else None,
        ends_at=terms.ends_at.isoformat() if terms.ends_at else None,
    )


def _require_plan(account: Account, catalog: Catalog, terms: Campaign) -> None:
    if not terms.plans:
        return
    plan = subscriptions.plan_of(account, catalog=catalog)
    if plan is not None and plan.code in terms.plans:
        return
    raise NotIncluded(
        _("The campaign %(campaign)s is for other plans: %(plans)s.")
        % {"campaign": terms.name.said(), "plans": ", ".join(terms.plans)},
        entitlement="campaign",
        limit=", ".join(terms.plans),
        required_plan=next((one.code for one in catalog.plans if one.code in terms.plans), None),
    )


def _place(account: Account, terms: Campaign, at: datetime) -> tuple[str, int]:
    """Return the window that the share would count in, and its number there."""
    window, resets_at = wallets.zones_of(account).calendar(terms.per, at)
    had = CampaignGrant.objects.filter(
        account=account, budget__campaign=terms.code, window=window
    ).count()
    if had >= terms.per_account:
        raise AlreadyGranted(
            campaign=terms.code,
            times=terms.per_account,
            resets_at=resets_at.isoformat() if resets_at else None,
        )
    return window, had + 1


def _amount(terms: Campaign, *, decimals: int) -> int:
    """Return the share's credits; by chance, every amount that the unit can show is as likely."""
    if terms.credits_micros is not None:
        return terms.credits_micros
    low, high = terms.credits_min_micros, terms.credits_max_micros
    assert low is not None, "a range has two ends"
    assert high is not None, "a range has two ends"
    step: int = 10 ** (_PLACES - decimals)
    return low + secrets.randbelow((high - low) // step + 1) * step


def _take(share: CampaignGrant, terms: Campaign, *, is_sandbox: bool) -> None:
    """Take the share out of the budget, whose row this transaction holds from here on.

    The budget in force is the catalog's: raised there, it is raised here; lowered, what was given
    stays given and nothing more is.
    """
    CampaignBudget.objects.bulk_create(
        [
            CampaignBudget(
                campaign=terms.code, is_sandbox=is_sandbox, budget_micros=terms.budget_micros
            )
        ],
        ignore_conflicts=True,  # all shares but the first
    )
    budget = CampaignBudget.objects.select_for_update().get(
        campaign=terms.code, is_sandbox=is_sandbox
    )
    granted_micros = budget.granted_micros + share.amount_micros
    if granted_micros > terms.budget_micros:
        raise CampaignExhausted(campaign=terms.code)
    budget.granted_micros = granted_micros
    budget.budget_micros = terms.budget_micros
    budget.save(update_fields=["granted_micros", "budget_micros"])
    share.budget, share.granted_after_micros = budget, granted_micros


def _give(
    locked: LockedWallet, share: CampaignGrant, terms: Campaign, *, reason: str, actor: Actor
) -> CampaignGrant:
    given = ledger.terms_of(
        terms,
        amount_micros=share.amount_micros,
        fact=f"campaign:{share.pk}",
        zone=share.account.zone,
        at=locked.now,
        reason=reason,
    )
    cause = Cause("campaign", terms.code)
    share.grant = ledger.grant(locked, given, cause=cause, actor=actor)
    share.save(force_insert=True)
    return share
