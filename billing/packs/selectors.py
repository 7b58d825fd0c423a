"""What an account has bought, and what that allows it."""

from datetime import datetime

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Sum

from billing.accounts.models import Account
from billing.http import problems
from billing.packs.models import PackPurchase
from billing.subscriptions.models import Subscription
from plans.catalog.offers import Plan


def purchases(account: Account) -> QuerySet[PackPurchase]:
    """Return the account's purchases, the newest first."""
    return PackPurchase.objects.filter(account=account).order_by("-id")


def purchase(account: Account, purchase_id: str) -> PackPurchase:
    """Return a purchase of the account.

    Raises:
        NotFound: absent, or another's.
    """
    found = purchases(account).filter(pk=purchase_id).first()
    if found is None:
        raise problems.absent()
    return found


def waiting(account: Account, *, at: datetime) -> QuerySet[PackPurchase]:
    """Return what was bought by `at` and not yet in effect then, the first to come first.

    One whose last day has come waits until that is written down, so that it is always somewhere.
    """
    return PackPurchase.objects.filter(
        Q(activated_at=None) | Q(activated_at__gt=at),
        account=account,
        bought_at__lte=at,
        activate_by__isnull=False,
    ).order_by("activate_by", "id")


def overdue(account: Account, *, at: datetime) -> QuerySet[PackPurchase]:
    """Return the account's purchases whose last day has come by `at`, the oldest first."""
    return PackPurchase.objects.filter(
        account=account, activated_at=None, activate_by__lte=at
    ).order_by("activate_by", "id")


def has_paid_for(account: Account, pack: str) -> bool:
    """Say whether the account ever paid for the pack; a present is not paid for."""
    return PackPurchase.objects.filter(account=account, pack=pack, paid_micros__gt=0).exists()


def due(*, now: datetime, limit: int) -> list[str]:
    """Return purchases whose time to be activated is over, the oldest first.

    A sandbox's purchase is due by the clock of its wallet.
    """
    late = PackPurchase.objects.filter(
        activated_at=None, activate_by__lte=now + F("account__wallet__clock_offset")
    )
    return list(late.order_by("activate_by").values_list("pk", flat=True)[:limit])


def concurrency_of(account: Account, plan: Plan, *, at: datetime) -> int:
    """Return how many jobs at once the account may have on `plan`, by what it has bought.

    The plan's own number, the highest step that its purchases reach in one currency, or the
    highest perk of a pack, whichever is most; and on top what packs add. A pack's perks last as
    long as its credits could, spent or not. One statement.
    """
    steps = plan.entitlements.steps
    sums = {
        f"bought_{currency}": Sum("paid_micros", filter=Q(paid_currency=currency))
        for currency in {step.currency for step in steps}
    }
    is_live = _is_live(at)
    found = PackPurchase.objects.filter(account=account).aggregate(
        highest=Max("concurrency", filter=is_live),
        more=Sum("concurrency_more", filter=is_live),
        **sums,
    )
    reached = [
        step.concurrency
        for step in steps
        if (found[f"bought_{step.currency}"] or 0) >= step.bought_micros
    ]
    most = max(plan.entitlements.concurrency, found["highest"] or 0, *reached)
    return most + (found["more"] or 0)


def _is_live(at: datetime) -> Q:
    subscribed = Exists(
        Subscription.objects.filter(account=OuterRef("account"), ended_at=None).filter(
            Q(ends_at=None) | Q(ends_at__gt=at)
        )
    )
    return (
        Q(activated_at__lte=at)
        & (Q(expires_at=None) | Q(expires_at__gt=at))
        & (Q(is_while_subscribed=False) | Q(subscribed))
    )
