"""Sets scenes through services: a test cannot start from a state that the product cannot reach."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.ids import new_id
from billing.ledger import services as ledger
from billing.ledger import store
from billing.ledger.models import Grant, Hold, Wallet
from billing.ledger.services import Actor, Cause, GrantTerms, LockedWallet
from plans import selectors as plans
from plans.catalog import publish
from plans.catalog.matching import Match
from plans.catalog.values import Scalar
from plans.credits import MICROS
from plans.models import CatalogVersion

OPERATOR: Final = Actor("operator", "grace")
SYSTEM: Final = Actor("system", "test")
KLING: Final = Path(settings.BASE_DIR) / "plans" / "catalogs" / "kling.toml"


class Terms(TypedDict, total=False):
    """What else can be said of a grant."""

    scope: Match
    locked_while: tuple[str, ...]
    with_subscription: bool
    series: str
    pack: str
    paid_micros: int
    paid_currency: str


def publish_kling() -> CatalogVersion:
    """Put the default catalog in force."""
    return publish.publish(KLING, now=timezone.now())


def new_account(name: str, *, is_sandbox: bool = True) -> Account:
    """Return an account; a sandbox one by default, so that its clock can be moved."""
    return ensure_account(name, zone="Asia/Shanghai", is_sandbox=is_sandbox, now=timezone.now())


def lock(account: Account) -> LockedWallet:
    """Lock the account's wallet in the caller's transaction."""
    return ledger.lock_wallet(account, catalog=plans.current().catalog)


@transaction.atomic
def give(
    account: Account,
    credits_: int,
    *,
    expires_in: timedelta | None = None,
    begins_in: timedelta | None = None,
    priority: int = 100,
    source: str = "goodwill",
    fact: str | None = None,
    **terms: Unpack[Terms],
) -> Grant:
    """Give whole credits, as an operator would."""
    locked = lock(account)
    given = GrantTerms(
        amount_micros=credits_ * MICROS,
        source=source,
        fact=fact or f"test:{new_id('fact')}",
        priority=priority,
        effective_at=locked.now + begins_in if begins_in else None,
        expires_at=locked.now + expires_in if expires_in else None,
        **terms,
    )
    return ledger.grant(locked, given, cause=Cause("operator", "grace"), actor=OPERATOR)


@transaction.atomic
def hold(
    account: Account,
    credits_: int,
    *,
    reference: str = "",
    facts: Mapping[str, Scalar] | None = None,
    standing: Iterable[str] = (),
) -> Hold:
    """Set whole credits aside, as an order would."""
    return ledger.hold(
        lock(account),
        amount_micros=credits_ * MICROS,
        reference=reference or f"test:{new_id('ref')}",
        catalog=plans.current().catalog,
        facts=facts or {},
        standing=frozenset(standing),
        cause=Cause("job", "job_test"),
        actor=SYSTEM,
    )


@transaction.atomic
def capture(account: Account, held: Hold, micros: int) -> Hold:
    """Spend part of a hold, as a success would."""
    return ledger.capture(
        lock(account),
        hold_id=held.pk,
        amount_micros=micros,
        cause=Cause("job", "job_test"),
        actor=SYSTEM,
    )


@transaction.atomic
def release(account: Account, held: Hold) -> Hold:
    """Give a hold back, as a failure would."""
    return ledger.release(
        lock(account), hold_id=held.pk, cause=Cause("job", "job_test"), actor=SYSTEM
    )


@transaction.atomic
def claim(account: Account) -> Grant:
    """Check in."""
    return ledger.claim(lock(account), actor=SYSTEM).grant


@transaction.atomic
def settle(account: Account) -> None:
    """Touch the wallet, so that what is due is written down."""
    ledger.settle(lock(account))


@transaction.atomic
def later(account: Account, by: timedelta) -> datetime:
    """Move a sandbox account's clock; return its new instant."""
    return ledger.move_clock(account, by=by, catalog=plans.current().catalog)


def free_micros(account: Account) -> int:
    """Return what may be spent now, as the ledger says without being touched."""
    timeline = store.load(wallet_of(account))
    timeline.settle(store.clock(wallet_of(account)))
    return timeline.available_micros


def wallet_of(account: Account) -> Wallet:
    """Return the account's wallet as it stands in the database."""
    return Wallet.objects.get(account=account)
