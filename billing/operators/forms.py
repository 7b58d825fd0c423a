"""What operators fill in to come in, to prove themselves, and to let somebody prove anew."""

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from billing.operators.codes import TYPED_LENGTH_MAX
from billing.operators.models import ACT_REASON_LENGTH_MAX, REASON_LENGTH_MAX

_PASSWORD_LENGTH_MAX = 4096  # as Django's hashers take them
_NAME_LENGTH_MAX = User._meta.get_field("username").max_length  # noqa: SLF001 (Django's documented name)


class SignInForm(forms.Form):
    """A name and its password."""

    username = forms.CharField(
        label=_("Username"),
        max_length=_NAME_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(
            {"autofocus": "", "autocapitalize": "none", "autocomplete": "username"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=_PASSWORD_LENGTH_MAX,
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """A code of a device, or one on paper."""

    code = forms.CharField(
        label=_("Your code"),
        max_length=TYPED_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget({"autofocus": "", "autocomplete": "one-time-code"}),
    )


class ResetForm(forms.Form):
    """Why a second factor is reset."""

    reason = forms.CharField(
        label=_("reason"),
        max_length=REASON_LENGTH_MAX,
        help_text=_("Why, and how you know that the operator himself asks: it is written down."),
        widget=UnfoldAdminTextareaWidget,
    )


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label=_("reason"),
        max_length=ACT_REASON_LENGTH_MAX,
        help_text=_("It is written down with your name, and stays."),
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )
