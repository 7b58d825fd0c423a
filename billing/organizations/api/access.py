"""Who may do what with an organization that stands in the path."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from rest_framework.request import Request

from billing.accounts import selectors as accounts
from billing.accounts.authentication import Caller, caller_of, person_of
from billing.accounts.members import Membership, Organization
from billing.accounts.roles import RIGHTS, Right, Role
from billing.accounts.scopes import Scope
from billing.http import errors, problems
from billing.ledger.services import Actor
from billing.organizations import selectors


@dataclass(frozen=True, slots=True)
class Access:
    """An organization, and who acts upon it.

    Attributes:
        membership: his place in it; None: the platform itself acts.
    """

    organization: Organization
    membership: Membership | None
    actor: Actor

    def may(self, right: Right) -> bool:
        """Say whether he may do this; the platform may do all."""
        return self.membership is None or right in RIGHTS[Role(self.membership.role)]

    def require(self, right: Right) -> None:
        """Return if he may do this.

        Raises:
            Forbidden: his role does not allow it.
        """
        if not self.may(right):
            raise errors.Forbidden(_("Your role in this organization does not allow this."))


def access_of(
    request: Request, organization_id: str, right: Right, *, writes: bool = False
) -> Access:
    """Return the organization, if the caller may do this with it; a foreign one is absent.

    A person acts as the member that he is. A service acts as the person whom it names in
    `X-Account`, or else as the platform itself, if it may change accounts (`accounts:write`).

    Args:
        writes: something is changed by it, though `right` alone is to read.

    Raises:
        NotFound: there is none, on his side, to which he belongs.
        Forbidden: his role does not allow it, or the key.
    """
    caller = caller_of(request)
    if caller.account is None and not caller.acts_for:
        caller.require(Scope.ACCOUNTS_WRITE)
        found = selectors.organization(organization_id, is_sandbox=caller.is_sandbox)
        return Access(found, None, actor_of(caller))
    reads = right in {Right.READ, Right.SEE_ALL} and not writes
    scope = Scope.BALANCE_READ if reads else Scope.SUBSCRIPTIONS_WRITE
    membership = accounts.active_membership(person_of(request, scope), organization_id)
    if membership is None:
        raise problems.absent()
    access = Access(membership.organization, membership, actor_of(caller))
    access.require(right)
    return access


def actor_of(caller: Caller) -> Actor:
    """Return who acts, as the ledger names him."""
    return Actor(caller.kind, caller.actor_id)
