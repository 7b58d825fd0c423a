"""Writes to people: one letter a fact, sent after the commit, and never in the way of money."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction

from billing.accounts.models import Account
from billing.notices import gateway, letters, schedule
from billing.notices.kinds import FOR_OPERATORS, Fact, Kind, written
from billing.notices.models import Notice
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import forbid_transaction, require_transaction

__all__ = ["Addressee", "Kind", "again", "post", "send", "sweep"]

# Longer than a mail server is waited for, in all steps of one letter.
_LEASE: Final = timedelta(minutes=2)
# The clocks of two workers differ by less.
_CLOCK_SKEW: Final = timedelta(seconds=5)
# The outbox rings long before: later than this, its message must have died.
_OVERDUE: Final = timedelta(minutes=10)
_SWEEP_BATCH: Final = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom to write to.

    Attributes:
        email: where; "": it is not known, and nothing is sent.
        language: in which, as a browser says it ("zh-CN"); "": English.
    """

    email: str
    language: str


def post(
    kind: Kind,
    account: Account,
    facts: Mapping[str, Fact | None],
    *,
    to: Addressee,
    fact: str,
    now: datetime,
) -> None:
    """A letter is on its way once this transaction commits. A repeat with the same fact is none.

    What cannot be sent is written down all the same, with why.

    Args:
        facts: what it tells, by the names in `kinds`; one that is None is not known.
        to: who pays; letters for operators go to OPERATORS_EMAIL whatever this says.
        fact: business key, unique among all letters.
        now: when it happened; it is sent in real time, though a sandbox's clock be ahead.
    """
    require_transaction("notices.post")
    if kind in FOR_OPERATORS:
        to = Addressee(settings.OPERATORS_EMAIL, settings.LANGUAGE_CODE)
    notice = Notice(
        account=account,
        kind=kind.value,
        fact=fact,
        email=to.email,
        language=letters.language_of(to.language),
        facts=written(kind, facts),
        created_at=now,
        next_at=now,
    )
    if not to.email or not gateway.is_configured():
        notice.state, notice.next_at = Notice.State.SKIPPED, None
        no_address = not to.email
        notice.trouble = Notice.Trouble.NO_ADDRESS if no_address else Notice.Trouble.NO_SERVER
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    # Whoever was first with this fact has posted its errand.
    if notice.next_at is not None and Notice.objects.filter(pk=notice.pk).exists():
        outbox.post(TaskName.SEND_NOTICE, now=now, notice_id=notice.pk)


def send(notice_id: str, *, now: datetime) -> None:
    """Make one attempt, if one is due; then it is sent, tried again later, or given up.

    The mail server is waited for outside any transaction. A letter that it took while we died
    before writing that down goes out again, with the same number.
    """
    forbid_transaction("notices.send")
    notice = _take(notice_id, now)
    if notice is None:
        return
    trouble = ""
    try:
        gateway.deliver(letters.write(notice))
    except gateway.MailAway as reason:
        trouble = Notice.Trouble.AWAY
        _log.warning("mail_away", notice_id=notice_id, reason=str(reason))
    except gateway.MailRefused as reason:
        trouble = Notice.Trouble.REFUSED
        _log.warning("mail_refused", notice_id=notice_id, reason=str(reason))
    _record(notice, trouble, now)


@transaction.atomic(durable=True)
def again(notice_id: str, *, now: datetime) -> bool:
    """A letter that failed is on its way again. Return whether it had failed."""
    notice = Notice.objects.select_for_update().get(pk=notice_id)
    if notice.state != Notice.State.FAILED:
        return False
    notice.state, notice.trouble, notice.attempts, notice.next_at = Notice.State.WAITING, "", 0, now
    notice.save(update_fields=["state", "trouble", "attempts", "next_at"])
    outbox.post(TaskName.SEND_NOTICE, now=now, notice_id=notice.pk)
    return True


@transaction.atomic(durable=True)
def sweep(*, now: datetime) -> int:
    """Ring again for letters that are long overdue: their message died. Return how many."""
    overdue = list(
        Notice.objects.select_for_update(skip_locked=True)
        .filter(state=Notice.State.WAITING, next_at__lte=now - _OVERDUE)
        .order_by("next_at")[:_SWEEP_BATCH]
    )
    for notice in overdue:
        notice.next_at, notice.leased_until = now, None
        outbox.post(TaskName.SEND_NOTICE, now=now, notice_id=notice.pk)
    Notice.objects.bulk_update(overdue, ["next_at", "leased_until"])
    return len(overdue)


@transaction.atomic(durable=True)
def _take(notice_id: str, now: datetime) -> Notice | None:
    """Lease the letter for one attempt; None when there is nothing to do."""
    notice = (
        Notice.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk=notice_id, state=Notice.State.WAITING)
        .first()
    )
    if notice is None or notice.next_at is None:
        return None
    # The first is due at once, though a sandbox's clock be ahead of this one.
    if notice.attempts and notice.next_at > now + _CLOCK_SKEW:
        return None
    if notice.leased_until is not None and notice.leased_until > now:
        return None
    notice.attempts += 1
    notice.leased_until = now + _LEASE
    notice.save(update_fields=["attempts", "leased_until"])
    return notice


@transaction.atomic(durable=True)
def _record(taken: Notice, trouble: str, now: datetime) -> None:
    """Write down how the attempt ended, unless a later one has begun since."""
    notice = Notice.objects.select_for_update().get(pk=taken.pk)
    if notice.state != Notice.State.WAITING or notice.attempts != taken.attempts:
        return
    pause = schedule.pause_after(notice.attempts) if trouble == Notice.Trouble.AWAY else None
    notice.trouble, notice.leased_until, notice.next_at = trouble, None, None
    if pause is not None:
        notice.next_at = now + pause
        outbox.post(TaskName.SEND_NOTICE, now=now, not_before=notice.next_at, notice_id=notice.pk)
    elif trouble:
        notice.state = Notice.State.FAILED
        _log.error("notice_failed", notice_id=notice.pk, trouble=trouble)
    else:
        notice.state, notice.sent_at = Notice.State.SENT, now
    notice.save(update_fields=["state", "trouble", "leased_until", "next_at", "sent_at"])
