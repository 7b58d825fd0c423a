"""Operators look at what keeps orders from backends, and close it; a service does that."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from billing.fleet import services
from billing.fleet.breaking import BreakerState
from billing.fleet.models import Breaker
from billing.operators.admin.acting import Facts, RecordedAdmin


@admin.register(Breaker)
class BreakerAdmin(RecordedAdmin):
    """What keeps orders of a model from a backend at which they come to nothing."""

    list_display = [
        *("backend", "model", "labelled_state", "unheard", "unmade"),
        *("opened_at", "retry_at", "reason"),
    ]
    list_filter = ["state", "backend"]
    search_fields = ["=backend", "=model", "=probe_id"]
    actions = ["reset"]

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("state"),
        ordering="state",
        label={
            BreakerState.CLOSED.value: "success",
            BreakerState.OPEN.value: "danger",
            BreakerState.HALF_OPEN.value: "warning",
        },
    )
    def labelled_state(self, breaker: Breaker) -> tuple[str, str]:
        """Return where it stands, for a coloured label."""
        return breaker.state, breaker.get_state_display()

    def has_reset_permission(self, request: HttpRequest) -> bool:
        """Only who may close breakers sees the action."""
        return request.user.has_perm("billing.reset_breaker")

    @admin.action(description=gettext_lazy("Close the selected breakers"), permissions=["reset"])
    def reset(self, request: HttpRequest, queryset: QuerySet[Breaker]) -> HttpResponse | None:
        """Close each: orders go through again at once."""

        def close(row: Breaker, _reason: str) -> str:
            breaker = services.reset_breaker(
                backend=row.backend, model=row.model, operator=request.user.get_username()
            )
            return _("%(breaker)s is closed.") % {"breaker": breaker}

        return self.ask_first(request, "reset", queryset, look=_kept_away, do=close)


def _kept_away(breaker: Breaker) -> Facts:
    """Return which orders go where again, and what kept them away."""
    said = _("orders of %(model)s go to %(backend)s again at once")
    words = [said % {"model": breaker.model, "backend": breaker.backend}]
    words += [str(breaker.get_state_display()), breaker.reason]
    return [(str(breaker), " · ".join(filter(None, words)))]
