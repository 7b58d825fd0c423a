"""Operators see what is wrong, what to do, and who was told; each act goes by a service."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from billing.alerts import messages, remedies, services
from billing.alerts.forms import SilenceForm
from billing.alerts.labels import FACTS
from billing.alerts.models import Alert, Inspection, Silence, Telling, Watch
from billing.alerts.rules import BY_CODE, Severity
from billing.errors import DomainError
from billing.http.admin import ReadOnlyAdmin, in_currency
from billing.operators.admin.acting import Facts, RecordedAdmin, operator
from billing.operators.forms import ReasonForm

_BADGE_MAX = 999  # nobody reads a longer number


@admin.register(Alert)
class AlertAdmin(RecordedAdmin):
    """What is wrong now, then what was."""

    list_display = [
        *("labelled_severity", "rule", "subject", "labelled_state", "said"),
        *("opened_at", "closed_at", "acknowledged_by"),
    ]
    list_display_links = ["rule"]
    list_filter = ["state", "severity", "rule"]
    search_fields = ["=id", "=subject"]
    list_select_related = ["acknowledged_by"]
    ordering = ["-closed_at", "-id"]
    fields = [
        *("id", "rule", "subject", "severity", "state", "said", "to_do", "rows"),
        *("value_with_unit", "worst_with_unit", "bound", "measured", "told"),
        *("began_at", "opened_at", "told_at", "seen_at", "well_since", "closed_at"),
        *("acknowledged_at", "acknowledged_by"),
    ]
    empty_says = gettext_lazy("Nothing is wrong, as far as the rules see.")
    actions_list = ["send_test"]
    actions_detail = ["acknowledge", "silence"]

    def asks_for_a_look(self) -> int:
        """Return how many alerts are open, for the sidebar."""
        open_ = Alert.objects.filter(closed_at=None, state=Alert.State.OPEN)
        return len(open_.values_list("pk")[:_BADGE_MAX])

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=_("severity"),
        label={
            Severity.CRITICAL.value: "danger",
            Severity.ERROR.value: "warning",
            Severity.WARNING.value: "info",
        },
    )
    def labelled_severity(self, alert: Alert) -> tuple[str, str]:
        """Return how bad it is, in a word and a colour."""
        return alert.severity, alert.get_severity_display()

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=_("state"),
        label={Alert.State.OPEN.value: "danger", Alert.State.CLOSED.value: "success"},
    )
    def labelled_state(self, alert: Alert) -> tuple[str, str]:
        """Return where it stands, in a word and a colour."""
        return alert.state, alert.get_state_display()

    @admin.display(description=_("what is wrong"))
    def said(self, alert: Alert) -> str:
        """Return the sentence with its numbers."""
        return messages.sentence(alert)

    @admin.display(description=_("what to do"))
    def to_do(self, alert: Alert) -> SafeString:
        """Return the part of the operations manual that says it."""
        anchor, language = BY_CODE[alert.rule].remedy, get_language() or ""
        return format_html(
            '<p>{}#{}</p><pre style="white-space: pre-wrap">{}</pre>',
            remedies.book(language),
            anchor,
            remedies.section(anchor, language),
        )

    @admin.display(description=_("rows"))
    def rows(self, alert: Alert) -> SafeString | str:
        """Return a link to each row that it is about."""
        found = alert.facts.get("rows", [])
        links = ((_address(label, key), key) for label, key in found)
        return format_html_join("", '<div><a href="{}">{}</a></div>', links) or "-"

    @admin.display(description=_("measured"))
    def measured(self, alert: Alert) -> SafeString | str:
        """Return what else was measured, one fact a line."""
        lines = _measured(alert)
        return format_html_join("", "<div>{}: {}</div>", lines) or "-"

    @admin.display(description=_("value"))
    def value_with_unit(self, alert: Alert) -> str:
        """Return what was measured last."""
        return messages.said_value(alert, alert.value)

    @admin.display(description=_("worst value"))
    def worst_with_unit(self, alert: Alert) -> str:
        """Return the worst that was measured."""
        return messages.said_value(alert, alert.worst)

    @admin.display(description=_("bound"))
    def bound(self, alert: Alert) -> str:
        """Return at which value it bites."""
        return messages.said_value(alert, alert.bites_at)

    @admin.display(description=_("who was told"))
    def told(self, alert: Alert) -> SafeString | str:
        """Return a line for each telling, with a link to it."""
        tellings = alert.tellings.order_by("id")
        lines = (
            (
                _address("billing.telling", each.pk),
                each.get_event_display(),
                each.get_channel_display(),
                each.address,
                each.get_state_display(),
            )
            for each in tellings
        )
        row = '<div><a href="{}">{} · {} {} · {}</a></div>'
        return format_html_join("", row, lines) or "-"

    def has_handle_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who looks after alerts sees the acts."""
        return request.user.has_perm("billing.handle_alert")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("I look after it"), url_path="acknowledge", permissions=["handle"]
    )
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that one is at it."""
        alert = self.get_object(request, unquote(object_id))
        if alert is None:
            return self.absent(request, object_id)

        def do(row: Alert, _reason: str) -> str:
            services.acknowledge(row.pk, operator=operator(request), now=timezone.now())
            return gettext("Acknowledged.")

        return self.ask_first_of_one(request, "acknowledge", alert, look=_said_of, do=do)

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Silence it"), url_path="silence", permissions=["handle"]
    )
    def silence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Tell nobody for a time."""
        alert = self.get_object(request, unquote(object_id))
        if alert is None:
            return self.absent(request, object_id)
        form = SilenceForm(request.POST or None)
        if form.is_valid():
            reason, shown = form.cleaned_data["reason"], [*_said_of(alert), *form.facts()]
            try:
                with self.line(request, "silence", alert, reason=reason, shown=shown):
                    services.silence(
                        alert.pk,
                        lasts=form.lasts,
                        everywhere=form.cleaned_data["everywhere"],
                        reason=reason,
                        operator=operator(request),
                        now=timezone.now(),
                    )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                return self.to_list()
        buttons = [("silence", gettext("Silence it"))]
        return self.page(request, gettext("Silence it"), form, buttons, _said_of(alert))

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Send a test alert"), url_path="send-test", permissions=["handle"]
    )
    def send_test(self, request: HttpRequest) -> HttpResponse:
        """Tell every channel that this is a test."""
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            with self.line(request, "send_test", reason=form.cleaned_data["reason"]):
                services.send_test(now=timezone.now())
            said = gettext("A test is on its way; how it went stands at the tellings of alerts.")
            self.message_user(request, said)
            return self.to_list()
        buttons = [("send", gettext("Send a test alert"))]
        return self.page(request, gettext("Send a test alert"), form, buttons)


