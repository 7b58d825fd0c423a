"""What a member's role in an organization lets him do; pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from billing.accounts.scopes import OF_A_USER, Scope


class Role(StrEnum):
    """What a member is in his organization; the names are public."""

    OWNER = "owner"
    BILLING_ADMIN = "billing_admin"
    MEMBER = "member"


class Right(StrEnum):
    """One kind of act upon an organization itself."""

    READ = "read"  # what it is called, and who belongs to it
    SEE_ALL = "see_all"  # what every member uses, and what was given to whom
    INVITE = "invite"  # people as members
    SPEND = "spend"  # ceilings, allotments, transfers
    GOVERN = "govern"  # roles, removals, the organization's own settings


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.OWNER: frozenset(Right),
    Role.BILLING_ADMIN: frozenset({Right.READ, Right.SEE_ALL, Right.INVITE, Right.SPEND}),
    Role.MEMBER: frozenset({Right.READ}),
}
# What a role may do with the organization's account, of what a person may do with his own.
_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.OWNER: OF_A_USER,
    Role.BILLING_ADMIN: OF_A_USER - {Scope.WEBHOOKS_WRITE},
    Role.MEMBER: frozenset({Scope.JOBS_READ, Scope.JOBS_WRITE}),
}
assert set(RIGHTS) == set(_SCOPES) == set(Role), "every role says what it may"


def scopes_of(role: Role, *, sees_all: bool) -> frozenset[Scope]:
    """Return what a member of that role may do; the balance is for those who see all."""
    return _SCOPES[role] | ({Scope.BALANCE_READ} if sees_all else frozenset())


def sees_all(role: Role, members_see: str) -> bool:
    """Say whether a member of that role sees what others do.

    Args:
        members_see: "own" or "all": what the organization, or the catalog for it, says.
    """
    return Right.SEE_ALL in RIGHTS[role] or members_see == "all"
