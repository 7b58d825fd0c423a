"""Carries compensations out: a commit for each account, so that a crash repeats nothing."""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.corrections.models import CompensatedJob, Compensation, CompensationShare
from billing.errors import DomainError
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.credits import format_micros
from plans.wording import speaks_chinese

_log = structlog.get_logger(__name__)

BATCH: Final = 100
_JOBS_TOLD: Final = 100


def carry_out(*, compensation_id: str, now: datetime) -> int:
    """Up to a hundred accounts more have what the compensation gives them; return how many.

    Each account is a commit of its own, with its grant, its share and its event; whoever comes
    second finds it ended. While accounts are left, the next batch is posted. One that fails keeps
    none of the others waiting: it is tried again by the next run, for this one has failed.
    """
    tried: list[int] = []
    stumbled: list[Exception] = []
    while len(tried) < BATCH:
        before = len(tried)
        try:
            if not _give_next(compensation_id, now, tried):
                break
        except Exception as problem:
            if len(tried) == before:  # no account's own
                raise
            _log.exception("compensation_stumbled", compensation_id=compensation_id)
            stumbled.append(problem)
    if stumbled:
        raise stumbled[0]
    _go_on(compensation_id, now)
    return len(tried)


@transaction.atomic(durable=True)
def _give_next(compensation_id: str, now: datetime, tried: list[int]) -> bool:
    """Give one account its share; False: none is left that nobody else is at.

    A share that its wallet refuses is written down as refused, and holds nobody up.

    Args:
        tried: shares that are passed over; this one is added.
    """
    share = (
        CompensationShare.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(compensation=compensation_id, compensation__state="approved", ended_at=None)
        .exclude(pk__in=tried)
        .select_related("account", "compensation__approver")
        .order_by("pk")
        .first()
    )
    if share is None:
        return False
    tried.append(share.pk)
    try:
        with transaction.atomic():
            _give(share)
    except DomainError as refusal:
        share.refusal = refusal.code
    share.ended_at = now
    share.save(update_fields=["grant", "refusal", "ended_at"])
    if not share.refusal:
        _tell(share, now)
    return True


def _give(share: CompensationShare) -> None:
    compensation, account = share.compensation, share.account
    assert compensation.approver is not None, "what is carried out was approved"
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    terms = ledger.terms_of(
        plans.version(compensation.catalog_version_id).catalog.corrections.goodwill,
        amount_micros=share.amount_micros,
        fact=f"compensation:{compensation.pk}",
        zone=account.zone,
        at=locked.now,
        reason=compensation.text_zh if speaks_chinese() else compensation.text_en,
    )
    cause = Cause("compensation", compensation.pk)
    actor = Actor("operator", compensation.approver.get_username())
    share.grant = ledger.grant(locked, terms, cause=cause, actor=actor)


def _tell(share: CompensationShare, now: datetime) -> None:
    """Publish what the account has and why; of very many jobs the first hundred are named."""
    compensation = share.compensation
    named = CompensatedJob.objects.filter(
        compensation=compensation, job__account=share.account_id
    ).order_by("job_id")
    webhooks.publish(
        account=share.account,
        type="credits.compensated",
        data={
            "compensation": compensation.pk,
            "incident": compensation.key,
            "text": {"en": compensation.text_en, "zh": compensation.text_zh},
            "grant": share.grant_id,
            "credits": format_micros(share.amount_micros),
            "jobs": list(named.values_list("job_id", flat=True)[:_JOBS_TOLD]),
            "jobs_count": share.jobs_count,
        },
        now=now,
    )


@transaction.atomic(durable=True)
def _go_on(compensation_id: str, now: datetime) -> None:
    """Post the next batch, or close a compensation that has nothing left to give."""
    compensation = Compensation.objects.select_for_update().get(pk=compensation_id)
    if compensation.state != Compensation.State.APPROVED:
        return
    if compensation.shares.filter(ended_at=None).exists():
        outbox.post(TaskName.CARRY_OUT_COMPENSATION, now=now, compensation_id=compensation.pk)
        return
    compensation.state = Compensation.State.DONE
    compensation.finished_at = now
    compensation.save(update_fields=["state", "finished_at"])
