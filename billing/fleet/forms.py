"""What operators fill in about backends: read here, judged by the services."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.fleet.models import REASON_LENGTH_MAX, BackendState
from billing.gpu import registry


class ModeForm(forms.Form):
    """Which backend, what it may do from now on, and why."""

    backend = forms.ChoiceField(label=gettext_lazy("backend"), widget=UnfoldAdminSelectWidget)
    mode = forms.ChoiceField(
        label=gettext_lazy("mode"),
        choices=BackendState.Mode.choices,
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("reason"),
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *said: Any, **more: Any) -> None:  # noqa: ANN401 (as the base)
        super().__init__(*said, **more)
        choice = self.fields["backend"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(name, name) for name in registry.configured()]
