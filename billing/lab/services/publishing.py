"""Drafts that one person asks to publish and another publishes; what is announced taken back."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from billing.corrections.errors import Decided, NotYourRequest, OwnRequest
from billing.lab.errors import AlreadyAsked, GroundShifted, InvalidRequest, NothingChanges
from billing.lab.services.permitting import require_permission
from billing.lab.services.simulating import require_catalog
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from plans import drafting
from plans.catalog import publish
from plans.models import TEXT_LENGTH_MAX, Draft, PublicationRequest, Simulation
from plans.models.requests import NOTICE_LENGTH_MAX

_ONCE = "publicationrequest_open_once_a_draft"


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told of a publication, and what, in both languages."""

    audience: str
    text_en: str = ""
    text_zh: str = ""


@transaction.atomic(durable=True)
def request_publication(
    *,
    draft: Draft,
    revision: int,
    effective_at: datetime,
    zone: str,
    reason: str,
    telling: Telling,
    requester: User,
    now: datetime,
) -> PublicationRequest:
    """One revision waits for another person, who publishes it from that instant on.

    Args:
        revision: what was looked at; asked for is this one, whatever is saved later.
        zone: in which the instant was meant.

    Raises:
        Forbidden: he may not.
        NoCatalogYet: that revision cannot be published.
        InvalidRequest: the instant is over, there is no such zone, no reason, or a text is missing.
        NothingChanges: just this will be in force then anyway.
        AlreadyAsked: a request for this draft waits already.
    """
    require_permission(requester, "request_publicationrequest")
    _require_sense(effective_at, zone, reason, telling, now)
    wanted = drafting.revision_of(draft, revision)
    require_catalog(wanted.source)
    against = publish.in_force(effective_at)
    before = against.version if against is not None else None
    if before is not None and before.digest == publish.read(wanted.source).digest:
        raise NothingChanges
    newest = Simulation.objects.filter(revision=wanted, state=Simulation.State.DONE)
    try:
        with transaction.atomic():
            return PublicationRequest.objects.create(
                draft=draft,
                revision=wanted,
                against=before,
                simulation=newest.order_by("-pk").first(),
                effective_at=effective_at,
                zone=zone,
                reason=reason.strip(),
                audience=telling.audience,
                text_en=telling.text_en.strip(),
                text_zh=telling.text_zh.strip(),
                requester=requester,
                requested_at=now,
            )
    except IntegrityError as error:
        if _ONCE in str(error):
            raise AlreadyAsked from error
        raise


@transaction.atomic(durable=True)
def approve_publication(*, request_id: str, approver: User, now: datetime) -> PublicationRequest:
    """The revision is announced for its instant, and who is to be told will be.

    A repeat of his changes nothing.

    Raises:
        Forbidden: he may not.
        Decided: it was decided on already.
        OwnRequest: he has asked for it himself.
        GroundShifted: another catalog will be in force until then than when it was asked for.
        NotScheduled: its instant is over.
    """
    require_permission(approver, "approve_publicationrequest")
    asked = _lock(request_id)
    if asked.state == PublicationRequest.State.APPROVED and asked.approver_id == approver.pk:
        return asked
    _require_decidable(asked, by=approver)
    publish.take_turns()
    before = publish.in_force(asked.effective_at)
    if (None if before is None else before.version_id) != asked.against_id:
        raise GroundShifted
    asked.publication = publish.announce(
        publish.read(asked.revision.source), at=asked.effective_at, now=now
    )
    asked.state = PublicationRequest.State.APPROVED
    asked.approver = approver
    asked.decided_at = now
    asked.save(update_fields=["publication", "state", "approver", "decided_at"])
    if asked.audience != PublicationRequest.Audience.NOBODY:
        outbox.post(TaskName.ANNOUNCE_CATALOG, now=now, asked_id=asked.pk)
    return asked


@transaction.atomic(durable=True)
def refuse_publication(*, request_id: str, approver: User, now: datetime) -> PublicationRequest:
    """Nothing is published. A repeat by the same person changes nothing.

    Raises:
        Forbidden, Decided, OwnRequest: as for an approval.
    """
    require_permission(approver, "approve_publicationrequest")
    asked = _lock(request_id)
    if asked.state == PublicationRequest.State.REFUSED and asked.approver_id == approver.pk:
        return asked
    _require_decidable(asked, by=approver)
    asked.state = PublicationRequest.State.REFUSED
    asked.approver = approver
    asked.decided_at = now
    asked.save(update_fields=["state", "approver", "decided_at"])
    return asked


