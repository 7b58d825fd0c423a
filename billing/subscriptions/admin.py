"""Operators look at who is on which plan, and admit to the free one whom its rule shuts out."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from billing.accounts.freezes import Freeze
from billing.accounts.models import Account, FreeTier
from billing.errors import DomainError
from billing.http.admin import ReadOnlyAdmin
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.operators.admin.acting import Facts, RecordedAdmin, operator
from billing.subscriptions import services
from billing.subscriptions.forms import FreezeForm
from billing.subscriptions.models import PaidPeriod, Subscription
from plans import selectors as plans
from plans.credits import format_micros
from plans.shapes import money

_NOTE_LENGTH_MAX = 200  # as the row keeps it; the act's own line keeps all of it


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin[Subscription]):
    """A window: plans change through `subscriptions.services`."""

    list_display = [
        *("id", "account", "plan", "interval", "price", "seats", "started_at"),
        *("paid_until", "past_due_at", "ends_at", "ended_at"),
    ]
    list_filter = ["plan", "interval"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    fields = [
        *("id", "account", "plan", "catalog_version", "terms_version", "interval", "price"),
        *(
            "renewal",
            "book",
            "seats",
            "started_at",
            "moved_at",
            "anchor_at",
            "paid_until",
            "trial_ends_at",
            "paused_at",
            "past_due_at",
            "ends_at",
            "ended_at",
        ),
    ]

    @admin.display(description=_("first price"))
    def price(self, subscription: Subscription) -> str:
        """Show what the first period costs, in money."""
        return _spoken(subscription.price_micros, subscription.currency)

    @admin.display(description=_("renewal price"))
    def renewal(self, subscription: Subscription) -> str:
        """Show what each later period costs, in money."""
        return _spoken(subscription.renewal_micros, subscription.currency)


@admin.register(PaidPeriod)
class PaidPeriodAdmin(ReadOnlyAdmin[PaidPeriod]):
    """Which time is paid for, and since when that is known."""

    list_display = [
        *("subscription", "starts_at", "ends_at", "is_trial", "recorded_at", "taken_back_at")
    ]
    list_filter = ["is_trial"]
    search_fields = ["=subscription__id", "=subscription__account__external_id"]
    list_select_related = ["subscription__account"]


@admin.register(FreeTier)
class FreeTierAdmin(RecordedAdmin):
    """Who is admitted to what the free plan gives, and why somebody is not."""

    list_display = ["account", "state", "reason", "retry_at", "operator", "decided_at"]
    list_filter = ["state", "reason"]
    search_fields = ["=account__external_id", "=account__id"]
    list_select_related = ["account"]
    actions = ["admit_accounts"]

    def has_admit_permission(self, request: HttpRequest) -> bool:
        """Only who may admit sees the action."""
        return request.user.has_perm("billing.admit_freetier")

    @admin.action(
        description=_("Admit the selected accounts to the free tier, for the reason given"),
        permissions=["admit"],
    )
    def admit_accounts(
        self, request: HttpRequest, queryset: QuerySet[FreeTier]
    ) -> HttpResponse | None:
        """Admit each account; without a reason none."""

        def admit(tier: FreeTier, reason: str) -> str:
            services.admit_by_hand(
                account=tier.account,
                operator=request.user.get_username(),
                note=reason[:_NOTE_LENGTH_MAX],
            )
            return gettext("It is admitted.")

        chosen = queryset.select_related("account")
        return self.ask_first(request, "admit_accounts", chosen, look=_shut_out, do=admit)


def _shut_out(tier: FreeTier) -> Facts:
    """Return whom the rule shuts out, and why."""
    words = [str(tier.get_state_display()), str(tier.get_reason_display())]
    said = gettext("then it has what the free plan gives by itself")
    return [(tier.account.external_id, " · ".join([*filter(None, words), said]))]


def _spoken(micros: int | None, currency: str) -> str:
    if micros is None:
        return "-"
    said = money(micros, currency)
    return f"{said['amount']} {said['currency']}"


@admin.register(Freeze)
class FreezeAdmin(RecordedAdmin):
    """Accounts that order nothing until an operator says so, and who has said what."""

    empty_says = _("No account was ever frozen. The button above freezes one.")
    list_display = [
        *("account", "frozen_at", "operator", "reason"),
        *("lifted_at", "lifted_by", "lift_reason"),
    ]
    list_filter = [("lifted_at", admin.EmptyFieldListFilter), "account__is_sandbox"]
    search_fields = ["=id", "=account__external_id", "=account__id"]
    list_select_related = ["account", "operator", "lifted_by"]
    actions = ["unfreeze"]
    actions_list = ["freeze"]

    def has_freeze_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may freeze accounts sees the acts."""
        return request.user.has_perm("billing.freeze_account")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=_("Freeze an account"), url_path="freeze", permissions=["freeze"]
    )
    def freeze(self, request: HttpRequest) -> HttpResponse:
        """Show what the account has and what it is refused from then on; then freeze it."""
        asked = {name: request.GET.get(name, "") for name in ("account", "is_sandbox")}
        form, facts = FreezeForm(request.POST or None, initial=asked), list[tuple[str, str]]()
        if form.is_valid():
            account, reason = form.cleaned_data["account"], form.cleaned_data["reason"]
            facts = _touched(account)
            if request.POST.get("act") == "freeze":
                try:
                    with self.line(request, "freeze", reason=reason, shown=facts) as line:
                        frozen = services.freeze(
                            account=account,
                            operator=operator(request),
                            reason=reason,
                            now=timezone.now(),
                        )
                        self.made(line, frozen)
                except DomainError as refusal:
                    self.complain(form, refusal)
                else:
                    said = gettext("%(account)s is frozen.")
                    self.message_user(request, said % {"account": account.external_id})
                    return self.to_list()
        buttons = [("look", gettext("Preview"))]
        if facts:
            buttons.append(("freeze", gettext("Freeze it")))
        return self.page(request, gettext("Freeze an account"), form, buttons, facts)

    @admin.action(description=_("Let the selected accounts go on"), permissions=["freeze"])
    def unfreeze(self, request: HttpRequest, queryset: QuerySet[Freeze]) -> HttpResponse | None:
        """Let each order again; what was lifted before stays so."""

        def lift(row: Freeze, reason: str) -> str:
            services.unfreeze(
                account=row.account,
                which=row.pk,
                operator=operator(request),
                reason=reason,
                now=timezone.now(),
            )
            return gettext("%(account)s orders again.") % {"account": row.account.external_id}

        chosen = queryset.select_related("account", "operator")
        return self.ask_first(request, "unfreeze", chosen, look=_kept, do=lift)


def _kept(row: Freeze) -> Facts:
    """Return since when and why an account is kept from ordering."""
    words = [localize(row.frozen_at), row.operator.get_username(), row.reason]
    if row.lifted_at is not None:
        words.append(gettext("lifted already"))
    return [(row.account.external_id, " · ".join(words))]


def _touched(account: Account) -> Facts:
    """Return what an account has, what goes on, and what it is refused once it is frozen."""
    wallet = ledger.open_wallet(account, catalog=plans.current().catalog)
    has, credits_ = ledger_selectors.totals(wallet), gettext("%(credits)s credits")
    held = credits_ % {"credits": format_micros(has.held_micros)}
    return [
        (gettext("account"), f"{account.external_id} ({account.pk})"),
        (gettext("stays"), credits_ % {"credits": format_micros(has.available_micros)}),
        (gettext("goes on, ends and is settled"), gettext("what is held: %s") % held),
        (
            gettext("is refused from then on"),
            gettext("orders, credits given or lent to others, automatic top-ups"),
        ),
        (gettext("is told"), "account_frozen"),
    ]
