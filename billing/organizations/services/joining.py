"""Who belongs to an organization: invited, joined, as what, up to which ceiling, and gone again.

Each of them holds the pool's wallet, as orders and subscriptions do: seats, the last owner and
ceilings are judged one after the other.
"""

from dataclasses import dataclass
from typing import Final

from django.db import transaction

from billing.accounts import selectors as accounts_selectors
from billing.accounts import services as accounts
from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.ledger import services as ledger
from billing.ledger.services import Actor, LockedWallet
from billing.organizations import selectors
from billing.organizations.errors import (
    AlreadyMember,
    InvitationsFull,
    LastOwner,
    NoSeatLeft,
    NotAMember,
)
from billing.organizations.services.noting import note
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction
from plans import selectors as plans

INVITATIONS_MAX: Final = 500  # that are not answered, of one organization
_INVITED, _ACTIVE, _ENDED = Membership.State


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How many credits of the pool a member may use in each window; None: as many as there are."""

    micros: int | None
    per: str = ""


def invite(organization: Organization, *, external_id: str, role: Role, actor: Actor) -> Membership:
    """The person is invited, and belongs to the organization as soon as he accepts.

    Somebody whom nobody has seen yet is invited all the same: the answer tells nobody who is
    known. Who has left may be invited again.

    Raises:
        InvalidAccount: `external_id` is no name.
        AlreadyMember: he is a member, or invited.
        InvitationsFull: too many people are invited.
        NotFound: it is an organization, which belongs to none.
    """
    require_transaction("organizations.invite")
    locked = _lock(organization)
    is_sandbox = organization.account.is_sandbox
    accounts.ensure_account(
        external_id, zone=locked.catalog.zone, is_sandbox=is_sandbox, now=locked.now
    )
    person = selectors.person_named(external_id, is_sandbox=is_sandbox, pointer="/account")
    before = Membership.objects.filter(organization=organization, account=person).first()
    if before is not None and before.state != _ENDED:
        raise AlreadyMember(state=before.state)
    if selectors.members(organization).filter(state=_INVITED).count() >= INVITATIONS_MAX:
        raise InvitationsFull(limit=INVITATIONS_MAX)
    membership, _made = Membership.objects.update_or_create(
        organization=organization,
        account=person,
        defaults={
            "role": role,
            "state": _INVITED,
            "ceiling_micros": None,
            "ceiling_per": "",
            "invited_at": locked.now,
            "joined_at": None,
            "ended_at": None,
        },
    )
    note(membership, MembershipChange.Kind.INVITED, actor=actor, now=locked.now)
    return membership


def accept(person: Account, membership_id: str, *, actor: Actor) -> Membership:
    """The invited person belongs to the organization. A repeat changes nothing.

    Raises:
        NotFound: it is none of his invitations.
        NoSeatLeft: as many members are there as the subscription has seats.
        NotAMember: the invitation was taken back.
    """
    require_transaction("organizations.accept")
    locked, membership = _own(person, membership_id)
    if membership.state == _ACTIVE:
        return membership
    if membership.state == _ENDED:
        raise NotAMember(state=membership.state)
    account = membership.organization.account
    seats = selectors.seats_of(account, catalog=locked.catalog)
    if seats is not None and accounts_selectors.members_of(account) >= seats:
        raise NoSeatLeft(seats=seats)
    membership.state, membership.joined_at = _ACTIVE, locked.now
    membership.save(update_fields=["state", "joined_at"])
    note(membership, MembershipChange.Kind.JOINED, actor=actor, now=locked.now)
    return membership


def decline(person: Account, membership_id: str, *, actor: Actor) -> Membership:
    """The person does not come. A repeat changes nothing.

    Raises:
        NotFound: it is none of his invitations.
        AlreadyMember: he has accepted it: he can leave.
    """
    require_transaction("organizations.decline")
    locked, membership = _own(person, membership_id)
    if membership.state == _ACTIVE:
        raise AlreadyMember(state=membership.state)
    return _end(locked, membership, MembershipChange.Kind.DECLINED, actor)


@transaction.atomic(durable=True)
def change_member(
    organization: Organization,
    membership_id: str,
    *,
    role: Role | None = None,
    ceiling: Ceiling | None = None,
    actor: Actor,
) -> Membership:
    """The member is `role` from now on, and may use as much as `ceiling`; None: it stays.

    A repeat changes nothing. A lower ceiling stops the next order, and takes nothing back.

    Raises:
        NotFound: it is none of the organization's memberships.
        NotAMember: it has ended.
        LastOwner: nobody would own the organization.
    """
    locked = _lock(organization)
    membership = selectors.member(organization, membership_id)
    if membership.state == _ENDED:
        raise NotAMember(state=membership.state)
    if role is not None and role != membership.role:
        _require_another_owner(membership, becomes=role)
        membership.role = role
        membership.save(update_fields=["role"])
        note(membership, MembershipChange.Kind.ROLE, actor=actor, now=locked.now)
    if ceiling is not None and (ceiling.micros, ceiling.per) != (
        membership.ceiling_micros,
        membership.ceiling_per,
    ):
        membership.ceiling_micros, membership.ceiling_per = ceiling.micros, ceiling.per
        membership.save(update_fields=["ceiling_micros", "ceiling_per"])
        note(membership, MembershipChange.Kind.CEILING, actor=actor, now=locked.now)
    return membership


@transaction.atomic(durable=True)
def remove(organization: Organization, membership_id: str, *, actor: Actor) -> Membership:
    """The member, or who is invited, does not belong to it any more. A repeat changes nothing.

    What he has ordered goes on; what was allotted to him stays his until it is taken back.

    Raises:
        NotFound: it is none of the organization's memberships.
        LastOwner: nobody would own the organization.
    """
    locked = _lock(organization)
    membership = selectors.member(organization, membership_id)
    left = membership.account_id == actor.id
    kind = MembershipChange.Kind.LEFT if left else MembershipChange.Kind.REMOVED
    return _end(locked, membership, kind, actor)


def _end(
    locked: LockedWallet, membership: Membership, kind: MembershipChange.Kind, actor: Actor
) -> Membership:
    if membership.state == _ENDED:
        return membership
    _require_another_owner(membership, becomes=None)
    membership.state, membership.ended_at = _ENDED, locked.now
    membership.save(update_fields=["state", "ended_at"])
    note(membership, kind, actor=actor, now=locked.now)
    return membership


def _require_another_owner(membership: Membership, *, becomes: Role | None) -> None:
    """Return unless the only owner would be one no more.

    Raises:
        LastOwner: he would.
    """
    if membership.state != _ACTIVE or membership.role != Role.OWNER or becomes == Role.OWNER:
        return
    owners = selectors.members(membership.organization).filter(state=_ACTIVE, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def _own(person: Account, membership_id: str) -> tuple[LockedWallet, Membership]:
    """Lock the organization of one of the person's memberships; return both as they are now."""
    organization = selectors.place_of(person, membership_id).organization
    locked = _lock(organization)
    return locked, selectors.place_of(person, membership_id)


def _lock(organization: Organization) -> LockedWallet:
    """Lock the pool's wallet, with a subscription that has ended by itself written down."""
    account, catalog = organization.account, plans.current().catalog
    locked = ledger.lock_wallet(account, catalog=catalog)
    return subscriptions.finish_if_over(locked, account, catalog=catalog)
