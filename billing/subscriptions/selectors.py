"""Which plan counts for an account."""

from billing.accounts.models import Account
from billing.subscriptions.models import Subscription
from plans.catalog.schema import Catalog, Plan


def plan_of(account: Account, *, catalog: Catalog) -> Plan | None:
    """Return the plan of the account's open subscription, else the free plan, if there is one.

    A plan that the current catalog no longer has leaves its subscribers on the free plan's
    rules; their granted credits stay as sold.
    """
    code = (
        Subscription.objects.filter(account=account, ended_at=None)
        .values_list("plan", flat=True)
        .first()
    )
    subscribed = catalog.plan(code) if code is not None else None
    return subscribed or catalog.free_plan
