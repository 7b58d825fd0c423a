"""What operators fill in about accounts: read here, judged by the services."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from billing.accounts import external_ids
from billing.accounts import selectors as accounts
from billing.operators.forms import ReasonForm


class FreezeForm(ReasonForm):
    """Which account is frozen, and why."""

    account = forms.CharField(
        label=gettext_lazy("account"),
        max_length=external_ids.LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget,
    )
    is_sandbox = forms.BooleanField(
        label=gettext_lazy("sandbox"), required=False, widget=UnfoldBooleanWidget
    )
    field_order = ["account", "is_sandbox", "reason"]

    def clean(self) -> dict[str, Any]:
        """Return the facts, with the account in place of its name.

        Raises:
            ValidationError: there is no such account.
        """
        facts: dict[str, Any] = super().clean() or {}
        name = facts.get("account")
        if isinstance(name, str):
            found = accounts.find_account(name, is_sandbox=facts.get("is_sandbox", False))
            if found is None:
                raise forms.ValidationError({"account": _("There is no such account.")})
            facts["account"] = found
        return facts
