"""Sets scenes through services: a test cannot start from a state that the product cannot reach."""

import itertools
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
from billing.ledger.models import Debt, Grant, Hold, Transfer, Wallet
from billing.ledger.services import (
    Actor,
    Cause,
    ClawedBack,
    GrantTerms,
    LockedWallet,
    Part,
    Sending,
)
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
    goes_back: bool


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
    """Give whole credits, as an operator would; what goes back was lent by somebody."""
    if terms.pop("goes_back", False):
        lender = new_account(f"lender-{new_id('acc')}", is_sandbox=account.is_sandbox)
        give(lender, credits_, priority=priority, source=source, fact=fact, **terms)
        return lend(lender, account, credits_, expires_in=expires_in, source=source)
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
def lend(
    lender: Account,
    account: Account,
    credits_: int,
    *,
    expires_in: timedelta | None = None,
    source: str = "goodwill",
) -> Grant:
    """Lend whole credits of one source to another account; return the grant that it got."""
    both = ledger.lock_wallets([lender, account], catalog=plans.current().catalog)
    sending = Sending(
        amount_micros=credits_ * MICROS,
        fact=f"test:{new_id('fact')}",
        standing=frozenset(),
        sources=(source,),
        is_lent=True,
        lent_until=both[account.pk].now + expires_in if expires_in else None,
    )
    made = ledger.transfer(both[lender.pk], both[account.pk], sending, actor=OPERATOR)
    return made.parts.get().target


@transaction.atomic
def send(account: Account, to: Account, micros: int) -> Transfer:
    """Give credits of whatever source to another account."""
    both = ledger.lock_wallets([account, to], catalog=plans.current().catalog)
    sending = Sending(amount_micros=micros, fact=f"test:{new_id('fact')}", standing=frozenset())
    return ledger.transfer(both[account.pk], both[to.pk], sending, actor=OPERATOR)


@transaction.atomic
def hold(
    account: Account,
    credits_: int,
    *,
    reference: str = "",
    facts: Mapping[str, Scalar] | None = None,
    standing: Iterable[str] = (),
    lasts: timedelta | None = None,
) -> Hold:
    """Set whole credits aside, as an order would."""
    locked = lock(account)
    return ledger.hold(
        locked,
        amount_micros=credits_ * MICROS,
        reference=reference or f"test:{new_id('ref')}",
        catalog=plans.current().catalog,
        facts=facts or {},
        standing=frozenset(standing),
        cause=Cause("job", "job_test"),
        actor=SYSTEM,
        lasts_until=locked.now + lasts if lasts else None,
    )


def halt(account: Account) -> None:
    """Let a rule that has gone wrong give a millionth until the safety bound stops it."""
    for number in itertools.count():
        with transaction.atomic():
            locked = lock(account)
            if locked.timeline.automatic.halted_at is not None:
                return
            ledger.grant(
                locked,
                GrantTerms(amount_micros=1, source="promo", fact=f"loop:{number}"),
                cause=Cause("campaign", "loop"),
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
def set_aside(account: Account, parts: Mapping[Grant, int], *, reference: str = "") -> Hold:
    """Set whole credits of these grants aside, as a change of plan would."""
    return ledger.set_aside(
        lock(account),
        [Part(grant.pk, credits_ * MICROS) for grant, credits_ in parts.items()],
        reference=reference or f"test:{new_id('ref')}",
        cause=Cause("subscription", "sub_test"),
        actor=SYSTEM,
    )


@transaction.atomic
def forfeit(account: Account, held: Hold) -> Hold:
    """Give up what was set aside."""
    return ledger.forfeit(
        lock(account), hold_id=held.pk, cause=Cause("subscription", "sub_test"), actor=SYSTEM
    )


@transaction.atomic
def owe(account: Account, credits_: int, *, fact: str | None = None) -> Debt:
    """Let the account owe whole credits, as an overrun would."""
    return ledger.owe(
        lock(account),
        amount_micros=credits_ * MICROS,
        fact=fact or f"test:{new_id('fact')}",
        cause=Cause("job", "job_test"),
        actor=SYSTEM,
    )


@transaction.atomic
def claw_back(account: Account, grants: Iterable[Grant], credits_: int) -> ClawedBack:
    """Take whole credits back from these grants, as a refund would."""
    return ledger.claw_back(
        lock(account),
        grant_ids=[grant.pk for grant in grants],
        amount_micros=credits_ * MICROS,
        fact=f"refund:{new_id('re')}",
        cause=Cause("refund", "re_test"),
        actor=OPERATOR,
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
