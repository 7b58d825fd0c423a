"""What an account has bought, and what that allows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum

from billing.accounts.models import Account
from billing.http import problems
from billing.ledger import services as ledger
from billing.ledger.journal import SYSTEM
from billing.ledger.living import NextGrant
from billing.ledger.services import Cause, GrantTerms
from billing.ledger.timeline import Timeline
from billing.packs.models import PackPurchase
from billing.subscriptions.models import Subscription
from billing.sweeps import fairly
from plans import selectors as plans
from plans.asking import Given, Prepared, PreparedRows
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


def waiting(account: Account, *, at: datetime) -> list[PackPurchase]:
    """Return what was bought by `at` and not yet in effect then, the first to come first.

    One whose last day has come waits no more, whether that is written down or not.
    """
    return _waiting(account=account.pk, at=at)


_waiting = PreparedRows(
    lambda: PackPurchase.objects.filter(
        Q(activated_at=None) | Q(activated_at__gt=Given("at")),
        account=Given("account"),
        bought_at__lte=Given("at"),
        activate_by__gt=Given("at"),
    ).order_by("activate_by", "id")
)


@dataclass(frozen=True, slots=True)
class Activation:
    """The last day of a purchase that waits, or whose activation was not yet written."""

    bought: PackPurchase
    at: datetime
    begins: tuple[()] = ()

    @property
    def gives(self) -> NextGrant:
        """What comes then by itself."""
        terms, *_bonus = grants_of(self.bought, at=self.at)
        micros = self.bought.credits_micros + self.bought.bonus_micros
        return NextGrant(self.at, micros, terms.source, "auto")

    def happen(self, timeline: Timeline) -> None:
        """Let its grants be in effect."""
        for terms in grants_of(self.bought, at=self.at):
            issue = ledger.issue_of(terms, now=self.at)
            timeline.grant(issue, cause=Cause("pack", self.bought.pk), actor=SYSTEM)


def foreseer(
    account: Account, *, since: datetime, until: datetime
) -> Callable[[datetime], list[Activation]]:
    """Return what tells of instants between these two what was foreseen; rows are read once.

    Of an instant it tells the purchases of which was not written then that they are in effect.
    """
    if not _has_bought(account=account.pk):
        return lambda _at: []
    bought = list(
        PackPurchase.objects.filter(
            Q(activated_at=None) | Q(grant__created_at__gt=since),
            account=account,
            bought_at__lte=until,
            activate_by__isnull=False,
        )
        .select_related("account", "grant")
        .order_by("activate_by", "id")
    )

    def foresee(at: datetime) -> list[Activation]:
        return [
            Activation(one, one.activate_by)
            for one in bought
            if one.activate_by is not None
            and one.bought_at <= at
            and (one.activated_at is None or (one.grant and one.grant.created_at > at))
        ]

    return foresee


def grants_of(bought: PackPurchase, *, at: datetime) -> list[GrantTerms]:
    """Return the grants of a purchase that is in effect from `at` on: the pack's, then its bonus's.

    On the terms of the catalog by which it was sold.
    """
    pack = plans.version(bought.catalog_version_id).catalog.pack(bought.pack)
    assert pack is not None, "a purchase's version has its pack"
    terms = ledger.terms_of(
        pack,
        amount_micros=bought.credits_micros,
        fact=f"pack:{bought.pk}",
        zone=bought.account.zone,
        at=at,
        pack=pack.code,
        paid_micros=bought.paid_micros,
        paid_currency=bought.paid_currency,
    )
    if pack.bonus is None:
        return [terms]
    bonus = ledger.terms_of(
        pack.bonus,
        amount_micros=bought.bonus_micros,
        fact=f"bonus:{bought.pk}",
        zone=bought.account.zone,
        at=at,
        pack=pack.code,
    )
    return [terms, bonus]


def overdue(account: Account, *, at: datetime) -> list[PackPurchase]:
    """Return the account's purchases whose last day has come by `at`, the oldest first."""
    if not _waits(account=account.pk):
        return []
    due = PackPurchase.objects.filter(account=account, activated_at=None, activate_by__lte=at)
    return list(due.order_by("activate_by", "id"))


