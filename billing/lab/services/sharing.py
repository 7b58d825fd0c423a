"""Links by which people without an account here see a result: signed, ending, taken back."""

from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.utils.translation import gettext as _

from billing.lab.errors import InvalidRequest, ShareOver
from billing.lab.services.permitting import require_permission
from plans.models import Simulation, SimulationShare

LASTS_MAX: Final = timedelta(days=30)
_SALT: Final = "billing.lab.share"
_LENGTH_MAX: Final = 256


@transaction.atomic(durable=True)
def share(
    *, simulation: Simulation, lasts: timedelta, author: User, now: datetime
) -> SimulationShare:
    """Whoever has the link sees the result, without a named account, until it ends.

    Raises:
        Forbidden: he may not.
        InvalidRequest: there is no result yet, or it would last longer than 30 days.
    """
    require_permission(author, "edit_draft")
    if simulation.state != Simulation.State.DONE:
        raise InvalidRequest(_("There is no result yet."), field="simulation")
    if not timedelta(0) < lasts <= LASTS_MAX:
        raise InvalidRequest(_("A link lasts for 1 to 30 days."), field="days")
    return SimulationShare.objects.create(
        simulation=simulation, author=author, created_at=now, expires_at=now + lasts
    )


@transaction.atomic(durable=True)
def revoke_share(*, share_id: str, operator: User, now: datetime) -> SimulationShare:
    """The link opens nothing any more. A repeat changes nothing.

    Raises:
        Forbidden: he may not.
    """
    require_permission(operator, "edit_draft")
    found = SimulationShare.objects.select_for_update().get(pk=share_id)
    if found.revoked_at is None:
        found.revoked_at = now
        found.save(update_fields=["revoked_at"])
    return found


def token_of(share: SimulationShare) -> str:
    """Return the part of an address that proves a link."""
    return signing.dumps(share.pk, salt=_SALT)


def shared(token: str, *, now: datetime) -> SimulationShare:
    """Return what a link opens.

    Raises:
        ShareOver: it is forged, over or taken back; which of them is not told.
    """
    try:
        key = signing.loads(token, salt=_SALT) if len(token) <= _LENGTH_MAX else None
    except signing.BadSignature:
        key = None
    found = (
        SimulationShare.objects.select_related("simulation__draft", "simulation__revision")
        .filter(pk=key, revoked_at=None, expires_at__gt=now)
        .first()
    )
    if found is None:
        raise ShareOver
    return found