@transaction.atomic(durable=True)
def withdraw_publication(*, request_id: str, requester: User, now: datetime) -> PublicationRequest:
    """Who has asked for it has taken that back: nothing is published. A repeat changes nothing.

    Raises:
        NotYourRequest: another has asked for it.
        Decided: it was decided on already.
    """
    asked = _lock(request_id)
    if asked.requester_id != requester.pk:
        raise NotYourRequest
    if asked.state == PublicationRequest.State.WITHDRAWN:
        return asked
    if asked.state != PublicationRequest.State.REQUESTED:
        raise Decided(state=asked.get_state_display())
    asked.state = PublicationRequest.State.WITHDRAWN
    asked.decided_at = now
    asked.save(update_fields=["state", "decided_at"])
    return asked


@transaction.atomic(durable=True)
def take_back_publication(
    *, request_id: str, reason: str, operator: User, now: datetime
) -> PublicationRequest:
    """What was announced does not begin, and who was told of it hears that.

    A repeat changes nothing. One person is enough: prices stay as they are.

    Raises:
        Forbidden: he may not.
        InvalidRequest: there is no reason.
        Decided: it was never published.
        NotScheduled: it has begun.
    """
    require_permission(operator, "take_back_publicationrequest")
    require_reason(reason)
    asked = _lock(request_id)
    if asked.state == PublicationRequest.State.TAKEN_BACK:
        return asked
    if asked.state != PublicationRequest.State.APPROVED or asked.publication is None:
        raise Decided(state=asked.get_state_display())
    publish.take_back(asked.publication.pk, now=now)
    asked.state = PublicationRequest.State.TAKEN_BACK
    asked.taken_back_by = operator
    asked.taken_back_at = now
    asked.taken_back_reason = reason.strip()
    asked.told_at = None
    asked.save(
        update_fields=[*("state", "taken_back_by", "taken_back_at", "taken_back_reason", "told_at")]
    )
    if asked.audience != PublicationRequest.Audience.NOBODY:
        outbox.post(TaskName.ANNOUNCE_CATALOG, now=now, asked_id=asked.pk)
    return asked


def _lock(request_id: str) -> PublicationRequest:
    rows = PublicationRequest.objects.select_for_update(of=("self",))
    return rows.select_related("revision", "publication").get(pk=request_id)


def _require_decidable(asked: PublicationRequest, *, by: User) -> None:
    if asked.state != PublicationRequest.State.REQUESTED:
        raise Decided(state=asked.get_state_display())
    if asked.requester_id == by.pk:
        raise OwnRequest


def _require_sense(
    effective_at: datetime, zone: str, reason: str, telling: Telling, now: datetime
) -> None:
    if effective_at <= now:
        raise InvalidRequest(_("Choose an instant that is still to come."), field="begins")
    try:
        ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise InvalidRequest(_("There is no such time zone."), field="zone") from error
    require_reason(reason)
    if telling.audience not in PublicationRequest.Audience.values:
        raise InvalidRequest(_("Choose who is told."), field="audience")
    if telling.audience == PublicationRequest.Audience.NOBODY:
        return
    for field, text in (("text_en", telling.text_en), ("text_zh", telling.text_zh)):
        if not text.strip() or len(text) > NOTICE_LENGTH_MAX or "\0" in text:
            raise InvalidRequest(
                _("Who is told reads 1 to %(most)s characters in his language.")
                % {"most": NOTICE_LENGTH_MAX},
                field=field,
            )


def require_reason(reason: str) -> None:
    """Check that somebody says why.

    Raises:
        InvalidRequest: nobody does, or at too great length.
    """
    if not reason.strip() or len(reason) > TEXT_LENGTH_MAX or "\0" in reason:
        raise InvalidRequest(
            _("A reason is 1 to %(most)s characters long.") % {"most": TEXT_LENGTH_MAX},
            field="reason",
        )