def _measured(alert: Alert) -> list[tuple[str, str]]:
    """Return what was measured beside the value, as a person reads it; of several, each alone."""
    found = [(name, alert.facts[name]) for name in FACTS if name in alert.facts]
    return [
        (str(FACTS[name]), _fact(name, one, alert.facts.get("in", "")))
        for name, fact in found
        for one in (fact if isinstance(fact, list) else [fact])
    ]


def _fact(name: str, fact: Any, currency: str) -> str:  # noqa: ANN401 (JSON)
    if name == "ended_at":
        return str(localize(datetime.fromisoformat(fact)))
    return in_currency(fact, currency) if name.endswith("_micros") else str(fact)


def _said_of(alert: Alert) -> Facts:
    """Return what a person reads before an act on an alert."""
    return [(gettext("what is wrong"), messages.sentence(alert))]


@admin.register(Telling)
class TellingAdmin(ReadOnlyAdmin[Telling]):
    """Who was told of which alert, and whether it arrived."""

    list_display = [
        *("id", "alert", "event", "channel", "address", "labelled_state", "trouble"),
        *("attempts", "next_at", "created_at", "sent_at"),
    ]
    list_filter = ["channel", "state", "event"]
    search_fields = ["=id", "=alert__id"]
    list_select_related = ["alert"]

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=_("state"),
        label={
            Telling.State.SENT.value: "success",
            Telling.State.FAILED.value: "danger",
            Telling.State.WAITING.value: "info",
        },
    )
    def labelled_state(self, telling: Telling) -> tuple[str, str]:
        """Return whether it arrived, in a word and a colour."""
        return telling.state, telling.get_state_display()


@admin.register(Silence)
class SilenceAdmin(ReadOnlyAdmin[Silence]):
    """What nobody is told of, until when, and why."""

    list_display = ["rule", "subject", "since", "until", "reason", "operator"]
    list_filter = ["rule"]
    search_fields = ["=id"]
    list_select_related = ["operator"]


@admin.register(Watch)
class WatchAdmin(ReadOnlyAdmin[Watch]):
    """When each rule was last measured: one that lags behind could not be."""

    list_display = ["rule", "looked_at"]


@admin.register(Inspection)
class InspectionAdmin(ReadOnlyAdmin[Inspection]):
    """What the last audit and the last comparison have found."""

    list_display = ["rule", "found", "ended_at"]


def _address(label: str, key: Any) -> str:  # noqa: ANN401 (a key of any model)
    """Return the address of a row's window."""
    opts = apps.get_model(label)._meta  # noqa: SLF001 (Django's own word for it)
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(key)])
