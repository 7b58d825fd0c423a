"""What operators fill in about webhooks: read here, judged by the services."""

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from billing.operators.forms import ReasonForm


class ReplayForm(ReasonForm):
    """Which events are sent once more, and why."""

    since = forms.DateTimeField(label=gettext_lazy("from"), widget=UnfoldAdminTextInputWidget)
    until = forms.DateTimeField(
        label=gettext_lazy("until"),
        help_text=gettext_lazy("This instant not included; both in UTC."),
        widget=UnfoldAdminTextInputWidget,
    )
    only_dead = forms.BooleanField(
        label=gettext_lazy("only what was given up"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )
