"""A campaign's share for a list of accounts: looked at, asked for by one, decided on by another."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from billing.corrections import selectors
from billing.corrections.errors import RunKnown, SelectionChanged
from billing.corrections.models import CampaignRun, CampaignRunShare
from billing.corrections.selectors import Accounts, RunOutlook
from billing.corrections.services import counting
from billing.corrections.services.permitting import (
    REQUESTS_LAST,
    require_decidable,
    require_permission,
    require_reason,
    require_withdrawable,
)
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from plans import selectors as plans

_BATCH = 1000


@transaction.atomic(durable=True)
def request_campaign_run(
    *, chosen: Accounts, reason: str, text: str, digest: str, requester: User, now: datetime
) -> CampaignRun:
    """The accounts that were looked at wait for another person, name by name.

    Accounts that match later are not added. A run of a campaign is asked for once; after it was
    refused or withdrawn it may be asked for again.

    Args:
        digest: of the preview that was looked at.

    Raises:
        Forbidden: he may not request it.
        InvalidCorrection: no such reason, no explanation, or no name of the run.
        NotFound, NothingSelected, SelectionTooLarge: as the preview.
        SelectionChanged: the accounts or the campaign are others by now.
        RunKnown: it is asked for, or carried out, already.
        DayCapReached: it is more than a person may have a hand in on any day.
    """
    require_permission(requester, "request_campaignrun")
    published = plans.current()
    require_reason(published.catalog.corrections, key=chosen.name, reason=reason, text=text)
    found = selectors.preview_run(chosen, catalog=published.catalog)
    if found.digest != digest:
        raise SelectionChanged
    counting.require_room_of_a_day(
        requester, amount_micros=found.amount_micros, catalog=published.catalog
    )
    wanted = CampaignRun(
        campaign=chosen.campaign,
        name=chosen.name,
        is_sandbox=chosen.is_sandbox,
        catalog_version_id=published.version_id,
        selection=chosen.written(),
        digest=found.digest,
        reason=reason,
        text=text.strip(),
        accounts_count=len(found.account_ids),
        share_micros=found.share_micros,
        amount_micros=found.amount_micros,
        requester=requester,
        requested_at=now,
        expires_at=now + REQUESTS_LAST,
    )
    try:
        with transaction.atomic():
            return _freeze(wanted, found)
    except IntegrityError:
        raise RunKnown(campaign=chosen.campaign, name=chosen.name) from None


@transaction.atomic(durable=True)
def approve_campaign_run(*, run_id: str, digest: str, approver: User, now: datetime) -> CampaignRun:
    """It is being carried out, account by account. A repeat by the same person changes nothing.

    Args:
        digest: what he has looked at.

    Raises:
        Forbidden: he may not approve it.
        SelectionChanged: he has looked at something else.
        Decided: it was decided on by another, or its time is over.
        OwnRequest: he has requested it himself.
        DayCapReached: it is more than he, or who requested it, may have a hand in on one day.
    """
    require_permission(approver, "approve_campaignrun")
    run = _lock(run_id)
    if run.digest != digest:
        raise SelectionChanged
    is_approved = run.state in {CampaignRun.State.APPROVED, CampaignRun.State.DONE}
    if is_approved and run.approver_id == approver.pk:
        return run
    require_decidable(run, by=approver, now=now)
    run.counted_on = counting.count(
        [run.requester, approver],
        amount_micros=run.amount_micros,
        is_sandbox=run.is_sandbox,
        catalog=plans.current().catalog,
        now=now,
    )
    _decide(run, CampaignRun.State.APPROVED, approver, now)
    outbox.post(TaskName.CARRY_OUT_CAMPAIGN_RUN, now=now, run_id=run.pk)
    return run


@transaction.atomic(durable=True)
def refuse_campaign_run(*, run_id: str, approver: User, now: datetime) -> CampaignRun:
    """Nothing moves for it. A repeat by the same person changes nothing.

    Raises:
        Forbidden, Decided, OwnRequest: as for an approval.
    """
    require_permission(approver, "approve_campaignrun")
    run = _lock(run_id)
    if run.state == CampaignRun.State.REFUSED and run.approver_id == approver.pk:
        return run
    require_decidable(run, by=approver, now=now, refusing=True)
    _decide(run, CampaignRun.State.REFUSED, approver, now)
    return run


@transaction.atomic(durable=True)
def withdraw_campaign_run(*, run_id: str, requester: User, now: datetime) -> CampaignRun:
    """Who has requested it has taken that back: nothing moves. A repeat changes nothing.

    Raises:
        NotYourRequest: another has requested it.
        Decided: it was decided on, or has expired.
    """
    run = _lock(run_id)
    if run.state == CampaignRun.State.WITHDRAWN and run.requester_id == requester.pk:
        return run
    require_withdrawable(run, by=requester)
    _decide(run, CampaignRun.State.WITHDRAWN, None, now)
    return run


def _lock(run_id: str) -> CampaignRun:
    return (
        CampaignRun.objects.select_for_update(of=("self",))
        .select_related("requester")
        .get(pk=run_id)
    )


def _decide(run: CampaignRun, state: str, approver: User | None, now: datetime) -> None:
    run.state, run.approver, run.decided_at = state, approver, now
    run.save(update_fields=["state", "approver", "decided_at", "counted_on"])


def _freeze(wanted: CampaignRun, found: RunOutlook) -> CampaignRun:
    """Write down the very accounts, so that nobody else is ever approved."""
    wanted.save(force_insert=True)
    CampaignRunShare.objects.bulk_create(
        (CampaignRunShare(run=wanted, account_id=one) for one in found.account_ids),
        batch_size=_BATCH,
    )
    return wanted
