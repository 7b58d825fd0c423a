"""A window on notes; they are written on the page of an account."""

from typing import Final

from django.contrib import admin
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from billing.http.admin import ReadOnlyAdmin
from billing.notes.models import AccountNote

_BEGINNING: Final = 80


@admin.register(AccountNote)
class AccountNoteAdmin(ReadOnlyAdmin[AccountNote]):
    """Who wrote down what, on whom."""

    empty_says = _("Nobody has written a note yet. Notes are written on the page of an account.")
    list_display = ["written_at", "account", "author", "beginning"]
    search_fields = ["=id", "=account__external_id", "=author__username"]
    list_select_related = ["account", "author"]

    @admin.display(description=_("note"))
    def beginning(self, note: AccountNote) -> str:
        """Return how it begins."""
        return Truncator(note.text).chars(_BEGINNING)
