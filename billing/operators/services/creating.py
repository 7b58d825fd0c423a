"""Makes operators."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from billing.operators.errors import UnknownOperator
from billing.operators.models import AccessRecord
from billing.operators.roles import Role
from billing.operators.services.keeping import keep_roles
from billing.operators.services.noting import record

_PASSWORD_BYTES: Final = 18


@transaction.atomic(durable=True)
def create_operator(
    *, name: str, roles: Sequence[Role], is_superuser: bool = False, now: datetime
) -> tuple[User, str]:
    """An operator of these roles exists; return him and his password, which nobody reads again.

    His first sign-in sets up his second factor.

    Raises:
        UnknownOperator: the name is none, or somebody's; or he would have nothing to do.
    """
    if not roles and not is_superuser:
        raise UnknownOperator(_("Give at least one role."))
    operator = User(username=name, is_staff=True, is_superuser=is_superuser)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    operator.set_password(password)
    try:
        operator.full_clean()
    except ValidationError as wrong:
        raise UnknownOperator(" ".join(wrong.messages)) from None
    operator.save(force_insert=True)
    keep_roles()
    operator.groups.set(Group.objects.filter(name__in=[role.value for role in roles]))
    what = " ".join([*(role.value for role in roles), *(["superuser"] if is_superuser else [])])
    record(AccessRecord.Kind.CREATED, operator=operator, what=what, now=now)
    return operator, password
