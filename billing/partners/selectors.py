"""Programmes and their terms, who is a partner, and what an account's referrals have earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, ExpressionWrapper, F, Min, Q, QuerySet, Value
from django.db.models.functions import Least, Now

from billing.accounts.models import Account
from billing.http import problems
from billing.packs.models import PackPurchase
from billing.partners import codes
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from billing.subscriptions.models import Subscription
from billing.transactions import require_transaction
from plans.catalog.allowances import Campaign
from plans.catalog.programmes import Programme
from plans.catalog.schema import Catalog
from plans.selectors import Published

_LOOK_EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Terms:
    """A programme of one catalog version with its campaigns, and the partner's own terms."""

    version_id: str
    programme: Programme
    reward: Campaign
    welcome: Campaign | None
    partner: Partner | None

    @property
    def share_micros(self) -> int | None:
        """Which share of what is bought is earned; None: the campaign's credits."""
        own = self.partner.share_micros if self.partner is not None else None
        return self.programme.share_micros if own is None else own

    @property
    def ends_at(self) -> datetime | None:
        """From when on nothing counts for a partner whose time is over."""
        return self.partner.ends_at if self.partner is not None else None

    def is_open(self, at: datetime) -> bool:
        """Say whether somebody can come by a code at `at`."""
        begins, ends = self.programme.starts_at, self.programme.ends_at
        if not (begins is None or begins <= at) or not (ends is None or at < ends):
            return False
        if self.programme.kind == "partner":
            return self.partner is not None and is_partner(self.partner, at=at)
        return True


def programme(catalog: Catalog, code: str) -> Programme:
    """Return the programme of that code.

    Raises:
        NotFound: the catalog has none.
    """
    found = catalog.programme(code)
    if found is None:
        raise problems.absent()
    return found


def terms_of(code: ReferralCode, published: Published) -> Terms | None:
    """Return the terms of the code's programme in that catalog; None: it has none such."""
    found = published.catalog.programme(code.programme)
    if found is None:
        return None
    reward = published.catalog.campaign(found.reward)
    assert reward is not None, "the catalog was checked when it was loaded"
    return Terms(
        version_id=published.version_id,
        programme=found,
        reward=reward,
        welcome=published.catalog.campaign(found.welcome) if found.welcome else None,
        partner=partner(code.account, found.code) if found.kind == "partner" else None,
    )


def lock_code(typed: str, *, is_sandbox: bool) -> ReferralCode:
    """Lock the code that was typed, and return it with its account.

    Raises:
        NotFound: there is none such on that side of the sandbox.
    """
    require_transaction("partners.lock_code")
    plain = codes.read(typed)
    found = (
        ReferralCode.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(code=plain, account__is_sandbox=is_sandbox)
        .first()
        if plain is not None
        else None
    )
    if found is None:
        raise problems.absent()
    return found


def partner(account: Account, code: str) -> Partner | None:
    """Return what the platform has agreed with the account in that programme."""
    return Partner.objects.filter(account=account, programme=code).first()


def is_partner(one: Partner, *, at: datetime) -> bool:
    """Say whether the partner's time goes on at `at`."""
    return one.ends_at is None or at < one.ends_at


def partners(code: str, *, is_sandbox: bool, at: datetime) -> QuerySet[Partner]:
    """Return the partners of a programme whose time is not over, in the order they came."""
    return Partner.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=at), programme=code, account__is_sandbox=is_sandbox
    ).order_by("id")


def rewards(account: Account, code: str) -> QuerySet[Reward]:
    """Return what the account has earned in the programme by bringing others."""
    return Reward.objects.filter(
        account=account, referral__referrer=account, referral__code__programme=code
    )


def welcome_of(referral: Referral) -> Reward | None:
    """Return what the one who came is welcomed with; None: the programme had nothing for him."""
    welcomed = Reward.objects.filter(referral=referral, account=referral.account)
    return welcomed.select_related("campaign_grant").first()


def referrals(account: Account, code: str) -> QuerySet[Referral]:
    """Return who came by the account's code of the programme."""
    return Referral.objects.filter(referrer=account, code__programme=code)


def due(*, now: datetime, limit: int) -> list[str]:
    """Return rewards that are to be settled, the longest due first."""
    return _due(Reward.objects.all(), now, limit)


def due_by(account_id: str, *, now: datetime, limit: int) -> list[str]:
    """Return rewards that are to be settled of what this account has earned anybody."""
    return _due(Reward.objects.filter(referral__account=account_id), now, limit)


def _due(rewards: QuerySet[Reward], now: datetime, limit: int) -> list[str]:
    """Return what is due by now, then what is due in a sandbox whose clock is ahead of it."""
    pending = rewards.filter(state=Reward.State.PENDING).order_by("try_at", "id")
    ahead = pending.filter(
        account__is_sandbox=True,
        try_at__gt=now,
        try_at__lte=now + F("account__wallet__clock_offset"),
    )
    found = [*pending.filter(try_at__lte=now).values_list("pk", flat=True)[:limit]]
    return [*found, *ahead.values_list("pk", flat=True)[: limit - len(found)]]


def fall_due_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the next reward of each of these accounts falls due, none that waits for more."""
    untried = Reward.objects.filter(
        account__in=account_ids, state=Reward.State.PENDING, try_at=F("due_at")
    )
    return dict(untried.values_list("account_id").annotate(first=Min("due_at")))


def buyers(purchase_id: str) -> list[str]:
    """Return the account that made the purchase or began the subscription, if there is one."""
    return [
        *PackPurchase.objects.filter(pk=purchase_id).values_list("account_id", flat=True),
        *Subscription.objects.filter(pk=purchase_id).values_list("account_id", flat=True),
    ]


def to_look_at(*, now: datetime, limit: int) -> list[str]:
    """Return the accounts whose referrals nobody looked at for a while, the longest first."""
    # Whatever instant counts as now, each is looked at once until it is stale by the real one.
    stale = ExpressionWrapper(
        Least(Value(now), Now()) - Value(_LOOK_EVERY), output_field=DateTimeField()
    )
    open_ones = Referral.objects.filter(closed_at=None, looked_at__lte=stale)
    return list(open_ones.order_by("looked_at").values_list("account_id", flat=True)[:limit])
