"""What an operator fills in to write a note."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from billing.notes.models import TEXT_LENGTH_MAX


class _Words(forms.CharField):
    """A text as its author counts it: a browser sends two characters for the end of a line."""

    def to_python(self, value: Any) -> str:  # noqa: ANN401 (as the base)
        """Return the text with one character at each line's end."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class NoteForm(forms.Form):
    """A note, in plain text."""

    text = _Words(
        label=_("note"),
        max_length=TEXT_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
