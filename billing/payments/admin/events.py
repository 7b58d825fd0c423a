"""Operators see what Stripe has told and when we looked, and may have an event applied again."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin, pretty
from billing.http.logs import without_secrets
from billing.operators.admin.acting import Facts, RecordedAdmin
from billing.payments import services
from billing.payments.models import Look, StripeEvent


@admin.register(StripeEvent)
class StripeEventAdmin(RecordedAdmin):
    """The inbox: every event that Stripe has proven to be its own."""

    empty_says = gettext_lazy(
        "Stripe has told nothing yet. Its webhooks arrive at /webhooks/stripe, and what did not is "
        "fetched every ten minutes."
    )
    list_display = ["received_at", "type", "object_id", "outcome"]
    dated_by = "created_at"
    ordering = ["-created_at"]
    served = frozenset({"applied_at__isempty"})
    list_filter = [("applied_at", admin.EmptyFieldListFilter), "is_ignored", "via", "type"]
    search_fields = ["=id", "=object_id"]
    fields = [
        *("id", "type", "object_type", "object_id", "is_live", "via", "created_at", "received_at"),
        *("outcome", "applied_at", "as_it_came"),
    ]
    actions = ["apply_events_again"]

    @admin.display(description=gettext_lazy("outcome"), ordering="applied_at")
    def outcome(self, event: StripeEvent) -> str:
        """Return what has become of it."""
        if event.is_ignored:
            return _("changes nothing here")
        if event.applied_at is not None:
            return _("applied")
        return event.error or _("waits for a worker")

    @admin.display(description=gettext_lazy("as it came"))
    def as_it_came(self, event: StripeEvent) -> str:
        """Return what it says, without what lets somebody pay."""
        try:
            told = json.loads(event.raw)
        except ValueError:
            told = event.raw
        return pretty(without_secrets(told))

    def has_apply_permission(self, request: HttpRequest) -> bool:
        """Only who may change events sees the action; no form does so either way."""
        return request.user.has_perm("billing.change_stripeevent")

    @admin.action(
        description=gettext_lazy("Apply the selected events again"), permissions=["apply"]
    )
    def apply_events_again(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> HttpResponse | None:
        """Have what each event is about looked at once more; that changes nothing twice."""

        def ring(event: StripeEvent, _reason: str) -> str:
            services.ring_again(event_id=event.pk, now=timezone.now())
            return _("It is applied again.")

        return self.ask_first(request, "apply_events_again", queryset, look=self._about, do=ring)

    def _about(self, event: StripeEvent) -> Facts:
        """Return what Stripe would be asked for, and what became of the event until now."""
        return [(event.pk, f"{event.type} · {event.object_id} · {self.outcome(event)}")]


@admin.register(Look)
class LookAdmin(ReadOnlyAdmin[Look]):
    """A window: when each object of Stripe's was looked at last."""

    empty_says = gettext_lazy("Stripe was asked for nothing yet. It is for each event.")
    list_display = ["object_id", "asked", "applied", "applied_at"]
    search_fields = ["=object_id"]
