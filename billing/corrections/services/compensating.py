"""What an incident is worth: looked at, requested by one person, approved by another."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from billing.corrections import amounts, selectors
from billing.corrections.amounts import Rule
from billing.corrections.errors import IncidentKnown, InvalidCorrection, SelectionChanged
from billing.corrections.models import (
    NOTICE_LENGTH_MAX,
    CompensatedJob,
    Compensation,
    CompensationShare,
)
from billing.corrections.selectors import Preview, Selection
from billing.corrections.services.permitting import (
    REQUESTS_LAST,
    require_decidable,
    require_permission,
    require_reason,
    require_withdrawable,
)
from billing.ids import new_id
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from plans import selectors as plans
from plans.selectors import Published

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """What those who have something are told, in both languages."""

    en: str
    zh: str


@transaction.atomic(durable=True)
def request_compensation(  # noqa: PLR0913 (a request has as many facts)
    *,
    key: str,
    selection: Selection,
    rule: Rule,
    notice: Notice,
    reason: str,
    text: str,
    digest: str,
    requester: User,
    now: datetime,
) -> Compensation:
    """What was looked at waits for another person, job by job and account by account.

    Jobs that match later are not added. An incident has one compensation: a repeat with its key
    changes nothing and returns the first, whatever matches by now; after it was refused or
    withdrawn it may be asked for again.

    Args:
        key: the incident, as the operators call it.
        digest: of the preview that was looked at.

    Raises:
        Forbidden: he may not request compensations.
        InvalidCorrection: no such reason, no explanation, or no notice.
        NothingSelected, SelectionTooLarge, ShareAboveMaximum: as the preview.
        SelectionChanged: what would move is no longer what was looked at.
        IncidentKnown: the incident is compensated on other terms.
    """
    require_permission(requester, "request_compensation")
    published = plans.current()
    require_reason(published.catalog.corrections, key=key, reason=reason, text=text)
    _require_notice(notice)
    wanted = Compensation(
        id=new_id("cmp"),
        key=key,
        is_sandbox=selection.is_sandbox,
        catalog_version_id=published.version_id,
        selection=selection.written(),
        rule=rule.written(),
        text_en=notice.en.strip(),
        text_zh=notice.zh.strip(),
        reason=reason,
        text=text.strip(),
        requester=requester,
        requested_at=now,
        expires_at=now + REQUESTS_LAST,
    )
    first = selectors.known_incident(key, is_sandbox=selection.is_sandbox)
    if first is None:
        found = _looked_at(selection, rule, published, digest)
        try:
            with transaction.atomic():
                return _freeze(wanted, found)
        except IntegrityError:  # another has asked for it at the same moment
            first = selectors.known_incident(key, is_sandbox=selection.is_sandbox)
            if first is None:
                raise
    return _same(first, wanted)


@transaction.atomic(durable=True)
def approve_compensation(
    *, compensation_id: str, digest: str, approver: User, now: datetime
) -> Compensation:
    """It is being carried out, account by account. A repeat by the same person changes nothing.

    Args:
        digest: what he has looked at.

    Raises:
        Forbidden: he may not approve compensations.
        SelectionChanged: he has looked at something else.
        Decided: it was decided on by another, or its time is over.
        OwnRequest: he has requested it himself.
        ShareAboveMaximum: an account has a fixed amount above what one adjustment gives by now.
    """
    require_permission(approver, "approve_compensation")
    compensation = _lock(compensation_id)
    if compensation.digest != digest:
        raise SelectionChanged
    is_approved = compensation.state in {Compensation.State.APPROVED, Compensation.State.DONE}
    if is_approved and compensation.approver_id == approver.pk:
        return compensation
    require_decidable(compensation, by=approver, now=now)
    _require_bounded(compensation)
    _decide(compensation, Compensation.State.APPROVED, approver, now)
    outbox.post(TaskName.CARRY_OUT_COMPENSATION, now=now, compensation_id=compensation.pk)
    return compensation


@transaction.atomic(durable=True)
def refuse_compensation(*, compensation_id: str, approver: User, now: datetime) -> Compensation:
    """Nothing moves for it. A repeat by the same person changes nothing.

    Raises:
        Forbidden, Decided, OwnRequest: as for an approval.
    """
    require_permission(approver, "approve_compensation")
    compensation = _lock(compensation_id)
    if compensation.state == Compensation.State.REFUSED and compensation.approver_id == approver.pk:
        return compensation
    require_decidable(compensation, by=approver, now=now, refusing=True)
    _decide(compensation, Compensation.State.REFUSED, approver, now)
    return compensation


@transaction.atomic(durable=True)
def withdraw_compensation(*, compensation_id: str, requester: User, now: datetime) -> Compensation:
    """Who has requested it has taken that back: nothing moves. A repeat changes nothing.

    The incident may be asked for again.

    Raises:
        NotYourRequest: another has requested it.
        Decided: it was decided on, or has expired.
    """
    compensation = _lock(compensation_id)
    is_withdrawn = compensation.state == Compensation.State.WITHDRAWN
    if is_withdrawn and compensation.requester_id == requester.pk:
        return compensation
    require_withdrawable(compensation, by=requester)
    _decide(compensation, Compensation.State.WITHDRAWN, None, now)
    return compensation


def _lock(compensation_id: str) -> Compensation:
    return Compensation.objects.select_for_update(of=("self",)).get(pk=compensation_id)


def _decide(compensation: Compensation, state: str, approver: User | None, now: datetime) -> None:
    compensation.state = state
    compensation.approver = approver
    compensation.decided_at = now
    compensation.save(update_fields=["state", "approver", "decided_at"])


def _require_bounded(compensation: Compensation) -> None:
    """Check the shares by the bound in force: what was asked for may have come before it."""
    largest = compensation.shares.select_related("account").order_by("-amount_micros")[0]
    amounts.require_bounded(
        Rule(**compensation.rule),
        account=largest.account.external_id,
        share_micros=largest.amount_micros,
        max_micros=plans.current().catalog.corrections.adjustment_max_micros,
    )


def _require_notice(notice: Notice) -> None:
    if not all(1 <= len(said.strip()) <= NOTICE_LENGTH_MAX for said in (notice.en, notice.zh)):
        raise InvalidCorrection(
            _("The notice is 1 to %(most)s characters long, in English and in Chinese.")
            % {"most": NOTICE_LENGTH_MAX},
            field="text_zh" if notice.en.strip() else "text_en",
        )


def _looked_at(selection: Selection, rule: Rule, published: Published, digest: str) -> Preview:
    """Return what would move, if it is still what was looked at."""
    found = selectors.preview(selection, rule, catalog=published.catalog)
    if found.digest != digest:
        raise SelectionChanged
    return found


def _freeze(wanted: Compensation, found: Preview) -> Compensation:
    """Write down the very jobs and amounts, so that nothing else is ever approved."""
    wanted.digest = found.digest
    wanted.jobs_count = found.jobs_count
    wanted.accounts_count = len(found.shares)
    wanted.amount_micros = found.amount_micros
    wanted.save(force_insert=True)
    CompensationShare.objects.bulk_create(
        (
            CompensationShare(
                compensation=wanted,
                account_id=share.account_id,
                amount_micros=share.amount_micros,
                jobs_count=len(share.jobs),
            )
            for share in found.shares
        ),
        batch_size=_BATCH,
    )
    CompensatedJob.objects.bulk_create(
        (
            CompensatedJob(compensation=wanted, job_id=job_id, due_micros=due_micros)
            for share in found.shares
            for job_id, due_micros in share.jobs
        ),
        batch_size=_BATCH,
    )
    return wanted


def _same(first: Compensation, wanted: Compensation) -> Compensation:
    """Return the incident's compensation, where it is on the terms that are wanted again."""
    facts = ("selection", "rule", "text_en", "text_zh", "reason")
    if any(getattr(first, name) != getattr(wanted, name) for name in facts):
        raise IncidentKnown(key=first.key, compensation=first.pk)
    return first
