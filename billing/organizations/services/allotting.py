"""Lend credits of a pool to people until an end, and fetch back what they have not used."""

from datetime import datetime

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership, Organization
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Sending
from billing.organizations import selectors
from billing.organizations.errors import EndIsNotAhead
from billing.organizations.models import Allotment
from billing.organizations.services import transferring
from billing.subscriptions import selectors as subscriptions
from billing.transactions import require_transaction
from plans import selectors as plans


def allot(
    organization: Organization,
    *,
    to: str,
    amount_micros: int,
    fact: str,
    expires_at: datetime | None = None,
    note: str = "",
    by: Membership | None = None,
    actor: Actor,
) -> Allotment:
    """The person may use so much of the pool until the end. A repeat changes nothing.

    He need not be a member. The credits keep the terms that they have in the pool, and end when
    these say so or at `expires_at`, whichever comes first; what is unused then is the pool's.
    They pay no debt of his, and he cannot give them to others.

    Args:
        to: the person's external id, on the organization's side of the sandbox.
        fact: business key; a pool has one allotment for each.
        by: the member who decides so; None: the platform.

    Raises:
        NotFound: there is no such person on this side; or `by` has no such place any more.
        AccountFrozen: an operator has frozen the pool, or `by`.
        EndIsNotAhead: `expires_at` is over, by the pool's clock or the person's.
        InDebt, NotThereToGive, AmountOutOfRange: as `ledger.transfer`.
    """
    require_transaction("organizations.allot")
    pool, published = organization.account, plans.current()
    person = selectors.person_named(to, is_sandbox=pool.is_sandbox, pointer="/account")
    giving, getting = transferring.ready(pool, person, published, by=by)
    selectors.require_place(by)
    before = Allotment.objects.filter(organization=organization, transfer__fact=fact).first()
    if before is not None:
        return selectors.allotment(before.pk, is_sandbox=pool.is_sandbox)
    accounts.require_not_frozen(pool, by=by)
    latest = max(giving.now, getting.now)
    if expires_at is not None and expires_at <= latest:
        raise EndIsNotAhead(now=latest.isoformat())
    sending = Sending(
        amount_micros=amount_micros,
        fact=fact,
        standing=subscriptions.standing_of(pool),
        is_lent=True,
        lent_until=expires_at,
        note=note,
    )
    made = ledger.transfer(giving, getting, sending, actor=actor)
    allotment = Allotment.objects.create(
        organization=organization,
        account=person,
        transfer=made,
        expires_at=expires_at,
        created_at=giving.now,
    )
    transferring.tell(made, sender=pool, receiver=person)
    return selectors.allotment(allotment.pk, is_sandbox=pool.is_sandbox)


def take_back(allotment: Allotment, *, by: Membership | None = None, actor: Actor) -> Allotment:
    """What is unused of it is the pool's again at once; what is held, when its hold ends.

    A repeat changes nothing, and brings what has come back since.

    Args:
        by: the member who decides so; None: the platform, which may also of a frozen pool.

    Raises:
        NotFound: `by` has no such place any more.
        AccountFrozen: an operator has frozen the pool, or `by`.
    """
    require_transaction("organizations.take_back")
    pool, person = allotment.organization.account, allotment.account
    whom = [pool, person] + ([by.account] if by is not None else [])
    locked = ledger.lock_wallets(whom, catalog=plans.current().catalog)
    selectors.require_place(by)
    if by is not None:
        accounts.require_not_frozen(pool, by=by)
    lender, borrower = locked[pool.pk], locked[person.pk]
    made = ledger.take_back(lender, borrower, allotment.transfer, actor=actor)
    if allotment.taken_back_at is None:
        Allotment.objects.filter(pk=allotment.pk, taken_back_at=None).update(
            taken_back_at=lender.now
        )
    _close_if_used_up(allotment, at=lender.now)
    if made is not None:
        transferring.tell(made, sender=person, receiver=pool)
    return selectors.allotment(allotment.pk, is_sandbox=pool.is_sandbox)


def collect(allotment: Allotment, *, actor: Actor) -> None:
    """The pool has what has left the person since. A repeat changes nothing."""
    require_transaction("organizations.collect")
    pool, person = allotment.organization.account, allotment.account
    locked = ledger.lock_wallets([pool, person], catalog=plans.current().catalog)
    lender = locked[pool.pk]
    made = ledger.collect(lender, locked[person.pk], allotment.transfer, actor=actor)
    _close_if_used_up(allotment, at=lender.now)
    if made is not None:
        transferring.tell(made, sender=person, receiver=pool)


def _close_if_used_up(allotment: Allotment, *, at: datetime) -> None:
    if selectors.is_used_up(allotment.pk):
        Allotment.objects.filter(pk=allotment.pk, closed_at=None).update(closed_at=at)
