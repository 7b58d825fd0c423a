"""Operators see what Stripe has told and when we looked, and may have an event applied again."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.payments import services
from billing.payments.models import Look, StripeEvent


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin[StripeEvent]):
    """The inbox: every event that Stripe has proven to be its own."""

    list_display = ["id", "type", "object_id", "received_at", "applied_at", "is_ignored", "error"]
    list_filter = [("applied_at", admin.EmptyFieldListFilter), "is_ignored", "via", "type"]
    search_fields = ["=id", "=object_id"]
    date_hierarchy = "received_at"
    actions = ["apply_events_again"]

    def has_apply_permission(self, request: HttpRequest) -> bool:
        """Only who may change events sees the action; no form does so either way."""
        return request.user.has_perm("billing.change_stripeevent")

    @admin.action(
        description=gettext_lazy("Apply the selected events again"), permissions=["apply"]
    )
    def apply_events_again(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> None:
        """Have what each event is about looked at once more; that changes nothing twice."""
        for event in queryset.order_by("pk"):
            services.ring_again(event_id=event.pk, now=timezone.now())
            self.log_change(request, event, _("Applied again by an operator."))
            self.message_user(request, _("%(event)s is applied again.") % {"event": event.pk})


@admin.register(Look)
class LookAdmin(ReadOnlyAdmin[Look]):
    """A window: when each object of Stripe's was looked at last."""

    list_display = ["object_id", "asked", "applied", "applied_at"]
    search_fields = ["=object_id"]
