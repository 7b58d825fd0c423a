"""Operators see who was told what, have it sent anew, and switch endpoints; nothing is edited."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from billing.errors import DomainError
from billing.http import links
from billing.http.admin import ReadOnlyAdmin
from billing.operators.admin.acting import Facts, RecordedAdmin
from billing.operators.forms import ReasonForm
from billing.webhooks import services
from billing.webhooks.forms import ReplayForm
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event

_ADDRESS_LENGTH_MAX = 40
_DELIVERIES_SHOWN = 20


@admin.register(Endpoint)
class EndpointAdmin(RecordedAdmin):
    """Who is told."""

    list_display = [
        *("id", "account", "url", "is_sandbox", "disabled_reason", "took_at", "created_at")
    ]
    list_filter = ["disabled_reason", "is_sandbox"]
    search_fields = ["=id", "=account__external_id", "^url"]
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
            return self.absent(request, object_id)
        form = ReplayForm(request.POST or None)
        facts: Facts = []
        if form.is_valid():
            try:
                facts = _replayed(endpoint, form)
                if request.POST.get("act") == "replay":
                    return self._replay(request, endpoint, form, facts)
            except DomainError as refusal:
                self.complain(form, refusal)
        buttons = [("look", gettext("Preview"))]
        if facts:
            buttons.append(("replay", gettext("Send them")))
        return self.page(request, gettext("Send its events once more"), form, buttons, facts)

    def _replay(
        self, request: HttpRequest, endpoint: Endpoint, form: ReplayForm, facts: Facts
    ) -> HttpResponse:
        said = form.cleaned_data
        with self.line(request, "replay", endpoint, reason=said["reason"], shown=facts):
            number = services.replay_by_hand(
                endpoint,
                since=said["since"],
                until=said["until"],
                only_dead=said["only_dead"],
                operator=request.user.get_username(),
                now=timezone.now(),
            )
        done = gettext("Events that are on their way once more: %(number)d.")
        self.message_user(request, done % {"number": number})
        return self.to_list()

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Switch it off or on"), url_path="switch", permissions=["operate"]
    )
    def switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Switch an endpoint off, or on again."""
        endpoint = self.get_object(request, unquote(object_id))
        if endpoint is None:
            return self.absent(request, object_id)
        form, facts = ReasonForm(request.POST or None), _reached(endpoint)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                with self.line(request, "switch", endpoint, reason=reason, shown=facts):
                    services.switch_by_hand(
                        endpoint,
                        is_enabled=request.POST.get("act") == "on",
                        operator=request.user.get_username(),
                        now=timezone.now(),
                    )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                return self.to_list()
        buttons = [("off", gettext("Switch off")), ("on", gettext("Switch on"))]
        return self.page(request, gettext("Switch it off or on"), form, buttons, facts)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """What was told."""

    list_display = ["id", "account", "sequence", "type", "created_at"]
    list_filter = ["type"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    fields = ["id", "account", "sequence", "type", "created_at", "about", "told"]

    @admin.display(description=_("payload"))
    def about(self, event: Event) -> SafeString:
        """Return what is said, byte for byte; ids in it lead on."""
        return links.linked(event.payload)

    @admin.display(description=_("webhook deliveries"))
    def told(self, event: Event) -> SafeString | str:
        """Return who was told, and how that went."""
        newest = event.deliveries.order_by("id")[:_DELIVERIES_SHOWN]
        lines = ((links.link(links.row_path(one), one.pk), one.said_status) for one in newest)
        return format_html_join("", "<div>{} · {}</div>", lines) or "-"


@admin.register(Delivery)
class DeliveryAdmin(RecordedAdmin):
    """How it went: what was sent, and what was answered to each try."""

    list_display = [
        *("id", "event_type", "address", "attempts", "last_status", "last_trouble"),
        *("waits_for", "next_at", "delivered_at", "dead_at"),
    ]
    served = frozenset({"dead_at__isempty"})
    list_filter = ["last_trouble", "waits_for", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=event__id", "=endpoint__id"]
    list_select_related = ["event", "endpoint"]
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
    def body(self, delivery: Delivery) -> SafeString:
        """Return what is sent, byte for byte; ids in it lead on."""
        return links.linked(delivery.event.payload)

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
            return self.absent(request, object_id)

        def send(row: Delivery, _reason: str) -> str:
            operator = request.user.get_username()
            services.retry_by_hand(row, operator=operator, now=timezone.now())
            return gettext("It is on its way once more.")

        return self.ask_first_of_one(request, "send_anew", delivery, look=_sent, do=send)


def _replayed(endpoint: Endpoint, form: ReplayForm) -> Facts:
    """Return what a replay would send, and where to."""
    said = form.cleaned_data
    number, accounts = services.look_at_replay(
        endpoint, since=said["since"], until=said["until"], only_dead=said["only_dead"]
    )
    return [
        (gettext("address"), endpoint.url),
        (gettext("events that would be sent"), str(number)),
        (gettext("accounts they are of"), str(accounts)),
    ]


def _reached(endpoint: Endpoint) -> Facts:
    """Return who is told what there, and whether anything is."""
    whose = gettext("all accounts") if endpoint.account is None else endpoint.account.external_id
    standing = gettext("switched on")
    if endpoint.disabled_at is not None:
        standing = f"{endpoint.get_disabled_reason_display()} · {localize(endpoint.disabled_at)}"
    return [
        (gettext("address"), endpoint.url),
        (gettext("account"), whose),
        (gettext("now"), standing),
        (gettext("switched off"), gettext("nothing is sent there; events are kept for a replay")),
    ]


def _sent(delivery: Delivery) -> Facts:
    """Return what would be sent where, and what came of it until now."""
    return [
        (gettext("event"), delivery.event.type),
        (gettext("address"), delivery.endpoint.url),
        (gettext("webhook attempts"), str(delivery.attempts)),
        (gettext("last answer"), str(delivery.last_status or delivery.get_last_trouble_display())),
    ]


def _line(attempt: DeliveryAttempt) -> str:
    """Return a try in a line: when it was, what came of it, how the answer began."""
    said = attempt.status or attempt.get_trouble_display()
    return f"{attempt.number} · {attempt.begun_at:%Y-%m-%d %H:%M:%S} · {said} · {attempt.excerpt}"
