"""Which plan counts for an account."""

from django.db.models import Count
from django.utils.translation import gettext as _

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


def touched(old: Catalog | None, new: Catalog) -> list[str]:
    """Return whom the step from `old` to `new` touches, a line for each plan that changes."""
    before = {plan.code: plan for plan in old.plans} if old is not None else {}
    changed = {code for code, plan in before.items() if new.plan(code) != plan}
    subscribers = (
        Subscription.objects.filter(ended_at=None, plan__in=changed)
        .values("plan")
        .annotate(accounts=Count("id"))
        .order_by("plan")
    )
    return [
        _("%(accounts)s accounts are on the plan %(plan)s.")
        % {"accounts": row["accounts"], "plan": row["plan"]}
        for row in subscribers
    ]
