"""What operators fill in about jobs: read here, judged by the services."""

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing.jobs.services import Finding, Verdict

_VERDICTS = [
    (Verdict.NEVER_RAN.value, gettext_lazy("It never ran: give the credits back")),
    (Verdict.LOST.value, gettext_lazy("It ran and is lost: give the credits back")),
    (Verdict.SUCCEEDED.value, gettext_lazy("It succeeded: store the video, then charge")),
]


class FindingForm(forms.Form):
    """What a person has found out about a job, and how."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("what became of it"), choices=_VERDICTS, widget=UnfoldAdminSelectWidget
    )
    provider_id = forms.CharField(
        label=gettext_lazy("id at the backend"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    address = forms.CharField(
        label=gettext_lazy("address of the video"),
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("how you know it"),
        max_length=400,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def finding(self) -> Finding:
        """Return what is said."""
        said = self.cleaned_data
        return Finding(
            verdict=Verdict(said["verdict"]),
            reason=said["reason"],
            provider_id=said["provider_id"],
            address=said["address"],
        )
