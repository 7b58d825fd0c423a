"""What Celery runs for insights."""

from datetime import timedelta
from typing import Final

import structlog
from celery import shared_task
from django.utils import timezone

from billing.alerts import services as alerts
from billing.alerts.rules import RuleCode
from billing.insights import reconcile
from billing.outbox.names import TaskName
from billing.payments import gateway

_SINCE: Final = timedelta(days=3)  # what was on its way at one run is compared by another
_log = structlog.get_logger(__name__)


@shared_task(name=TaskName.RECONCILE.value, acks_late=False, ignore_result=True, typing=False)
def run_reconcile(**_future: object) -> None:
    """Operators hear of each row that two sides disagree on; a missed run only delays it."""
    now = timezone.now()
    report = reconcile.run(since=now - _SINCE, now=now, gateway=gateway.configured())
    for drift in report.drifts:
        _log.error("sides_disagree", drift=str(drift))
    lines = [str(drift) for drift in report.drifts]
    alerts.inspected(RuleCode.SIDES_DISAGREE, lines=lines, now=now)
    if report.stripe_away:
        _log.warning("stripe_not_compared", reason=report.stripe_away)
