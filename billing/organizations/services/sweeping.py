"""Brings back what has come due of allotments; nothing a person may spend depends on it."""

from typing import Final

import structlog
from django.db import transaction

from billing.ledger.journal import SYSTEM
from billing.organizations import selectors
from billing.organizations.models import Allotment
from billing.organizations.services import allotting

_log = structlog.get_logger(__name__)
_BATCH: Final = 100


def collect_due(*, limit: int = _BATCH) -> int:
    """Bring back what has left its person, of up to `limit` allotments; return of how many.

    At its end an allotment is gone from the wallet that had it to the microsecond, whether
    anybody comes by or not; until it is collected it is under way. One allotment a transaction;
    one that fails is tried again by the next run, and does not keep the others waiting.
    """
    done = 0
    for allotment_id in selectors.to_collect(limit=limit):
        try:
            with transaction.atomic(durable=True):
                one = Allotment.objects.select_related(
                    "organization__account", "account", "transfer"
                ).get(pk=allotment_id)
                allotting.collect(one, actor=SYSTEM)
        except Exception:  # noqa: BLE001 (whatever it is, the others must not wait for it)
            _log.exception("collect_stumbled", allotment_id=allotment_id)
        else:
            done += 1
    return done
