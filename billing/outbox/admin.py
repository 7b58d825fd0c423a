"""Operators see what is still to be done, and may give the dead another try."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.operators.admin.acting import Facts, RecordedAdmin
from billing.outbox import services
from billing.outbox.models import Message


@admin.register(Message)
class MessageAdmin(RecordedAdmin):
    """Every errand of the last week, and the dead for ever."""

    list_display = ["id", "task", "runs", "created_at", "ring_at", "done_at", "dead_at"]
    served = frozenset({"dead_at__isempty"})
    list_filter = ["task", ("dead_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id"]
    actions = ["revive_messages"]

    def has_revive_permission(self, request: HttpRequest) -> bool:
        """Only who may change messages sees the action; no form does so either way."""
        return request.user.has_perm("billing.change_message")

    @admin.action(
        description=gettext_lazy("Try the selected dead messages again"), permissions=["revive"]
    )
    def revive_messages(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> HttpResponse | None:
        """Give each dead message all its runs again; the others stay as they are."""

        def revive(message: Message, _reason: str) -> str:
            if services.revive(message.pk, now=timezone.now()):
                return _("It is tried again.")
            return _("It is not dead, and is left alone.")

        return self.ask_first(request, "revive_messages", queryset, look=_errand, do=revive)


def _errand(message: Message) -> Facts:
    """Return what would be done, for whom, and why it was given up."""
    words = [message.task, *message.arguments.values(), message.error]
    return [(message.pk, " · ".join(str(word) for word in words if word))]
