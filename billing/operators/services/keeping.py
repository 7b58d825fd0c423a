"""Keeps the groups of operators as the table of roles says."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from billing.operators.roles import ACTS, APPS, HIDDEN, Role


def keep_roles(*, using: str = "default") -> None:
    """Each role is a group with exactly its permissions. A repeat changes nothing.

    Args:
        using: by which connection; the tables' owner migrates.
    """
    with transaction.atomic(using=using):
        for role in Role:
            group, _made = Group.objects.using(using).get_or_create(name=role.value)
            group.permissions.set(_permissions(role, using))


def _permissions(role: Role, using: str) -> list[Permission]:
    known = Permission.objects.using(using).select_related("content_type")
    ours = known.filter(content_type__app_label__in=["billing", "plans"])
    by_name = {f"{one.content_type.app_label}.{one.codename}": one for one in ours}
    seen = [
        one
        for one in by_name.values()
        if one.content_type.app_label in APPS[role]
        and one.codename == f"view_{one.content_type.model}"
        and one.content_type.model not in HIDDEN
    ]
    # A name that is no permission is an error of the table, and is heard of at once.
    return seen + [by_name[act] for act in sorted(ACTS[role])]
