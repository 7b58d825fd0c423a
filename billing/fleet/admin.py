"""Operators look at backends, keep them from work, and close breakers; services do it."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from billing.errors import DomainError
from billing.fleet import selectors, services
from billing.fleet.breaking import BreakerState
from billing.fleet.forms import ModeForm
from billing.fleet.models import BackendState, Breaker
from billing.http.admin import ActingAdmin, ReadOnlyAdmin


@admin.register(BackendState)
class BackendStateAdmin(ActingAdmin[BackendState]):
    """Backends: which are kept from work, and what was learnt of them."""

    list_display = ["name", "labelled_mode", "reason", "set_by", "since", "slots", "full_until"]
    list_filter = ["mode"]
    search_fields = ["name"]
    actions_list = ["survey"]

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("mode"),
        ordering="mode",
        label={
            BackendState.Mode.OPEN.value: "success",
            BackendState.Mode.DRAINING.value: "warning",
            BackendState.Mode.MAINTENANCE.value: "danger",
        },
    )
    def labelled_mode(self, state: BackendState) -> tuple[str, str]:
        """Return what it may do, for a coloured label."""
        return state.mode, state.get_mode_display()

    def has_set_mode_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may keep backends from work sees the page."""
        return request.user.has_perm("billing.set_mode_backendstate")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Ask all backends; drain, maintain or open one"),
        url_path="survey",
        permissions=["set_mode"],
    )
    def survey(self, request: HttpRequest) -> HttpResponse:
        """Ask each configured backend how it is; set the mode of one, if that is wanted."""
        form = ModeForm(request.POST or None)
        if request.POST.get("act") == "set" and form.is_valid():
            try:
                state = services.set_mode(
                    backend=form.cleaned_data["backend"],
                    mode=BackendState.Mode(form.cleaned_data["mode"]),
                    reason=form.cleaned_data["reason"],
                    operator=request.user.get_username(),
                    now=timezone.now(),
                )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                said = f"{state.name}: {state.get_mode_display()}. {state.reason}"
                self.log_change(request, state, said)
                self.message_user(request, said)
        buttons = [("look", _("Ask again")), ("set", _("Set the mode"))]
        return self.page(request, _("Backends"), form, buttons, _facts())


@admin.register(Breaker)
class BreakerAdmin(ReadOnlyAdmin[Breaker]):
    """What keeps orders of a model from a backend at which they come to nothing."""

    list_display = [
        *("backend", "model", "labelled_state", "unheard", "unmade"),
        *("opened_at", "retry_at", "reason"),
    ]
    list_filter = ["state", "backend"]
    search_fields = ["backend", "model", "=probe_id"]
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
    def reset(self, request: HttpRequest, queryset: QuerySet[Breaker]) -> None:
        """Close each: orders go through again at once."""
        for row in queryset.order_by("pk"):
            try:
                breaker = services.reset_breaker(
                    backend=row.backend, model=row.model, operator=request.user.get_username()
                )
            except DomainError as refusal:
                self.message_user(request, f"{row}: {refusal.message}", messages.WARNING)
            else:
                self.log_change(request, breaker, _("Closed by an operator."))
                self.message_user(request, _("%(breaker)s is closed.") % {"breaker": breaker})


def _facts() -> list[tuple[str, str]]:
    """Return a line for each configured backend, as it says itself and as we have learnt."""
    lines = []
    for standing in selectors.standings():
        health = services.health_of(standing.name)
        slots = _("%(slots)s of %(all)s slots") % {
            "slots": standing.slots,
            "all": standing.slots_configured,
        }
        mode = BackendState.Mode(standing.mode).label
        words = [health.readiness.value, health.message, str(mode), standing.reason, slots]
        words += [f"{row.model}: {row.get_state_display()}" for row in standing.breakers]
        lines.append((standing.name, " · ".join(word for word in words if word)))
    return lines
