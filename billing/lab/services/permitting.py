"""What an operator must be allowed to do before the pricing lab does it for him."""

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from billing.http.errors import Forbidden


def require_permission(operator: User, permission: str) -> None:
    """Check that an operator may do this.

    Args:
        permission: of `plans`: "edit_draft".

    Raises:
        Forbidden: he may not, or is no operator any more.
    """
    if not (operator.is_staff and operator.has_perm(f"plans.{permission}")):
        raise Forbidden(
            _("%(operator)s may not do this.") % {"operator": operator.get_username()},
            permission=permission,
        )