_waits = Prepared(
    lambda: PackPurchase.objects.filter(account=Given("account"), activated_at=None).values_list(
        "pk"
    )[:1]
)


def activate_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the next purchase of each of these accounts comes into effect by itself."""
    waits = PackPurchase.objects.filter(account__in=account_ids, activated_at=None)
    rows = waits.values_list("account_id").annotate(first=Min("activate_by"))
    return {account_id: at for account_id, at in rows if at is not None}


def has_paid_for(account: Account, pack: str) -> bool:
    """Say whether the account ever paid for the pack; a present is not paid for."""
    return PackPurchase.objects.filter(account=account, pack=pack, paid_micros__gt=0).exists()


def paid_for(account: Account, *, since: datetime, until: datetime) -> QuerySet[PackPurchase]:
    """Return what the account paid for from `since` on and before `until`."""
    return PackPurchase.objects.filter(
        account=account, paid_micros__gt=0, bought_at__gte=since, bought_at__lt=until
    )


def due(*, now: datetime, limit: int) -> list[str]:
    """Return purchases whose time to be activated is over.

    A sandbox's purchase is due by the clock of its wallet.
    """
    late = PackPurchase.objects.filter(
        activated_at=None, activate_by__lte=now + F("account__wallet__clock_offset")
    )
    return [one.pk for one in fairly(late.order_by("activate_by"), limit=limit)]


def concurrency_of(account: Account, plan: Plan, *, at: datetime) -> int:
    """Return how many jobs at once the account may have on `plan`, by what it has bought.

    The plan's own number, the highest step that its purchases reach in one currency, or the
    highest perk of a pack, whichever is most; and on top what packs add. A pack's perks last as
    long as its credits could, spent or not, while not all of them are taken back with its money.
    """
    found = _bought_by(account, plan, at=at) if _has_bought(account=account.pk) else {}
    reached = [
        step.concurrency
        for step in plan.entitlements.steps
        if (found.get(f"bought_{step.currency}") or 0) >= step.bought_micros
    ]
    most = max(plan.entitlements.concurrency, found.get("highest") or 0, *reached)
    return most + (found.get("more") or 0)


_has_bought = Prepared(
    lambda: PackPurchase.objects.filter(account=Given("account")).values_list("pk")[:1]
)


def _bought_by(account: Account, plan: Plan, *, at: datetime) -> dict[str, int | None]:
    """Return what its purchases add to the jobs at once, and what they cost by currency."""
    sums = {
        f"bought_{currency}": Sum("paid_micros", filter=Q(paid_currency=currency))
        for currency in {step.currency for step in plan.entitlements.steps}
    }
    is_live = _is_live(at)
    return PackPurchase.objects.filter(account=account).aggregate(
        highest=Max("concurrency", filter=is_live),
        more=Sum("concurrency_more", filter=is_live),
        **sums,
    )


def _is_live(at: datetime) -> Q:
    subscribed = Exists(
        Subscription.objects.filter(account=OuterRef("account"), ended_at=None).filter(
            Q(ends_at=None) | Q(ends_at__gt=at)
        )
    )
    # The payment stands in a row of a package above, which knows the packs and not they it.
    went_back = Exists(
        PackPurchase.objects.filter(
            pk=OuterRef("pk"),
            account=OuterRef("account"),
            purchase__account=OuterRef("account"),
            purchase__taken_micros__gt=0,
            purchase__taken_micros=F("purchase__credited_micros"),
        )
    )
    return (
        Q(activated_at__lte=at)
        & (Q(expires_at=None) | Q(expires_at__gt=at))
        & (Q(is_while_subscribed=False) | Q(subscribed))
        & ~Q(went_back)
    )
