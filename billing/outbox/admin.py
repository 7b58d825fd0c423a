"""Operators see what is still to be done, and may give the dead another try."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.outbox import services
from billing.outbox.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin[Message]):
    """Every errand of the last week, and the dead for ever."""

    list_display = ["id", "task", "runs", "created_at", "ring_at", "done_at", "dead_at"]
    list_filter = ["task", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=request_id"]
    date_hierarchy = "created_at"
    actions = ["revive_messages"]

    def has_revive_permission(self, request: HttpRequest) -> bool:
        """Only who may change messages sees the action; no form does so either way."""
        return request.user.has_perm("billing.change_message")

    @admin.action(
        description=gettext_lazy("Try the selected dead messages again"), permissions=["revive"]
    )
    def revive_messages(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Give each dead message all its runs again; the others stay as they are."""
        for message in queryset.order_by("pk"):
            if services.revive(message.pk, now=timezone.now()):
                self.log_change(request, message, _("Revived by an operator."))
                self.message_user(
                    request, _("%(message)s is tried again.") % {"message": message.pk}
                )
            else:
                self.message_user(
                    request,
                    _("%(message)s is not dead.") % {"message": message.pk},
                    messages.WARNING,
                )
