"""Takes a lost second factor away, so that another can be set up."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.operators.addresses import Address
from billing.operators.errors import NotToBeReset
from billing.operators.models import AccessRecord, Authenticator, RecoveryCode
from billing.operators.services.noting import record


@transaction.atomic(durable=True)
def reset(
    *, operator: User, actor: User | None, reason: str, address: Address | None, now: datetime
) -> None:
    """The operator has no second factor, nor a session: his next sign-in sets one up.

    Args:
        actor: who resets it; None where somebody at the service's own command line does.
        reason: how he knows that the operator asks, and not somebody else.

    Raises:
        NotToBeReset: it is his own, he is no superuser, nothing is said of why, or there is none.
    """
    if actor is not None and actor.pk == operator.pk:
        raise NotToBeReset(_("Another person resets your second factor."))
    if actor is not None and not (actor.is_active and actor.is_superuser):
        raise NotToBeReset(_("Only a superuser resets a second factor."))
    if not reason.strip():
        raise NotToBeReset(_("Say why, and how you know who asks."), field="reason")
    User.objects.select_for_update(no_key=True).get(pk=operator.pk)
    RecoveryCode.objects.filter(authenticator__operator=operator).delete()
    gone, _rows = Authenticator.objects.filter(operator=operator).delete()
    if not gone:
        raise NotToBeReset(_("There is no second factor to reset."))
    record(
        AccessRecord.Kind.RESET,
        operator=operator,
        actor=actor,
        address=address,
        reason=reason.strip(),
        now=now,
    )
