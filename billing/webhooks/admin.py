"""Operators see who was told what; secrets stay sealed, and nothing is edited."""

from django.contrib import admin
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from billing.http.admin import ReadOnlyAdmin
from billing.webhooks.models import Delivery, Endpoint, Event

_ADDRESS_LENGTH_MAX = 40


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin[Endpoint]):
    """Who is told."""

    list_display = ["id", "account", "url", "is_sandbox", "disabled_reason", "created_at"]
    list_filter = ["disabled_reason", "is_sandbox"]
    search_fields = ["=id", "=account__external_id", "url"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "is_sandbox", "url", "events", "previous_until"),
        *("disabled_reason", "disabled_at", "created_at"),
    ]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """What was told."""

    list_display = ["id", "account", "sequence", "type", "created_at"]
    list_filter = ["type"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    """How it went."""

    list_display = [
        *("id", "event_type", "address", "attempts", "last_status", "last_trouble"),
        *("next_at", "delivered_at", "dead_at"),
    ]
    list_filter = ["last_trouble", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=event__id", "=endpoint__id"]
    list_select_related = ["event", "endpoint"]
    date_hierarchy = "created_at"

    @admin.display(description=_("address"), ordering="endpoint__url")
    def address(self, delivery: Delivery) -> str:
        """Return where it goes, as far as a column is wide."""
        return Truncator(delivery.endpoint.url).chars(_ADDRESS_LENGTH_MAX)

    @admin.display(description=_("event"))
    def event_type(self, delivery: Delivery) -> str:
        """Return what was told."""
        return delivery.event.type
