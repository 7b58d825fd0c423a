"""Lets the free plan's allowances follow who is admitted to them, and who no longer is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.accounts import selectors as account_selectors
from billing.accounts import services as accounts
from billing.accounts.errors import FreeTierRefused
from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.subscriptions import selectors
from billing.subscriptions.services.ending import finish_if_over
from billing.sweeps import Sweep, fairly
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.catalog.schema import Catalog

_BATCH: Final = 100


def tell_signals(
    *, account: Account, told: Mapping[Signal, str], now: datetime
) -> FreeTierRefused | None:
    """The account has been seen with these values; return what keeps it from the free tier.

    Whom they admit has the free plan's allowances at once, unless he is on another plan: then
    once that ends. Whose identity had its free tier with another account gets nothing more;
    what came is his. In the caller's transaction; a repeat changes nothing.

    Raises:
        InvalidSignal: a value is none of its kind; nothing is kept.
    """
    require_transaction("subscriptions.tell_signals")
    catalog = plans.current().catalog
    accounts.note_signals(account, told, now=now)
    _follow(account, catalog)
    return account_selectors.free_tier_refusal(account.pk, catalog=catalog, is_for_platform=True)


@transaction.atomic(durable=True)
def admit_by_hand(*, account: Account, operator: str, note: str) -> None:
    """The account is admitted to the free tier by an operator's word, which stands.

    On the free plan its allowances begin. A repeat changes nothing.

    Args:
        note: why, in 1 to 200 characters.
    """
    catalog = plans.current().catalog
    locked = ledger.lock_wallet(account, catalog=catalog)
    accounts.admit_by_hand(
        account.pk, catalog=catalog, operator=operator, note=note, now=locked.now
    )
    _follow(account, catalog)


def admit_due(*, limit: int = _BATCH) -> int:
    """Ask again for up to `limit` accounts whose cap has begun anew; return how many.

    Who was first in the queue is asked first. One that fails does not keep the others waiting.
    """
    waiting = account_selectors.to_ask_again().select_related("account")
    catalog = plans.current().catalog
    sweep = Sweep("admission_stumbled")
    for account in [tier.account for tier in fairly(waiting, limit=limit)]:
        with sweep.row(account_id=account.pk), transaction.atomic(durable=True):
            _follow(account, catalog)
    return sweep.done


def admit_again(*, account: Account) -> None:
    """Ask again for an account whose cap has begun anew by its clock. A repeat does no harm."""
    require_transaction("subscriptions.admit_again")
    if account_selectors.to_ask_again().filter(account=account).exists():
        _follow(account, plans.current().catalog)


def _follow(account: Account, catalog: Catalog) -> None:
    """Begin or end the free plan's allowances as the account's admission says."""
    locked = ledger.lock_wallet(account, catalog=catalog)
    locked = finish_if_over(locked, account, catalog=catalog)
    membership = selectors.membership_of(account, catalog=catalog)
    plan = membership.plan
    if plan is None or not plan.free:
        return  # asked when the free plan begins
    if not account.is_person:
        return  # what is given free is for people
    has_them = ledger_selectors.has_allowances(locked.id, at=locked.now)
    admitted = accounts.admit(account.pk, catalog=catalog, now=locked.now, is_under_way=has_them)
    if admitted and not has_them:
        ledger.start_allowances(locked, plan, zone=account.zone)
    elif has_them and not admitted:
        ledger.end_allowances(locked)
    else:
        ledger.settle(locked)
