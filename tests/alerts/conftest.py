"""The cast of the alerts' tests: one rule at a time, a mail server, and a receiver that listens."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from billing.alerts import services
from billing.alerts.models import Alert
from billing.alerts.rules import BY_CODE, Rule, RuleCode
from billing.outbox import gateway
from tests.cast import kling
from tests.egress.receiver import Receiver
from tests.insights.conftest import buyer, shop
from tests.notices.conftest import mailbox

__all__ = ["buyer", "kling", "mailbox", "shop"]

SECRET = "whsec_bGluZ2dhbi1saW5nZ2FuLWxpbmdnYW4tbGluZ2dhbg=="


@pytest.fixture(autouse=True)
def _nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test alone say when a worker runs."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """Whoever is called of alerts listens on the loopback."""
    with Receiver() as listening:
        settings.ALERT_WEBHOOK_URL = listening.url
        settings.ALERT_WEBHOOK_SECRET = SECRET
        yield listening


def only(settings: Settings, code: RuleCode, **changes: object) -> Rule:
    """Watch over one rule, with these changes."""
    rule = replace(BY_CODE[code.value], **changes)  # type: ignore[arg-type]  # each test knows them
    settings.ALERT_RULES = (rule,)
    return rule


def look(after: timedelta = timedelta(0)) -> list[Alert]:
    """Have a worker evaluate so long after the story began; return what stands then."""
    services.evaluate(now=datetime.now(UTC) + after)
    return list(Alert.objects.filter(closed_at=None).order_by("subject"))
