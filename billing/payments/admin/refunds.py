"""Operators ask for refunds, decide on those of others, and see disputes by their deadline."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from billing.errors import DomainError
from billing.http import links
from billing.http.admin import ReadOnlyAdmin, in_currency, money_column
from billing.ledger.admin import credits_column
from billing.operators.admin.acting import Facts, operator
from billing.operators.admin.deciding import Acts, RequestAdmin
from billing.payments.models import Dispute, Purchase, Refund, Taking
from billing.payments.models.fields import TEXT_LENGTH_MAX
from billing.payments.services import refunding
from billing.payments.services.offering import Offer
from billing.payments.services.refunding import Wish
from plans.credits import format_micros, parse_micros

# What could not be given goes back by itself; nobody asks for it.
_ON_REQUEST: Final = [
    (rule.value, rule.label) for rule in (Refund.Rule.GOODWILL, Refund.Rule.COOLING_OFF)
]
_AMOUNT: Final = money_column("amount_micros", gettext_lazy("amount"))


@admin.display(description=gettext_lazy("account"), ordering="purchase__account__external_id")
def payer(row: Refund | Dispute) -> SafeString:
    """Return who has paid, as the platform names him."""
    account = row.purchase.account
    return links.account_link(account.pk, account.external_id)


class RefundForm(forms.Form):
    """A payment of which money is to go back, and why."""

    key = forms.CharField(max_length=refunding.KEY_LENGTH_MAX, widget=forms.HiddenInput)
    purchase = forms.CharField(
        label=gettext_lazy("purchase"), max_length=255, widget=UnfoldAdminTextInputWidget
    )
    rule = forms.ChoiceField(
        label=gettext_lazy("rule"),
        choices=_ON_REQUEST,
        initial=Refund.Rule.GOODWILL,
        widget=UnfoldAdminSelectWidget,
    )
    amount = forms.CharField(
        label=gettext_lazy("amount"),
        required=False,
        max_length=32,
        help_text=gettext_lazy("Empty: all that is left, or what the rule says."),
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=64, widget=UnfoldAdminTextInputWidget
    )
    text = forms.CharField(
        label=gettext_lazy("explanation"),
        max_length=TEXT_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )

    def clean_amount(self) -> int | None:
        """Return the amount in millionths; None where none is written.

        Raises:
            ValidationError: it is no amount.
        """
        text: str = self.cleaned_data["amount"].strip()
        if not text:
            return None
        try:
            return parse_micros(text)
        except ValueError as wrong:
            raise forms.ValidationError(str(wrong)) from None

    def wish(self) -> Wish:
        """Return what is asked for."""
        said = self.cleaned_data
        return Wish(said["rule"], said["reason"], said["amount"], text=said["text"])


@admin.register(Refund)
class RefundAdmin(RequestAdmin):
    """Money that goes back: who asked for it, who approved it, and what Stripe says."""

    money = frozenset({"amount_micros"})
    empty_says = gettext_lazy(
        "No money has gone back yet. A refund stands here from when it is requested, by a button "
        "above, by a platform's key or at Stripe."
    )
    list_display = [
        *("id", payer, _AMOUNT, "rule", "state", "source"),
        *("requester", "approver", "requested_at", "ended_at"),
    ]
    list_filter = ["state", "source", "rule", "purchase__account__is_sandbox"]
    search_fields = ["=id", "=stripe_id", "=purchase__id", "=purchase__account__external_id"]
    list_select_related = ["purchase__account", "requester", "approver"]
    readonly_fields = ["took"]

    @admin.display(description=gettext_lazy("credits taken back, step by step"))
    def took(self, refund: Refund) -> SafeString | str:
        """Return which credits were taken for all that went back of the payment."""
        steps = Taking.objects.filter(purchase=refund.purchase).order_by("number")
        lines = (
            (links.link(links.row_path(one), one.number), format_micros(one.delta_micros))
            for one in steps
        )
        return format_html_join("", "<div>{} · {}</div>", lines) or "-"

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Request a refund"), url_path="ask", permissions=["ask"]
    )
    def ask(self, request: HttpRequest) -> HttpResponse:
        """Show what would move, then ask for it; another person decides on it."""
        form = RefundForm(request.POST or None, initial=_begun(request))
        facts: Facts = []
        if form.is_valid():
            purchase_id = form.cleaned_data["purchase"]
            try:
                if request.POST.get("act") == "ask":
                    return self._asked(request, form, purchase_id)
                offer = refunding.preview_refund(purchase_id=purchase_id, wish=form.wish())
            except DomainError as refusal:
                self.complain(form, refusal)
            except Purchase.DoesNotExist:
                form.add_error("purchase", _("There is no such purchase."))
            else:
                facts = _offered(offer)
        buttons = [("look", _("Preview"))]
        if facts:
            buttons.append(("ask", _("Request")))
        return self.page(request, _("Request a refund"), form, buttons, facts)

    def facts(self, row: Refund) -> Facts:
        """Return what is asked for and why, and what would move now."""
        return _facts(row)

    def acts(self, request: HttpRequest) -> Acts:
        """Return what this person can do with a request, and what is said of it then."""
        person, now = operator(request), timezone.now()
        asks: Any = {"requester": person, "now": now}
        decides: Any = {"approver": person, "now": now}
        return {
            "approve": (
                lambda row: refunding.approve_refund(refund_id=row.pk, **decides),
                _("Approved."),
            ),
            "refuse": (
                lambda row: refunding.refuse_refund(refund_id=row.pk, **decides),
                _("Refused."),
            ),
            "withdraw": (
                lambda row: refunding.withdraw_refund(refund_id=row.pk, **asks),
                _("Withdrawn."),
            ),
        }

    def _asked(self, request: HttpRequest, form: RefundForm, purchase_id: str) -> HttpResponse:
        said = form.cleaned_data
        shown = [(_("purchase"), purchase_id), (_("amount"), form.data.get("amount") or "-")]
        with self.line(request, "ask", reason=said["text"], shown=shown) as line:
            asked = refunding.request_refund(
                purchase_id=purchase_id,
                wish=form.wish(),
                requester=operator(request),
                key=said["key"],
                now=timezone.now(),
            )
            self.made(line, asked)
        return self.requested(request, asked)

    def account_of(self, row: Refund) -> str:
        """Return whose payment it was."""
        return row.purchase.account_id


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin[Dispute]):
    """Payments that their buyers contest; the first to be answered stands first."""

    money = frozenset({"amount_micros"})
    empty_says = gettext_lazy(
        "No buyer has contested a payment. When a bank tells Stripe so, it stands here, with the "
        "day until which Stripe wants your evidence."
    )
    list_display = [
        *("stripe_id", payer, _AMOUNT, "status", "reason"),
        *("evidence_due_at", "is_taken", "ended_at"),
    ]
    list_filter = ["status", "is_taken", ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["=stripe_id", "=purchase__id", "=purchase__account__external_id"]
    list_select_related = ["purchase__account"]
    ordering = ["ended_at", "evidence_due_at"]


@admin.register(Taking)
class TakingAdmin(ReadOnlyAdmin[Taking]):
    """Which credits were taken back of a purchase, and given back, step by step."""

    empty_says = gettext_lazy(
        "No credits were taken back yet. They are when money is refunded or contested."
    )
    list_display = [
        *("purchase", "number", credits_column("delta_micros", gettext_lazy("credits"))),
        credits_column("revoked_micros", gettext_lazy("revoked")),
        credits_column("owed_micros", gettext_lazy("owed")),
        credits_column("given_micros", gettext_lazy("given back")),
        "created_at",
    ]
    search_fields = ["=purchase__id"]


def _begun(request: HttpRequest) -> dict[str, str]:
    return {"key": uuid.uuid4().hex, "purchase": request.GET.get("purchase", "")}


def _offered(offer: Offer) -> Facts:
    """Return what would move, as a person reads it before asking for it."""
    return [
        (_("would go back"), in_currency(offer.amount_micros, offer.currency)),
        (_("would be left of the payment"), in_currency(offer.left_micros, offer.currency)),
        (_("credits that would be taken"), format_micros(offer.taken_micros)),
        (_("of them free"), format_micros(offer.revoked_micros)),
        (_("would be owed"), format_micros(offer.owed_micros)),
    ]


def _facts(refund: Refund) -> Facts:
    """Return what a person reads before deciding on a refund: why, and what would move now."""
    purchase = refund.purchase
    facts = [
        (_("account"), purchase.account.external_id),
        (_("paid"), in_currency(purchase.amount_micros, purchase.currency)),
        (_("amount"), in_currency(refund.amount_micros, purchase.currency)),
        (_("rule"), str(refund.get_rule_display())),
        (_("reason"), refund.reason),
        (_("explanation"), refund.text),
        (_("requested by"), refund.requester.get_username() if refund.requester else "-"),
        (_("requested at"), localize(refund.requested_at)),
        (_("state"), str(refund.get_state_display())),
    ]
    if refund.state != Refund.State.REQUESTED:
        return facts
    try:
        return facts + _offered(refunding.look_at_refund(refund_id=refund.pk))
    except DomainError as refusal:
        return [*facts, (_("would be refused"), refusal.message)]
