"""Operators see who was written to about what, and have a letter sent again; none is edited."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.notices import services
from billing.notices.models import Notice


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin[Notice]):
    """What it tells stays closed: it may hold an address at which somebody pays."""

    empty_says = gettext_lazy(
        "Nobody was written to yet. A letter stands here when somebody has paid, could not, was "
        "paid back, or something ends soon; it is sent where EMAIL_URL is set."
    )
    list_display = ["id", "account", "kind", "state", "trouble", "attempts", "created_at"]
    list_filter = ["state", "kind", "trouble"]
    search_fields = ["=id", "=account__external_id", "=fact", "=email"]
    list_select_related = ["account"]
    date_hierarchy = "created_at"
    fields = [
        *("id", "account", "kind", "fact", "email", "language", "state", "trouble"),
        *("attempts", "next_at", "created_at", "sent_at"),
    ]
    actions = ["send_again"]

    @admin.action(
        description=gettext_lazy("Send the selected letters again that failed"),
        permissions=["send"],
    )
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        """Put each that failed on its way once more."""
        for notice in queryset.order_by("pk"):
            if services.again(notice.pk, now=timezone.now()):
                self.log_change(request, notice, gettext("Sent again by an operator."))
            else:
                self.message_user(
                    request,
                    gettext("%(notice)s has not failed.") % {"notice": notice.pk},
                    messages.WARNING,
                )

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether the operator may have letters sent."""
        return request.user.has_perm("billing.send_notice")
