"""Puts accounts on plans: the plan's allowances begin in the wallet in the same transaction."""

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.subscriptions.errors import UnknownPlan
from billing.subscriptions.models import Subscription
from plans import selectors as plans


@transaction.atomic(durable=True)
def start(*, account: Account, plan: str) -> Subscription:
    """Put the account on `plan` from now on; what the plan gives at once is in the wallet.

    The account's former plan and its allowances end; credits already granted stay as sold. A
    repeat with the plan that the account is on changes nothing.

    Raises:
        UnknownPlan: the current catalog has no such plan.
    """
    published = plans.current()
    terms = {one.code: one for one in published.catalog.plans}
    if plan not in terms:
        raise UnknownPlan(plan=plan, known=sorted(terms))
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    before = Subscription.objects.filter(account=account, ended_at=None).first()
    if before is not None and before.plan == plan:
        return before
    if before is not None:
        before.ended_at = max(locked.now, before.started_at)
        before.save(update_fields=["ended_at"])
    ledger.start_allowances(locked, terms[plan], zone=account.zone)
    return Subscription.objects.create(
        account=account, catalog_version_id=published.version_id, plan=plan, started_at=locked.now
    )
