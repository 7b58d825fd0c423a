"""Time that is paid for follows its money: it ends when all of that is gone, and comes again."""

from django.db.models import Sum

from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.payments.models import Purchase, Refund
from billing.payments.services import disputing, following, taking, tracing
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction


def follow_time(locked: LockedWallet, purchase: Purchase) -> LockedWallet:
    """Each period that a purchase has paid for lasts as its money says; return the wallet.

    It is unpaid when the money of all who paid for it is gone for good, and paid again if that
    turns out not to be so, unless it goes back for want of anything that could be given: see
    `is_in_vain`. A repeat changes nothing.

    Args:
        locked: the wallet of the purchase's account; whoever goes on takes what is returned.
        purchase: locked after it; its contract before.
    """
    require_transaction("payments.lasting.follow_time")
    for time in tracing.time_of(purchase):
        if all(is_gone(payer) for payer in time.payers):
            locked = subscriptions.take_time_back(
                locked, purchase.account, starts_at=time.starts_at
            )
        elif not _is_going_back(purchase):
            locked, again = subscriptions.give_time_again(
                locked,
                purchase.account,
                starts_at=time.starts_at,
                resumes=_collected_for(purchase),
                is_owed=any(taking.owed_micros(payer) for payer in time.payers),
            )
            if again is not None and (contract := purchase.contract) is not None:
                contract.subscription = again
                contract.save(update_fields=["subscription"])
                following.follow(locked, contract)
                locked = ledger.lock_wallet(purchase.account, catalog=locked.catalog)
    return locked


def is_in_vain(purchase: Purchase) -> bool:
    """Say whether its money has come again, and the time that it paid for could not be given again.

    That had lapsed for want of it, and is over, or meanwhile its contract has ended, or the account
    is on another subscription. Money that pays what is still owed for its credits is not in vain.
    """
    if not purchase.refunds.exists() and not purchase.disputes.exists():
        return False
    return any(
        subscriptions.is_not_given_again(purchase.account, starts_at=time.starts_at)
        for time in tracing.time_of(purchase)
        if not all(is_gone(payer) for payer in time.payers)
    )


def is_gone(purchase: Purchase) -> bool:
    """Say whether all of its money is gone for good, or was given back by the rule of a pack.

    What is only on its way back may yet come again.
    """
    refunds = purchase.refunds
    if refunds.filter(state__in=taking.GOES_BACK, rule=Refund.Rule.COOLING_OFF).exists():
        return True
    back = refunds.filter(state=Refund.State.SUCCEEDED).aggregate(total=Sum("amount_micros"))
    lost_micros = disputing.taken_micros(purchase, lost_only=True)
    return 0 < purchase.amount_micros <= (back["total"] or 0) + lost_micros


def _is_going_back(purchase: Purchase) -> bool:
    """Say whether what could not be given is on its way back, or waits for a bank."""
    return purchase.refunds.filter(
        state__in=(Refund.State.REQUESTED, *taking.GOES_BACK), rule=Refund.Rule.NOT_GIVEN
    ).exists()


def _collected_for(purchase: Purchase) -> str:
    """Return the subscription for which the purchase's contract goes on; empty: there is none."""
    contract = purchase.contract
    if contract is None or contract.ended_at is not None:
        return ""
    return contract.subscription_id or ""
