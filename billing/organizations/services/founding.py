"""Found organizations, and say what they are called and what their members see."""

from datetime import datetime

from django.db import transaction

from billing.accounts import selectors as account_selectors
from billing.accounts import services as accounts
from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.models import Account
from billing.accounts.roles import Role
from billing.ids import new_id
from billing.ledger import services as ledger
from billing.ledger.services import Actor
from billing.organizations import selectors
from billing.organizations.services.noting import note
from billing.transactions import require_transaction
from plans import selectors as plans


def found(
    *, owner: Account, name: str, members_see: str = "", actor: Actor, now: datetime
) -> Organization:
    """An organization exists, and `owner` is its first member and owner.

    Its account buys as the owner's does, on the same side of the sandbox; its pool is empty.

    Args:
        members_see: "own" or "all"; empty: as the catalog says.

    Raises:
        NotFound: `owner` is an organization, which belongs to none.
        AccountFrozen: an operator has frozen `owner`.
    """
    require_transaction("organizations.found")
    owner = selectors.person_named(owner.external_id, is_sandbox=owner.is_sandbox)
    ledger.lock_wallet(owner, catalog=plans.current().catalog)
    account_selectors.require_not_frozen(owner)
    organization_id = new_id("org")
    account = accounts.make_organization_account(organization_id, like=owner, now=now)
    organization = Organization.objects.create(
        pk=organization_id, account=account, name=name, members_see=members_see, created_at=now
    )
    membership = Membership.objects.create(
        organization=organization,
        account=owner,
        role=Role.OWNER,
        state=Membership.State.ACTIVE,
        invited_at=now,
        joined_at=now,
    )
    note(membership, MembershipChange.Kind.JOINED, actor=actor, now=now)
    return organization


@transaction.atomic(durable=True)
def change(
    organization: Organization, *, name: str | None = None, members_see: str | None = None
) -> Organization:
    """What is given stands in the organization; what is None stays. A repeat changes nothing."""
    changed = Organization.objects.select_for_update().get(pk=organization.pk)
    changed.name = changed.name if name is None else name
    changed.members_see = changed.members_see if members_see is None else members_see
    changed.save(update_fields=["name", "members_see"])
    return changed
