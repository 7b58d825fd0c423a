"""Tells every channel of an alert: once, after the commit, again while nobody takes it."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q

from billing.alerts import gateway, messages
from billing.alerts.models import Alert, Silence, Telling
from billing.notices import gateway as mail
from billing.notices import schedule
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import forbid_transaction, require_transaction

# Longer than a mail server or a receiver is waited for.
_LEASE: Final = timedelta(minutes=2)
# The clocks of two workers differ by less.
_CLOCK_SKEW: Final = timedelta(seconds=5)
# The outbox rings long before: later than this, its message must have died.
_OVERDUE: Final = timedelta(minutes=10)
_SWEEP_BATCH: Final = 100

_log = structlog.get_logger(__name__)


def tell(event: Telling.Event, alert: Alert | None, *, now: datetime) -> None:
    """Every channel is told once this transaction commits; a repeat of the same tells nobody.

    Args:
        alert: None for a test.
    """
    require_transaction("alerts.tell")
    for channel, address in gateway.channels():
        telling = Telling(
            alert=alert, event=event, channel=channel, address=address, created_at=now, next_at=now
        )
        if channel == Telling.Channel.MAIL and not mail.is_configured():
            telling.state, telling.next_at = Telling.State.FAILED, None
            telling.trouble = Telling.Trouble.NO_SERVER
        Telling.objects.bulk_create([telling], ignore_conflicts=True)
        if telling.next_at is not None and Telling.objects.filter(pk=telling.pk).exists():
            outbox.post(TaskName.SEND_ALERT, now=now, telling_id=telling.pk)


def is_silenced(alert: Alert, *, now: datetime) -> bool:
    """Say whether nobody is to be told of the alert's subject at `now`."""
    about = Q(subject="") | Q(subject=alert.subject)
    return Silence.objects.filter(about, rule=alert.rule, since__lte=now, until__gt=now).exists()


def send(telling_id: str, *, now: datetime) -> None:
    """Make one attempt, if one is due; then it is sent, tried again later, or given up.

    What was taken while we died before writing that down is told again, with the same number.
    """
    forbid_transaction("alerts.send")
    telling = _take(telling_id, now)
    if telling is None:
        return
    trouble = ""
    try:
        _hand_over(telling, now)
    except (mail.MailAway, gateway.NotTaken) as reason:
        trouble = Telling.Trouble.AWAY
        _log.warning("alert_not_taken", telling_id=telling_id, reason=str(reason))
    except mail.MailRefused as reason:
        trouble = Telling.Trouble.REFUSED
        _log.warning("alert_not_taken", telling_id=telling_id, reason=str(reason))
    except gateway.SecretUnusable:
        trouble = Telling.Trouble.SECRET
        _log.warning("alert_not_taken", telling_id=telling_id, reason="secret")
    _record(telling, trouble, now)


@transaction.atomic(durable=True)
def sweep(*, now: datetime) -> int:
    """Ring again for tellings that are long overdue: their message died. Return how many."""
    overdue = list(
        Telling.objects.select_for_update(skip_locked=True)
        .filter(state=Telling.State.WAITING, next_at__lte=now - _OVERDUE)
        .order_by("next_at")[:_SWEEP_BATCH]
    )
    for telling in overdue:
        telling.next_at, telling.leased_until = now, None
        outbox.post(TaskName.SEND_ALERT, now=now, telling_id=telling.pk)
    Telling.objects.bulk_update(overdue, ["next_at", "leased_until"])
    return len(overdue)


def _hand_over(telling: Telling, now: datetime) -> None:
    match telling.channel:
        case Telling.Channel.LOG:
            _write_line(telling)
        case Telling.Channel.MAIL:
            mail.deliver(messages.letter(telling))
        case Telling.Channel.WEBHOOK:
            body = messages.body(telling)
            gateway.call(telling.address, message_id=telling.pk, body=body, now=now)


def _write_line(telling: Telling) -> None:
    facts = messages.facts(telling)
    match telling.event:
        case Telling.Event.OPENED:
            _log.error("alert_opened", **facts)
        case Telling.Event.CLOSED:
            _log.info("alert_closed", **facts)
        case Telling.Event.TEST:
            _log.info("alert_test")


@transaction.atomic(durable=True)
def _take(telling_id: str, now: datetime) -> Telling | None:
    """Lease the telling for one attempt; None when there is nothing to do."""
    telling = (
        Telling.objects.select_for_update(of=("self",))
        .select_related("alert")
        .filter(pk=telling_id, state=Telling.State.WAITING)
        .first()
    )
    if telling is None or telling.next_at is None or telling.next_at > now + _CLOCK_SKEW:
        return None
    if telling.leased_until is not None and telling.leased_until > now:
        return None
    telling.attempts += 1
    telling.leased_until = now + _LEASE
    telling.save(update_fields=["attempts", "leased_until"])
    return telling


@transaction.atomic(durable=True)
def _record(taken: Telling, trouble: str, now: datetime) -> None:
    """Write down how the attempt ended, unless a later one has begun since."""
    telling = Telling.objects.select_for_update().get(pk=taken.pk)
    if telling.state != Telling.State.WAITING or telling.attempts != taken.attempts:
        return
    pause = schedule.pause_after(telling.attempts) if trouble == Telling.Trouble.AWAY else None
    telling.trouble, telling.leased_until, telling.next_at = trouble, None, None
    if pause is not None:
        telling.next_at = now + pause
        outbox.post(TaskName.SEND_ALERT, now=now, not_before=telling.next_at, telling_id=telling.pk)
    elif trouble:
        telling.state = Telling.State.FAILED
        _log.error("alert_told_nobody", telling_id=telling.pk, channel=telling.channel)
    else:
        telling.state, telling.sent_at = Telling.State.SENT, now
    telling.save(update_fields=["state", "trouble", "leased_until", "next_at", "sent_at"])
