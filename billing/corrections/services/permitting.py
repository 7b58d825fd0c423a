"""Who may ask, and who may decide: never the same person."""

from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from billing.corrections.errors import Decided, InvalidCorrection, NotYourRequest, OwnRequest
from billing.corrections.models import (
    KEY_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    Adjustment,
    CampaignRun,
    Compensation,
)
from billing.http.errors import Forbidden
from plans.catalog.corrections import Corrections

REQUESTS_LAST: Final = timedelta(days=7)


def require_permission(operator: User, permission: str) -> None:
    """Check that an operator may do this.

    Args:
        permission: of `billing`: "request_adjustment".

    Raises:
        Forbidden: he may not, or is no operator any more.
    """
    if not (operator.is_staff and operator.has_perm(f"billing.{permission}")):
        raise Forbidden(
            _("%(operator)s may not do this.") % {"operator": operator.get_username()},
            permission=permission,
        )


def require_reason(corrections: Corrections, *, key: str, reason: str, text: str) -> None:
    """Check that a request has a key, one of the catalog's reasons, and an explanation.

    Raises:
        InvalidCorrection: it has not.
    """
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise InvalidCorrection(
            _("A key is 1 to %(most)s characters long.") % {"most": KEY_LENGTH_MAX}, field="key"
        )
    if corrections.reason(reason) is None:
        known = ", ".join(one.code for one in corrections.reasons)
        raise InvalidCorrection(
            _("The reason must be one of: %(known)s.") % {"known": known}, field="reason"
        )
    if not 1 <= len(text.strip()) <= TEXT_LENGTH_MAX:
        raise InvalidCorrection(
            _("An explanation is 1 to %(most)s characters long.") % {"most": TEXT_LENGTH_MAX},
            field="text",
        )


def require_decidable(
    request: Adjustment | Compensation | CampaignRun,
    *,
    by: User,
    now: datetime,
    refusing: bool = False,
) -> None:
    """Check that a request, whose row is locked, waits for a decision, and for this person's.

    Args:
        refusing: it is to be refused, which a request whose time is over can be as well.

    Raises:
        Decided: it does not wait, or no longer.
        OwnRequest: he has requested it himself.
    """
    if request.state != "requested":
        raise Decided(state=request.state)
    if request.expires_at <= now and not refusing:
        raise Decided(state="expired")
    if request.requester_id == by.pk:
        raise OwnRequest


def require_withdrawable(request: Adjustment | Compensation | CampaignRun, *, by: User) -> None:
    """Check that a request, whose row is locked, waits for a decision, and is this person's own.

    Raises:
        NotYourRequest: another has requested it.
        Decided: it does not wait.
    """
    if request.requester_id != by.pk:
        raise NotYourRequest
    if request.state != "requested":
        raise Decided(state=request.state)
