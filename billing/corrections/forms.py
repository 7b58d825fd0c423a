"""What operators fill in: read here, judged by the services."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.corrections.amounts import Basis, Rule
from billing.corrections.models import KEY_LENGTH_MAX, NOTICE_LENGTH_MAX, TEXT_LENGTH_MAX
from billing.corrections.selectors import Accounts, Selection
from billing.corrections.services import Notice
from billing.http.listing import Made
from billing.jobs import labels
from billing.jobs.lifecycle import FINAL, JobStatus
from plans import periods
from plans import selectors as plans
from plans.credits import parse_micros


class AmountField(forms.CharField):
    """An amount of credits, or a share: a decimal text outside, micros inside.

    Attributes:
        signed: it may begin with a minus.
    """

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, signed: bool = False, **more: Any) -> None:  # noqa: ANN401 (as the base)
        self.signed = signed
        super().__init__(**more)

    def clean(self, value: Any) -> Any:  # noqa: ANN401 (as the base)
        """Return the micros; None where nothing is written and nothing is needed.

        Raises:
            ValidationError: it is no such amount.
        """
        text: str = super().clean(value).strip()
        if not text:
            return None
        minus = self.signed and text.startswith("-")
        try:
            micros = parse_micros(text.removeprefix("-") if minus else text)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None
        return -micros if minus else micros


class WordsField(forms.CharField):
    """Words with commas or blanks between them."""

    widget = UnfoldAdminTextInputWidget

    def clean(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401 (as the base)
        """Return the words in the order in which they stand there."""
        return tuple(super().clean(value).replace(",", " ").split())


class NamesField(forms.CharField):
    """Names of accounts with blanks or lines between them; a name may hold commas itself."""

    widget = UnfoldAdminTextInputWidget

    def clean(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401 (as the base)
        """Return the names in the order in which they stand there."""
        return tuple(super().clean(value).split())


def _text(label: Any, *, most: int, **more: Any) -> forms.CharField:  # noqa: ANN401 (lazy texts)
    return forms.CharField(label=label, max_length=most, widget=UnfoldAdminTextInputWidget, **more)


class ChosenField(forms.TypedMultipleChoiceField):
    """Some of what there is; none means any."""

    widget = UnfoldAdminSelectMultipleWidget

    def clean(self, value: Any) -> tuple[str, ...]:  # noqa: ANN401 (as the base)
        """Return the chosen words.

        Raises:
            ValidationError: one of them is none of the choices.
        """
        return tuple(super().clean(value))


def _plans() -> list[tuple[str, str]]:
    return [(one.code, one.name.said()) for one in plans.current().catalog.plans]


def _campaigns() -> list[tuple[str, str]]:
    return [(one.code, one.name.said()) for one in plans.current().catalog.campaigns]


def _reasons() -> list[tuple[str, str]]:
    return [(one.code, one.name.said()) for one in plans.current().catalog.corrections.reasons]


class ReasonedForm(forms.Form):
    """Why: one of the catalog's reasons, and an explanation."""

    reason = forms.ChoiceField(
        label=gettext_lazy("reason"), choices=_reasons, widget=UnfoldAdminSelectWidget
    )
    text = forms.CharField(
        label=gettext_lazy("explanation"),
        max_length=TEXT_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )


class AdjustmentForm(ReasonedForm):
    """Credits to be given to an account, or taken from it."""

    key = forms.CharField(max_length=KEY_LENGTH_MAX, widget=forms.HiddenInput)
    account = _text(gettext_lazy("account"), most=255)
    is_sandbox = forms.BooleanField(
        label=gettext_lazy("sandbox"), required=False, widget=UnfoldBooleanWidget
    )
    amount_micros = AmountField(
        label=gettext_lazy("credits"),
        signed=True,
        help_text=gettext_lazy("With a minus they are taken."),
    )
    grant_ids = WordsField(
        label=gettext_lazy("taken from"),
        required=False,
        help_text=gettext_lazy("The grants, in this order; empty: as they burn."),
    )
    as_debt = forms.BooleanField(
        label=gettext_lazy("rest as debt"), required=False, widget=UnfoldBooleanWidget
    )
    field_order = ["account", "is_sandbox", "amount_micros", "grant_ids", "as_debt", "reason"]

    def clean(self) -> dict[str, Any]:
        """Return the facts, with the account in place of its name.

        Raises:
            ValidationError: there is no such account.
        """
        facts: dict[str, Any] = super().clean() or {}
        name = facts.get("account")
        if isinstance(name, str):
            facts["account"] = _account(name, is_sandbox=facts.pop("is_sandbox", False))
        return facts


def _account(name: str, *, is_sandbox: bool) -> Account:
    found = accounts.find_account(name, is_sandbox=is_sandbox)
    if found is None:
        raise forms.ValidationError({"account": _("There is no such account.")})
    return found


class CampaignRunForm(ReasonedForm):
    """A campaign, and who is to have a share of it."""

    digest = forms.CharField(required=False, widget=forms.HiddenInput)
    campaign = forms.ChoiceField(
        label=gettext_lazy("campaign"), choices=_campaigns, widget=UnfoldAdminSelectWidget
    )
    name = _text(
        gettext_lazy("run"),
        most=KEY_LENGTH_MAX,
        help_text=gettext_lazy("A name of your own: an account has one share of each run."),
    )
    is_sandbox = forms.BooleanField(
        label=gettext_lazy("sandbox"), required=False, widget=UnfoldBooleanWidget
    )
    external_ids = NamesField(
        label=gettext_lazy("accounts"),
        required=False,
        help_text=gettext_lazy("Their names, with blanks or lines between; or fill in the filter."),
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )
    plans = ChosenField(label=gettext_lazy("or all on these plans"), required=False, choices=_plans)
    since = forms.DateTimeField(
        label=gettext_lazy("made from"), required=False, widget=UnfoldAdminTextInputWidget
    )
    until = forms.DateTimeField(
        label=gettext_lazy("made before"), required=False, widget=UnfoldAdminTextInputWidget
    )

    def chosen(self) -> Accounts:
        """Return who is to have a share."""
        names = ("campaign", "name", "is_sandbox", "external_ids", "plans", "since", "until")
        return Accounts(**{name: self.cleaned_data[name] for name in names})


class CompensationForm(ReasonedForm):
    """An incident: which jobs, how much, and what its customers are told."""

    digest = forms.CharField(required=False, widget=forms.HiddenInput)
    key = _text(gettext_lazy("incident"), most=KEY_LENGTH_MAX)
    is_sandbox = forms.BooleanField(
        label=gettext_lazy("sandbox"), required=False, widget=UnfoldBooleanWidget
    )
    since = forms.DateTimeField(
        label=gettext_lazy("ordered from"),
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "Such as 2026-11-01 14:30, which is in UTC, or 2026-11-01T14:30:00+08:00."
        ),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("ordered before"),
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Written in the same way."),
    )
    accounts = NamesField(
        label=gettext_lazy("accounts"),
        required=False,
        help_text=gettext_lazy(
            "Their names, with blanks or lines between; empty: whoever ordered."
        ),
        widget=UnfoldAdminTextareaWidget({"rows": 2}),
    )
    models = WordsField(label=gettext_lazy("models"), required=False)
    tasks = WordsField(label=gettext_lazy("tasks"), required=False)
    plans = ChosenField(label=gettext_lazy("plans"), required=False, choices=_plans)
    backends = WordsField(label=gettext_lazy("backends"), required=False)
    statuses = ChosenField(
        label=gettext_lazy("statuses"),
        required=False,
        choices=[one for one in labels.STATUSES if one[0] in FINAL],
    )
    error_classes = ChosenField(
        label=gettext_lazy("failure classes"), required=False, choices=labels.FAILURE_CLASSES
    )
    basis = forms.ChoiceField(
        label=gettext_lazy("amount goes by"),
        choices=[
            (Basis.CHARGED.value, gettext_lazy("share of what was charged")),
            (Basis.JOB.value, gettext_lazy("so much for each job")),
            (Basis.ACCOUNT.value, gettext_lazy("so much for each account")),
        ],
        widget=UnfoldAdminSelectWidget,
    )
    share_micros = AmountField(
        label=gettext_lazy("share of what was charged"),
        required=False,
        help_text=gettext_lazy("From 0 to 1."),
    )
    quoted_share_micros = AmountField(
        label=gettext_lazy("share of the price where nothing was charged"),
        required=False,
        help_text=gettext_lazy("From 0 to 1."),
    )
    fixed_micros = AmountField(label=gettext_lazy("credits for each"), required=False)
    cap_micros = AmountField(label=gettext_lazy("most for an account"), required=False)
    text_en = _text(gettext_lazy("notice in English"), most=NOTICE_LENGTH_MAX)
    text_zh = _text(gettext_lazy("notice in Chinese"), most=NOTICE_LENGTH_MAX)

    def selection(self) -> Selection:
        """Return which jobs it is for.

        Raises:
            InvalidCorrection: a word or a span that selects nothing.
        """
        names = (
            *("since", "until", "is_sandbox", "accounts", "models", "tasks", "plans", "backends"),
            *("statuses", "error_classes"),
        )
        return Selection(**{name: self.cleaned_data[name] for name in names})

    def rule(self) -> Rule:
        """Return how much each account has.

        Raises:
            InvalidCorrection: it is not one rule.
        """
        said = self.cleaned_data
        return Rule(
            basis=Basis(said["basis"]),
            share_micros=said["share_micros"] or 0,
            quoted_share_micros=said["quoted_share_micros"] or 0,
            fixed_micros=said["fixed_micros"] or 0,
            cap_micros=said["cap_micros"],
        )

    def notice(self) -> Notice:
        """Return what those who have something are told."""
        return Notice(en=self.cleaned_data["text_en"], zh=self.cleaned_data["text_zh"])


