"""Where alerts are told, as the settings say, and the way there."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from billing import egress
from billing.alerts.models import Telling
from billing.transactions import forbid_transaction
from billing.webhooks import gateway as webhooks
from billing.webhooks import signing

_SUCCESS = range(200, 300)


class NotTaken(Exception):
    """The receiver did not take it, and may take it later."""


class SecretUnusable(Exception):
    """ALERT_WEBHOOK_SECRET is none that could sign."""


def channels() -> Iterator[tuple[Telling.Channel, str]]:
    """Yield every channel that is told, with its address."""
    yield Telling.Channel.LOG, ""
    for address in settings.ALERT_EMAILS:
        yield Telling.Channel.MAIL, address
    if settings.ALERT_WEBHOOK_URL:
        yield Telling.Channel.WEBHOOK, settings.ALERT_WEBHOOK_URL


def call(url: str, *, message_id: str, body: str, now: datetime) -> None:
    """The receiver has taken the message, signed as Standard Webhooks has it.

    Raises:
        NotTaken: nobody answered 2xx.
        SecretUnusable: there is nothing to sign with; nothing was sent.
    """
    forbid_transaction("alerts.gateway")
    try:
        signed = signing.headers(
            event_id=message_id, body=body, secrets=[settings.ALERT_WEBHOOK_SECRET], now=now
        )
    except ValueError:
        raise SecretUnusable from None
    headers = {"content-type": "application/json", "user-agent": "linggan-alerts", **signed}
    try:
        reply = egress.post(
            url, headers=headers, body=body.encode(), policy=webhooks.policy(for_platform=True)
        )
    except egress.Unreachable as problem:
        raise NotTaken(str(problem)) from None
    if reply.status not in _SUCCESS:
        raise NotTaken(str(reply.status))
