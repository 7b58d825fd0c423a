"""Redeems codes: each at most as often as it may be, once by an account, and never by guessing."""

from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.http.errors import RateLimited
from billing.ledger import services as ledger
from billing.ledger.services import Actor, LockedWallet
from billing.packs import services as packs
from billing.promotions import codes
from billing.promotions.errors import AlreadyRedeemed, CampaignClosed, CodeExpired, CodeUsedUp
from billing.promotions.models import Redemption, RedemptionCode, RedemptionTry
from billing.promotions.services.granting import grant
from billing.subscriptions import selectors as memberships
from billing.subscriptions import services as subscriptions
from billing.subscriptions.errors import AlreadySubscribed
from billing.subscriptions.models import Subscription
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans

WRONG_TRIES_MAX: Final = 10
_WHILE: Final = timedelta(hours=1)


def redeem(
    *, account: Account, typed: str, by: Membership | None = None, actor: Actor
) -> Redemption | None:
    """The account has what the code gives. None: there is no such code, and the try is counted.

    None is an answer to be committed, not a refusal: a refusal would undo the count. A revoked
    code and one of the other side of the sandbox are none.

    Args:
        by: the member who does so for a pool; None: the person himself, or the platform.

    Raises:
        AccountFrozen: an operator has frozen it, or `by`; no try is counted.
        RateLimited: ten wrong codes within an hour.
        AlreadyRedeemed: by this account.
        CodeExpired: its time is over.
        CodeUsedUp: others were faster.
        CampaignClosed, CampaignExhausted, AlreadyGranted, NotIncluded: the campaign of the code
            gives this account nothing now; the code stays as good as it was.
        UnknownPlan, PlanNotOnSale: the plan of the code cannot be had now.
        AlreadySubscribed: the account is on another plan, or on one that goes on by itself.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("promotions.redeem")
    locked = ledger.lock_wallet_by(account, by=by, catalog=plans.current().catalog)
    accounts.require_not_frozen(account, by=by)
    _require_patience(account, locked.now)
    code = _lock(typed, is_sandbox=account.is_sandbox)
    if code is None:
        RedemptionTry.objects.create(account=account, created_at=locked.now)
        return None
    _require_good(code, account, locked.now)
    code.used += 1
    code.save(update_fields=["used"])
    redemption = Redemption(code=code, account=account, number=code.used, created_at=locked.now)
    _give(locked, redemption, code, actor=actor)
    redemption.save(force_insert=True)
    return redemption


def _require_patience(account: Account, now: datetime) -> None:
    """Refuse whoever has been wrong too often; older tries are forgotten."""
    tries = RedemptionTry.objects.filter(account=account)
    tries.filter(created_at__lte=now - _WHILE).delete()
    wrong = sorted(tries.values_list("created_at", flat=True))
    if len(wrong) >= WRONG_TRIES_MAX:
        wait = wrong[-WRONG_TRIES_MAX] + _WHILE - now
        raise RateLimited(
            _("Too many wrong codes; try again later."),
            retry_after_seconds=int(wait.total_seconds()) + 1,
        )


def _lock(typed: str, *, is_sandbox: bool) -> RedemptionCode | None:
    plain = codes.read(typed)
    if plain is None:
        return None
    return (
        RedemptionCode.objects.select_for_update(of=("self",))
        .filter(digest=codes.digest_of(plain), is_sandbox=is_sandbox, revoked_at=None)
        .first()
    )


def _require_good(code: RedemptionCode, account: Account, now: datetime) -> None:
    before = Redemption.objects.filter(code=code, account=account).first()
    if before is not None:
        raise AlreadyRedeemed(redemption=before.pk)
    if code.expires_at is not None and code.expires_at <= now:
        raise CodeExpired(expires_at=code.expires_at.isoformat())
    if code.used >= code.uses_max:
        raise CodeUsedUp


def _give(
    locked: LockedWallet, redemption: Redemption, code: RedemptionCode, *, actor: Actor
) -> None:
    """Put what the code gives on the account, and name it in the redemption."""
    account, fact = redemption.account, f"code:{code.pk}"
    if code.kind == RedemptionCode.Kind.CAMPAIGN:
        if plans.current().catalog.campaign(code.offer) is None:
            raise CampaignClosed(campaign=code.offer, starts_at=None, ends_at=None)
        redemption.campaign_grant = grant(
            account=account, campaign=code.offer, fact=fact, actor=actor
        )
    elif code.kind == RedemptionCode.Kind.PACK:
        redemption.purchase = packs.present(
            account=account,
            pack=code.offer,
            version_id=code.catalog_version_id,
            quantity=code.quantity,
            fact=fact,
            actor=actor,
        )
    else:
        redemption.subscription = _join(locked, account, code)


def _join(locked: LockedWallet, account: Account, code: RedemptionCode) -> Subscription:
    """Put the account on the code's plan for its period, or prolong it there by as much.

    The terms are those of the catalog version with which the code was made.
    """
    joined, since = memberships.open_of(account), locked.now
    if joined is not None and joined.ends_at is not None:
        if joined.plan != code.offer:  # a change of plan would take what is left of this one
            raise AlreadySubscribed(plan=joined.plan)
        since = joined.ends_at
    return subscriptions.begin(
        locked,
        account=account,
        plan=code.offer,
        published=plans.version(code.catalog_version_id),
        ends_at=periods.add_period(since, code.period, zone=account.zone),
    )
