"""What operators' windows show of alerts: something is wrong, and somebody wants no word of it."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from billing.alerts import services
from billing.alerts.models import Alert
from billing.alerts.rules import RuleCode


def make_rows(*, text: str, now: datetime) -> None:
    """Make a row of each kind; whatever words an operator or a check may write are `text`."""
    services.inspected(RuleCode.INVARIANT_BROKEN, lines=[text], now=now)
    services.evaluate(now=now)
    services.silence(
        Alert.objects.get(rule=RuleCode.INVARIANT_BROKEN.value).pk,
        lasts=timedelta(hours=1),
        everywhere=False,
        reason=text,
        operator=User.objects.create_superuser("ida"),
        now=now,
    )
