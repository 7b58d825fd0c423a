"""Operators ask backends how they are, see what waits for them, and keep them from work."""

from typing import Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from billing.errors import DomainError
from billing.fleet import selectors, services
from billing.fleet.forms import ModeForm
from billing.fleet.models import BackendState
from billing.gpu.protocol import Readiness
from billing.jobs.services import queueing
from billing.operators.admin.acting import Facts, RecordedAdmin

_READINESS: Final = {
    Readiness.READY: gettext_lazy("ready"),
    Readiness.BUSY: gettext_lazy("every slot is taken"),
    Readiness.DOWN: gettext_lazy("down"),
}


@admin.register(BackendState)
class BackendStateAdmin(RecordedAdmin):
    """Backends: which are kept from work, and what was learnt of them."""

    list_display = ["name", "labelled_mode", "reason", "set_by", "since", "slots", "full_until"]
    list_filter = ["mode"]
    search_fields = ["^name"]
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
        form, facts = ModeForm(request.POST or None), _facts()
        if request.POST.get("act") == "set" and form.is_valid():
            try:
                said = self._set(request, form, facts)
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                self.message_user(request, said)
                facts = _facts()
        buttons = [("look", _("Ask again")), ("set", _("Set the mode"))]
        return self.page(request, _("Backends"), form, buttons, facts)

    def _set(self, request: HttpRequest, form: ModeForm, facts: Facts) -> str:
        said = form.cleaned_data
        shown = [fact for fact in facts if fact[0] == said["backend"]]
        shown.append((_("mode"), said["mode"]))
        with self.line(request, "survey", reason=said["reason"], shown=shown) as line:
            state = services.set_mode(
                backend=said["backend"],
                mode=BackendState.Mode(said["mode"]),
                reason=said["reason"],
                operator=request.user.get_username(),
                now=timezone.now(),
            )
            self.made(line, state)
        text = f"{state.name}: {state.get_mode_display()}. {state.reason}"
        self.log_change(request, state, text)
        return text


def _facts() -> Facts:
    """Return a line for each configured backend, as it says itself and as we have learnt."""
    lines = []
    for standing in selectors.standings():
        health = services.health_of(standing.name)
        slots = _("%(slots)s of %(all)s slots") % {
            "slots": standing.slots,
            "all": standing.slots_configured,
        }
        mode = BackendState.Mode(standing.mode).label
        load = [
            _("%(number)d at work there") % {"number": queueing.in_flight(standing.name)},
            _("%(number)d waiting that it could make")
            % {"number": queueing.waiting_for(standing.name)},
        ]
        words = [str(_READINESS[health.readiness]), health.message]
        words += [str(mode), standing.reason, slots, *load]
        words += [f"{row.model}: {row.get_state_display()}" for row in standing.breakers]
        lines.append((standing.name, " · ".join(word for word in words if word)))
    return lines
