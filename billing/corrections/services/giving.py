"""Gives the accounts of a run their share of the campaign: a commit for each of them."""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.corrections.errors import SelectionChanged
from billing.corrections.models import CampaignRun, CampaignRunShare
from billing.errors import DomainError
from billing.ledger.services import Actor
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.promotions import services as promotions

_log = structlog.get_logger(__name__)

BATCH: Final = 100


def carry_out_run(*, run_id: str, now: datetime) -> int:
    """Up to a hundred accounts more have their share of the campaign; return how many were tried.

    Each is a commit of its own: whoever comes second finds it ended. While accounts are left, the
    next batch is posted. One that fails keeps none of the others waiting, and is tried again.
    """
    tried: list[int] = []
    stumbled: list[Exception] = []
    while len(tried) < BATCH:
        before = len(tried)
        try:
            if not _give_next(run_id, now, tried):
                break
        except Exception as problem:
            if len(tried) == before:  # no account's own
                raise
            _log.exception("campaign_run_stumbled", run_id=run_id)
            stumbled.append(problem)
    if stumbled:
        raise stumbled[0]
    _go_on_with_run(run_id, now)
    return len(tried)


@transaction.atomic(durable=True)
def _give_next(run_id: str, now: datetime, tried: list[int]) -> bool:
    """Give one account its share; False: none is left that nobody else is at.

    What the campaign refuses is written down, and holds nobody up. Its terms may be others by now
    than when two people looked at them: nobody gets more than they have agreed on.
    """
    share = (
        CampaignRunShare.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(run=run_id, run__state="approved", ended_at=None)
        .exclude(pk__in=tried)
        .select_related("account", "run__approver")
        .order_by("pk")
        .first()
    )
    if share is None:
        return False
    tried.append(share.pk)
    run = share.run
    assert run.approver is not None, "what is carried out was approved"
    try:
        with transaction.atomic():
            given = promotions.grant(
                account=share.account,
                campaign=run.campaign,
                fact=f"run:{run.name}",  # as the command's: no account has both
                reason=run.reason,
                actor=Actor("operator", run.approver.get_username()),
            )
            if given.amount_micros > run.share_micros:
                raise SelectionChanged
            share.campaign_grant = given
    except DomainError as refusal:
        share.refusal = refusal.code
    share.ended_at = now
    share.save(update_fields=["campaign_grant", "refusal", "ended_at"])
    return True


@transaction.atomic(durable=True)
def _go_on_with_run(run_id: str, now: datetime) -> None:
    """Post the next batch, or close a run in which everybody has had his turn."""
    run = CampaignRun.objects.select_for_update().get(pk=run_id)
    if run.state != CampaignRun.State.APPROVED:
        return
    if run.shares.filter(ended_at=None).exists():
        outbox.post(TaskName.CARRY_OUT_CAMPAIGN_RUN, now=now, run_id=run.pk)
        return
    run.state, run.finished_at = CampaignRun.State.DONE, now
    run.save(update_fields=["state", "finished_at"])
