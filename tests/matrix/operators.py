"""Operators of each role, and a browser with one of them in it."""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import Group, User
from django.test import Client

from billing.operators import services
from tests import operators

VIEWER: Final = "viewer"
SUPPORT: Final = "support"
FINANCE: Final = "finance"
CATALOG_MANAGER: Final = "catalog manager"
SUPERUSER: Final = "superuser"
STRANGER: Final = "of no role"  # on the staff, and nothing more
ROLES: Final = (VIEWER, SUPPORT, FINANCE, CATALOG_MANAGER, SUPERUSER, STRANGER)
# Which apps' windows a role opens.
APPS: Final[Mapping[str, tuple[str, ...]]] = {
    VIEWER: ("billing", "plans"),
    SUPPORT: ("billing", "plans"),
    FINANCE: ("billing", "plans"),
    CATALOG_MANAGER: ("plans",),
    SUPERUSER: ("billing", "plans", "auth"),
    STRANGER: (),
}


def operator_of(role: str) -> User:
    """Return an operator of this role."""
    name = role.replace(" ", "-")
    if role == SUPERUSER:
        return User.objects.create_superuser(name)
    user = User.objects.create_user(name, is_staff=True)
    if role != STRANGER:
        services.keep_roles()  # as `migrate` does
        user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


def signed_in(user: User) -> Client:
    """Return a browser with this operator in it."""
    return operators.signed_in(Client(raise_request_exception=False), user)
