"""Operators see who was written to about what, and have a letter sent again; none is edited."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from billing.notices import services
from billing.notices.models import Notice
from billing.operators.admin.acting import Facts, RecordedAdmin


@admin.register(Notice)
class NoticeAdmin(RecordedAdmin):
    """What it tells stays closed: it may hold an address at which somebody pays."""

    empty_says = gettext_lazy(
        "Nobody was written to yet. A letter stands here when somebody has paid, could not, was "
        "paid back, or something ends soon; it is sent where EMAIL_URL is set."
    )
    list_display = ["id", "account", "kind", "state", "trouble", "attempts", "created_at"]
    list_filter = ["state", "kind", "trouble"]
    search_fields = ["=id", "=account__external_id", "=fact"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "kind", "fact", "email", "language", "state", "trouble"),
        *("attempts", "next_at", "created_at", "sent_at"),
    ]
    actions = ["send_again"]

    @admin.action(
        description=gettext_lazy("Send the selected letters again that failed"),
        permissions=["send"],
    )
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> HttpResponse | None:
        """Put each that failed on its way once more."""

        def send(notice: Notice, _reason: str) -> str:
            if services.again(notice.pk, now=timezone.now()):
                return gettext("It is sent again.")
            return gettext("It has not failed, and is left alone.")

        return self.ask_first(request, "send_again", queryset, look=_letter, do=send)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may have letters sent."""
        return request.user.has_perm("billing.send_notice")


def _letter(notice: Notice) -> Facts:
    """Return which letter goes to whom, and what came of it until now."""
    words = [notice.email, str(notice.get_kind_display()), str(notice.get_state_display())]
    return [(notice.pk, " · ".join(words))]
