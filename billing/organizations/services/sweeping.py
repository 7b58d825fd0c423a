"""Brings back what has come due of allotments; nothing a person may spend depends on it."""

from typing import Final

from django.db import transaction

from billing.ledger.journal import SYSTEM
from billing.organizations import selectors
from billing.organizations.models import Allotment
from billing.organizations.services import allotting
from billing.sweeps import Sweep

_BATCH: Final = 100


def collect_due(*, limit: int = _BATCH) -> int:
    """Bring back what has left its person, of up to `limit` allotments; return of how many.

    At its end an allotment is gone from the wallet that had it to the microsecond, whether
    anybody comes by or not; until it is collected it is under way. One allotment a transaction;
    one that fails is tried again by the next run, and does not keep the others waiting.
    """
    sweep = Sweep("collect_stumbled")
    for allotment_id in selectors.to_collect(limit=limit):
        with sweep.row(allotment_id=allotment_id), transaction.atomic(durable=True):
            one = Allotment.objects.select_related(
                "organization__account", "account", "transfer"
            ).get(pk=allotment_id)
            allotting.collect(one, actor=SYSTEM)
    return sweep.done
