"""Reads of accounts and keys; a foreign account looks absent."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from billing.accounts import admission, external_ids, roles
from billing.accounts.admission import Reason, State
from billing.accounts.errors import AccountFrozen, FreeTierRefused
from billing.accounts.freezes import Freeze
from billing.accounts.members import Membership
from billing.accounts.models import Account, AccountSignal, ApiKey, FreeTier, Identity
from billing.accounts.roles import Role
from billing.accounts.signals import Signal
from plans.asking import Given, Prepared, PreparedRows
from plans.catalog.policies import Book
from plans.catalog.schema import Catalog


def find_account(external_id: str, *, is_sandbox: bool) -> Account | None:
    """Return the account of that name, seen from inside or outside of the sandbox, or None."""
    if not external_ids.is_external_id(external_id):
        return None  # also spares the database what it cannot hold
    return next(iter(_named(name=external_id, is_sandbox=is_sandbox)), None)


_named = PreparedRows(
    lambda: Account.objects.filter(external_id=Given("name"), is_sandbox=Given("is_sandbox"))
)


def strangers(names: Sequence[str], *, is_sandbox: bool) -> list[str]:
    """Return those of the names that no account of this side has, in their order."""
    asked = [name for name in names if external_ids.is_external_id(name)]
    found = accounts(is_sandbox=is_sandbox).filter(external_id__in=asked)
    known = set(found.values_list("external_id", flat=True))
    return [name for name in names if name not in known]


def account_of(account_id: str) -> Account | None:
    """Return the account of that id, or None."""
    is_text = external_ids.is_external_id(account_id)
    return Account.objects.filter(pk=account_id).first() if is_text else None


def accounts(*, is_sandbox: bool) -> QuerySet[Account]:
    """Return the accounts of one side: the other side's do not exist for it."""
    return Account.objects.filter(is_sandbox=is_sandbox)


def active_membership(person: Account, organization_id: str) -> Membership | None:
    """Return the person's place in an organization to which he belongs now, or None."""
    return (
        Membership.objects.filter(
            organization=organization_id, account=person, state=Membership.State.ACTIVE
        )
        .select_related("organization__account")
        .first()
    )


def sees_all(membership: Membership, *, catalog: Catalog) -> bool:
    """Say whether the member sees what the others of his organization do."""
    members_see = membership.organization.members_see or catalog.team.members_see
    return roles.sees_all(Role(membership.role), members_see)


def members_of(account: Account) -> int:
    """Return how many active members the organization of this account has; 0 for a person."""
    return Membership.objects.filter(
        organization__account=account, state=Membership.State.ACTIVE
    ).count()


def same_person(account: Account) -> QuerySet[Account]:
    """Return the accounts that were seen with an identity of this one's, and itself.

    By e-mail, phone, card or device; an address is shared by many who do not know each other.
    """
    own = Identity.objects.filter(signals__account=account).exclude(kind=Signal.IP.value)
    with_it = AccountSignal.objects.filter(identity__in=own)
    return Account.objects.filter(Q(pk=account.pk) | Q(pk__in=with_it.values("account")))


def find_key(prefix: str) -> ApiKey | None:
    """Return the key with this visible beginning, good or not, or None."""
    return ApiKey.objects.filter(prefix=prefix).first()


def book_of(account: Account, *, catalog: Catalog) -> Book | None:
    """Return the price book that the account pays by; None: the catalog has none for it."""
    return catalog.book_for(region=account.region or None, currency=account.currency or None)


def currency_of(account: Account, *, catalog: Catalog) -> str | None:
    """Return in which currency the account buys: its own, or its book's; None: in any."""
    book = book_of(account, catalog=catalog)
    of_book = book.currencies if book is not None else ()
    return account.currency or next(iter(of_book), None)


def currencies_of(catalog: Catalog) -> list[str]:
    """Return in which currencies a catalog sells, in the order in which it names them."""
    in_books = [currency for book in catalog.books for currency in book.currencies]
    of_plans = [price.currency for plan in catalog.plans for price in plan.prices]
    of_packs = [price.currency for pack in catalog.packs for price in pack.prices]
    return list(dict.fromkeys((*in_books, *of_plans, *of_packs)))


def frozen(*accounts: Account | str) -> AccountFrozen | None:
    """Return that one of the accounts, or of those of these ids, is frozen; None: none is."""
    for account in accounts:
        for (since,) in _frozen(account=account.pk if isinstance(account, Account) else account):
            return AccountFrozen(since=since)
    return None


_frozen = Prepared(
    lambda: Freeze.objects.filter(account=Given("account"), lifted_at=None).values_list(
        "frozen_at"
    )[:1]
)


def require_not_frozen(account: Account | str, *, by: Membership | None = None) -> None:
    """Check that the account, or that of the id, may let credits go, and get some by what it does.

    Its wallet is locked by the caller, as by who freezes it: an act comes before that, or after.

    Args:
        by: the member who decides so, whose wallet is locked as well; None: nobody's of an
            organization.

    Raises:
        AccountFrozen: an operator has frozen it, or who decides so.
    """
    asked = [account] if by is None else [account, by.account]
    if (refusal := frozen(*asked)) is not None:
        raise refusal


def free_tier_refusal(
    account_id: str, *, catalog: Catalog, is_for_platform: bool = False
) -> FreeTierRefused | None:
    """Return why the account has not the free plan's allowances; None: nothing stands in the way.

    Whom nobody has asked yet has had them from before there was a rule.

    Args:
        is_for_platform: it says which signals are missing: whoever farms free tiers must not hear
            what is asked of him.
    """
    rule = catalog.free_tier
    if rule is None:
        return None
    tier = shut_out().filter(account=account_id).first()
    if tier is None:
        return None
    reason = Reason(tier.reason)
    missing = None
    if is_for_platform and reason == Reason.SIGNALS_MISSING:
        known = AccountSignal.objects.filter(account=account_id)
        told = frozenset(known.values_list("identity__kind", flat=True))
        missing = admission.missing_of(rule, told=told)
    return FreeTierRefused(
        reason=reason.value,
        remedy=admission.REMEDIES[reason],
        retry_at=tier.retry_at,
        missing=missing,
    )


def shut_out() -> QuerySet[FreeTier]:
    """Return the rows of accounts that are not admitted to the free tier."""
    return FreeTier.objects.exclude(state=State.ADMITTED.value)


def to_ask_again() -> QuerySet[FreeTier]:
    """Return whose cap has begun anew by the account's own clock, the longest waiting first."""
    return FreeTier.objects.filter(
        retry_at__lte=Now() + F("account__wallet__clock_offset")
    ).order_by("retry_at", "decided_at", "pk")


def asked_again_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the caps that shut these accounts out begin anew."""
    waiting = FreeTier.objects.filter(account__in=account_ids)
    rows = waiting.values_list("account_id", "retry_at")
    return {account_id: at for account_id, at in rows if at is not None}
