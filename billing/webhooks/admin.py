"""Operators see who was told what, have it sent anew, and switch endpoints; nothing is edited."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from billing.errors import DomainError
from billing.http.admin import ActingAdmin, ReadOnlyAdmin
from billing.webhooks import services
from billing.webhooks.forms import ReasonForm, ReplayForm
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event

_ADDRESS_LENGTH_MAX = 40


@admin.register(Endpoint)
class EndpointAdmin(ActingAdmin[Endpoint]):
    """Who is told."""

    list_display = [
        *("id", "account", "url", "is_sandbox", "disabled_reason", "took_at", "created_at")
    ]
    list_filter = ["disabled_reason", "is_sandbox"]
    search_fields = ["=id", "=account__external_id", "url"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "is_sandbox", "url", "events", "previous_until"),
        *("disabled_reason", "disabled_at", "called_at", "took_at", "prompt_from", "created_at"),
    ]
    actions_detail = ["replay", "switch"]

    def has_operate_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may act for an endpoint's owner sees the pages."""
        return request.user.has_perm("billing.operate_endpoint")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Send its events once more"),
        url_path="replay",
        permissions=["operate"],
    )
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send what happened in a stretch of time once more."""
        endpoint = self.get_object(request, unquote(object_id))
        if endpoint is None:
            return self.to_list()
        form = ReplayForm(request.POST or None)
        if form.is_valid():
            try:
                number = services.replay_by_hand(
                    endpoint,
                    since=form.cleaned_data["since"],
                    until=form.cleaned_data["until"],
                    only_dead=form.cleaned_data["only_dead"],
                    operator=request.user.get_username(),
                    now=timezone.now(),
                )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                said = gettext("%(number)d events are on their way once more.")
                self.log_change(request, endpoint, form.cleaned_data["reason"])
                self.message_user(request, said % {"number": number})
                return self.to_list()
        buttons = [("replay", gettext("Send them"))]
        return self.page(request, gettext("Send its events once more"), form, buttons)

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Switch it off or on"), url_path="switch", permissions=["operate"]
    )
    def switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Switch an endpoint off, or on again."""
        endpoint = self.get_object(request, unquote(object_id))
        if endpoint is None:
            return self.to_list()
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                services.switch_by_hand(
                    endpoint,
                    is_enabled=request.POST.get("act") == "on",
                    operator=request.user.get_username(),
                    now=timezone.now(),
                )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                self.log_change(request, endpoint, form.cleaned_data["reason"])
                return self.to_list()
        buttons = [("off", gettext("Switch off")), ("on", gettext("Switch on"))]
        return self.page(request, gettext("Switch it off or on"), form, buttons)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """What was told."""

    list_display = ["id", "account", "sequence", "type", "created_at"]
    list_filter = ["type"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"


@admin.register(Delivery)
class DeliveryAdmin(ActingAdmin[Delivery]):
    """How it went: what was sent, and what was answered to each try."""

    list_display = [
        *("id", "event_type", "address", "attempts", "last_status", "last_trouble"),
        *("waits_for", "next_at", "delivered_at", "dead_at"),
    ]
    list_filter = ["last_trouble", "waits_for", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=event__id", "=endpoint__id", "=account__external_id"]
    list_select_related = ["event", "endpoint"]
    date_hierarchy = "created_at"
    readonly_fields = ["body", "log"]
    actions_detail = ["send_anew"]

    @admin.display(description=_("address"), ordering="endpoint__url")
    def address(self, delivery: Delivery) -> str:
        """Return where it goes, as far as a column is wide."""
        return Truncator(delivery.endpoint.url).chars(_ADDRESS_LENGTH_MAX)

    @admin.display(description=_("event"))
    def event_type(self, delivery: Delivery) -> str:
        """Return what was told."""
        return delivery.event.type

    @admin.display(description=_("payload"))
    def body(self, delivery: Delivery) -> str:
        """Return what is sent, byte for byte."""
        return delivery.event.payload

    @admin.display(description=_("webhook attempts"))
    def log(self, delivery: Delivery) -> SafeString:
        """Return a line for each try."""
        tries = delivery.log.order_by("number")
        return format_html_join("", "<div>{}</div>", ((_line(attempt),) for attempt in tries))

    def has_operate_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may act for an endpoint's owner sees the page."""
        return request.user.has_perm("billing.operate_endpoint")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Send it anew"), url_path="send-anew", permissions=["operate"]
    )
    def send_anew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a delivery all its attempts again, the first one now."""
        delivery = self.get_object(request, unquote(object_id))
        if delivery is None:
            return self.to_list()
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                services.retry_by_hand(
                    delivery, operator=request.user.get_username(), now=timezone.now()
                )
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)
            else:
                self.log_change(request, delivery, form.cleaned_data["reason"])
            return self.to_list()
        buttons = [("send", gettext("Send it anew"))]
        return self.page(request, gettext("Send it anew"), form, buttons)


def _line(attempt: DeliveryAttempt) -> str:
    """Return a try in a line: when it was, what came of it, how the answer began."""
    said = attempt.status or attempt.get_trouble_display()
    return f"{attempt.number} · {attempt.begun_at:%Y-%m-%d %H:%M:%S} · {said} · {attempt.excerpt}"
