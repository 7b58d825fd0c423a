"""Who is told what, and how it went."""

from billing.webhooks.models.deliveries import Delivery, DeliveryAttempt
from billing.webhooks.models.endpoints import Endpoint
from billing.webhooks.models.events import Event, EventCounter
from billing.webhooks.models.fields import (
    EXCERPT_LENGTH_MAX,
    SEALED,
    _delivery_id,
    _endpoint_id,
    _event_id,
)

__all__ = [
    "EXCERPT_LENGTH_MAX",
    "SEALED",
    "Delivery",
    "DeliveryAttempt",
    "Endpoint",
    "Event",
    "EventCounter",
    # Migrations call these by the module's name.
    "_delivery_id",
    "_endpoint_id",
    "_event_id",
]
