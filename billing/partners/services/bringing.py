"""An account has a code, and others come by it: each once, and only who is new."""

import secrets
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.accounts import selectors as account_selectors
from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.jobs import selectors as jobs
from billing.ledger import selectors as wallets
from billing.ledger import services as ledger
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.partners import codes, selectors
from billing.partners.errors import (
    AlreadyReferred,
    NotAPartner,
    NotNew,
    OwnCode,
    ProgrammeClosed,
    ReferralLimit,
)
from billing.partners.models import Referral, ReferralCode
from billing.partners.selectors import Terms
from billing.partners.services import earning, paying
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans

_TRIES: Final = 5


@transaction.atomic(durable=True)
def link(*, account: Account, programme: str, now: datetime) -> ReferralCode:
    """The account has its code of the programme, made at the first ask. A repeat changes nothing.

    Raises:
        NotFound: the catalog has no such programme.
        NotAPartner: it is for partners, and the account is none now.
    """
    terms = selectors.programme(plans.current().catalog, programme)
    partner = selectors.partner(account, terms.code)
    if terms.kind == "partner" and (partner is None or not selectors.is_partner(partner, at=now)):
        raise NotAPartner(programme=programme)
    for _try in range(_TRIES):
        known = ReferralCode.objects.filter(account=account, programme=programme).first()
        if known is not None:
            return known
        ReferralCode.objects.bulk_create(
            [
                ReferralCode(
                    code=codes.written(secrets.randbits(codes.BITS)),
                    account=account,
                    programme=programme,
                    created_at=now,
                )
            ],
            ignore_conflicts=True,  # another first ask, or, once in a trillion, another's code
        )
    return ReferralCode.objects.get(account=account, programme=programme)


def accept(*, account: Account, typed: str, now: datetime) -> Referral:
    """The account came by the code, once in its life; what it is welcomed with is in its wallet.

    From now on what it does may earn its referrer something. A repeat with the same code changes
    nothing. A code is no secret, so a wrong one is not counted.

    Args:
        now: the real instant, for workers; the referral's own is that of the wallet.

    Raises:
        NotFound: there is no such code on this side of the sandbox.
        OwnCode: it is the account's own.
        AccountFrozen: an operator has frozen it.
        AlreadyReferred: it came by another.
        ProgrammeClosed: nobody can come by it now.
        NotNew: the account is as old as its referrer's or older, has ordered, or is too late.
        ReferralLimit: as many came by it as can.
    """
    require_transaction("partners.accept")
    published = plans.current()
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    code = selectors.lock_code(typed, is_sandbox=account.is_sandbox)
    if code.account_id == account.pk:
        raise OwnCode
    if (before := Referral.objects.filter(account=account).first()) is not None:
        if before.code_id == code.pk:
            return before
        raise AlreadyReferred(referral=before.pk)
    account_selectors.require_not_frozen(account)
    terms = selectors.terms_of(code, published)
    if terms is None or not terms.is_open(locked.now):
        raise ProgrammeClosed(programme=code.programme)
    _require_new(account, code, terms, locked.now)
    referral = _placed(account, code, terms, locked.now)
    referral.looked_at = now
    referral.save(force_insert=True)
    accounts.follow(account, is_followed=True)
    welcome = earning.welcome(referral, terms)
    if welcome is not None:
        paying.settle(welcome, locked)
    outbox.post(TaskName.LOOK_AT_REFERRAL, now=now, account_id=account.pk)
    return referral


def _require_new(account: Account, code: ReferralCode, terms: Terms, at: datetime) -> None:
    """Refuse whoever was here before his referrer, before an order, or too long ago.

    The first makes circles impossible without looking for any: each referral points back.
    """
    within = terms.programme.join_within
    if account.pk <= code.account_id:
        raise NotNew(why="older_than_referrer", within=within)
    if periods.add_period(account.created_at, within, zone=account.zone) <= at:
        raise NotNew(why="too_late", within=within)
    if jobs.has_ordered(account):
        raise NotNew(why="has_ordered", within=within)


def _placed(account: Account, code: ReferralCode, terms: Terms, at: datetime) -> Referral:
    """Return the referral with its number in the window of the one who brings; not yet written."""
    programme = terms.programme
    window, resets_at = wallets.zones_of(code.account).calendar(programme.per, at)
    had = Referral.objects.filter(code=code, window=window).count()
    if programme.max_referrals is not None and had >= programme.max_referrals:
        raise ReferralLimit(
            most=programme.max_referrals, resets_at=resets_at.isoformat() if resets_at else None
        )
    counts_until = periods.add_period(at, programme.within, zone=account.zone)
    return Referral(
        account=account,
        referrer=code.account,
        code=code,
        catalog_version_id=terms.version_id,
        window=window,
        number=had + 1,
        number_max=programme.max_referrals,
        came_at=at,
        counts_until=counts_until,
    )
