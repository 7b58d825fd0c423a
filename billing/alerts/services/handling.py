"""What operators do about alerts: say that they are at it, silence, and try the channels."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from billing.alerts.errors import AlertClosed, SilenceTooLong
from billing.alerts.models import REASON_LENGTH_MAX, Alert, Silence, Telling
from billing.alerts.services.telling import tell
from billing.fleet.errors import ReasonMissing

_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def acknowledge(alert_id: str, *, operator: User, now: datetime) -> Alert:
    """Everybody sees who looks after the alert; the first who says so stays named.

    Raises:
        AlertClosed: it is well again.
    """
    alert = _lock(alert_id)
    if alert.acknowledged_at is None:
        alert.acknowledged_at, alert.acknowledged_by = now, operator
        alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
    return alert


@transaction.atomic(durable=True)
def silence(
    alert_id: str, *, lasts: timedelta, everywhere: bool, reason: str, operator: User, now: datetime
) -> Silence:
    """Nobody is told for so long that the alert's subject opens; what stays open is told then.

    Args:
        lasts: from now on, above zero.
        everywhere: for all subjects of the rule.

    Raises:
        AlertClosed: it is well again. ReasonMissing: no word why.
        SilenceTooLong: it ends before it begins, or lasts longer than one person may decide
            (`ALERT_SILENCE_HOURS`).
    """
    alert = _lock(alert_id)
    if not reason.strip():
        raise ReasonMissing
    if not timedelta(0) < lasts <= timedelta(hours=settings.ALERT_SILENCE_HOURS):
        raise SilenceTooLong(hours=settings.ALERT_SILENCE_HOURS)
    made = Silence.objects.create(
        rule=alert.rule,
        subject="" if everywhere else alert.subject,
        since=now,
        until=now + lasts,
        reason=reason.strip()[:REASON_LENGTH_MAX],
        operator=operator,
    )
    _log.info("alert_silenced", rule=made.rule, subject=made.subject, by=operator.get_username())
    return made


@transaction.atomic(durable=True)
def send_test(*, now: datetime) -> None:
    """Every channel is on its way to be told that this is a test."""
    tell(Telling.Event.TEST, None, now=now)


def _lock(alert_id: str) -> Alert:
    alert = Alert.objects.select_for_update().get(pk=alert_id)
    if alert.closed_at is not None:
        raise AlertClosed
    return alert