# What the window of jobs filters by, and what the same is called here.
_FILTERS: Final = (
    ("model", "models"),
    ("plan__exact", "plans"),
    ("plan", "plans"),
    ("status__exact", "statuses"),
    ("failure_class__exact", "error_classes"),
)
_SPAN: Final = "created_at__"
_YEAR_DIGITS: Final = 4


def of_filter(chosen: QueryDict, *, now: datetime) -> dict[str, Any]:
    """Return a form that is begun with an account, or what the window of jobs was filtered by.

    Of a day, month or year it is the span, in the zone in which that window shows times. Where no
    job that is chosen has succeeded, the whole price is begun with: nothing was charged for most.
    """
    begun: dict[str, Any] = _whose(chosen)
    made = Made.span_of(chosen.get("made", ""), now=now.replace(microsecond=0))
    if made is not None:
        begun["since"], begun["until"] = made[0], made[1] or now.replace(microsecond=0)
    for said, name in _FILTERS:
        words = [word for text in chosen.getlist(said) for word in text.split(",") if word]
        if words:
            begun[name] = " ".join(words) if name == "models" else words
    if begun.get("statuses") and JobStatus.SUCCEEDED.value not in begun["statuses"]:
        begun |= {"share_micros": "1", "quoted_share_micros": "1"}
    year, month, day = (_number(chosen, part) for part in ("year", "month", "day"))
    if year is not None:
        with suppress(ValueError, OverflowError):
            first = datetime(year, month or 1, day or 1, tzinfo=timezone.get_current_timezone())
            length = "P1D" if month and day else "P1M" if month else "P1Y"
            begun["since"] = first
            begun["until"] = periods.add_period(
                first, length, zone=timezone.get_current_timezone_name()
            )
    return begun


def _whose(chosen: QueryDict) -> dict[str, Any]:
    """Return the account of which a page or the filter is, with its side of the sandbox."""
    if name := chosen.get("account", ""):
        return {"accounts": name, "is_sandbox": chosen.get("is_sandbox", "")}
    found = accounts.account_of(chosen.get("account__id__exact", ""))
    return {"accounts": found.external_id, "is_sandbox": found.is_sandbox} if found else {}


def _number(chosen: QueryDict, part: str) -> int | None:
    text = chosen.get(f"{_SPAN}{part}", "")
    return int(text) if text.isdecimal() and len(text) <= _YEAR_DIGITS else None
