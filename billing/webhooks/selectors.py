"""What can be asked about webhooks without changing anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch, QuerySet

from billing.accounts.models import Account
from billing.http import problems
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose endpoints are meant: an account's; or everybody's, on one side of the sandbox."""

    account: Account | None
    is_sandbox: bool


def endpoints(owner: Owner) -> QuerySet[Endpoint]:
    """Return the owner's endpoints, the deleted ones left out."""
    return Endpoint.objects.filter(account=owner.account, is_sandbox=owner.is_sandbox).exclude(
        disabled_reason=Endpoint.DisabledReason.DELETED
    )


def endpoint(owner: Owner, endpoint_id: str) -> Endpoint:
    """Return one of the owner's endpoints.

    Raises:
        NotFound: there is none of that id, or it is another's.
    """
    found = endpoints(owner).filter(pk=endpoint_id).first()
    if found is None:
        raise problems.absent()
    return found


def event_types(account_ids: Sequence[str], *, since: datetime) -> dict[str, int]:
    """Return how many events of each type these accounts have had after `since`."""
    events = Event.objects.filter(account__in=account_ids, created_at__gt=since)
    return dict(events.order_by("type").values_list("type").annotate(number=Count("pk")))


def deliveries(of: Endpoint) -> QuerySet[Delivery]:
    """Return what was sent to the endpoint, or is on its way."""
    return Delivery.objects.filter(endpoint=of).select_related("event")


def delivery(of: Endpoint, delivery_id: str) -> Delivery:
    """Return one of the endpoint's deliveries, with its event and its log, the first try first.

    Raises:
        NotFound: there is none of that id, or it is another endpoint's.
    """
    log = Prefetch("log", DeliveryAttempt.objects.order_by("number"))
    found = deliveries(of).prefetch_related(log).filter(pk=delivery_id).first()
    if found is None:
        raise problems.absent()
    return found
