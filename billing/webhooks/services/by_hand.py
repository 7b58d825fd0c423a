"""What operators do for an endpoint's owner: each act is a transaction of its own."""

from datetime import datetime

import structlog
from django.db import transaction

from billing.webhooks.models import Delivery, Endpoint
from billing.webhooks.services import registering, repeating

_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def retry_by_hand(delivery: Delivery, *, operator: str, now: datetime) -> Delivery:
    """As `retry`, by an operator.

    Raises:
        EndpointDisabled: nothing is sent to its endpoint any more.
    """
    _log.info("webhook_sent_anew", delivery=delivery.pk, operator=operator)
    return repeating.retry(delivery, now=now)


@transaction.atomic(durable=True)
def replay_by_hand(
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime,
    only_dead: bool,
    operator: str,
    now: datetime,
) -> int:
    """As `replay`, by an operator.

    Raises:
        EndpointDisabled: nothing is sent to it any more.
        TooMuchToReplay: there are more than 5,000 such events.
    """
    _log.info("webhooks_replayed", endpoint=endpoint.pk, operator=operator)
    return repeating.replay(endpoint, since=since, until=until, only_dead=only_dead, now=now)


def look_at_replay(
    endpoint: Endpoint, *, since: datetime, until: datetime, only_dead: bool
) -> tuple[int, int]:
    """Return how many events a replay would send, and of how many accounts. Nothing moves.

    Raises:
        EndpointDisabled, TooMuchToReplay: as `replay_by_hand`.
    """
    found = repeating.to_replay(endpoint, since=since, until=until, only_dead=only_dead)
    return len(found), len({event.account_id for event in found})


@transaction.atomic(durable=True)
def switch_by_hand(
    endpoint: Endpoint, *, is_enabled: bool, operator: str, now: datetime
) -> Endpoint:
    """The endpoint is switched on or off by an operator. A repeat changes nothing.

    Raises:
        TooManyEndpoints: the account has ten others that are switched on.
        EndpointDeleted: its owner has deleted it.
    """
    _log.info(
        "webhook_endpoint_switched", endpoint=endpoint.pk, operator=operator, is_enabled=is_enabled
    )
    return registering.change_endpoint(endpoint, is_enabled=is_enabled, now=now)
