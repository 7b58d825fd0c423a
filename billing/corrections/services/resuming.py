"""Lets an account have automatic grants again, by a person who says why."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.corrections.errors import InvalidCorrection, NotHalted
from billing.corrections.models import TEXT_LENGTH_MAX, Halt
from billing.corrections.services.permitting import require_permission
from billing.ledger import services as ledger
from plans import selectors as plans


@transaction.atomic(durable=True)
def resume_grants(
    *, account: Account, operator: User, reason: str, looked_at: datetime | None = None
) -> Halt:
    """What comes by itself comes again, and it is written down who let it, and why.

    Args:
        looked_at: when the halt began that he has looked at; None: the one that stands.

    Raises:
        Forbidden: he may not.
        InvalidCorrection: he gives no reason.
        NotHalted: nothing was halted, somebody was faster, or it is halted anew.
    """
    require_permission(operator, "resume_grants")
    if not 1 <= len(reason.strip()) <= TEXT_LENGTH_MAX:
        raise InvalidCorrection(
            _("An explanation is 1 to %(most)s characters long.") % {"most": TEXT_LENGTH_MAX}
        )
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    halted_at = locked.timeline.automatic.halted_at
    if halted_at is None or looked_at not in {None, halted_at}:
        raise NotHalted
    ledger.resume_grants(locked)
    Halt.objects.bulk_create([Halt(account=account, halted_at=halted_at)], ignore_conflicts=True)
    halt = Halt.objects.select_for_update(of=("self",)).get(account=account, halted_at=halted_at)
    halt.resumed_at = locked.now
    halt.operator = operator
    halt.reason = reason.strip()
    halt.save(update_fields=["resumed_at", "operator", "reason"])
    return halt
