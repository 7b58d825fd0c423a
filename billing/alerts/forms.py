"""What operators fill in about alerts: read here, judged by the services."""

from datetime import timedelta
from typing import Final

from django import forms
from django.utils.translation import gettext, gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from billing.alerts.models import REASON_LENGTH_MAX

_HOURS_MAX: Final = 10_000


class SilenceForm(forms.Form):
    """For how long nobody is told, of what, and why."""

    hours = forms.IntegerField(
        label=gettext_lazy("for how many hours"),
        min_value=1,
        max_value=_HOURS_MAX,
        initial=4,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    everywhere = forms.BooleanField(
        label=gettext_lazy("all subjects of this rule"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("reason"),
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget,
    )

    def facts(self) -> list[tuple[str, str]]:
        """Return for how long nobody is told of what, for the line of the act."""
        asked = [("hours", str(self.cleaned_data["hours"]))]
        if self.cleaned_data["everywhere"]:
            asked.append(("everywhere", gettext("Yes")))
        return [(str(self.fields[name].label), said) for name, said in asked]

    @property
    def lasts(self) -> timedelta:
        """How long the silence is to be."""
        return timedelta(hours=self.cleaned_data["hours"])
