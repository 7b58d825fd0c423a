"""The operators' windows on wallets, grants, holds and entries; no form edits a credit."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.http import links
from billing.http.admin import ReadOnlyAdmin
from billing.ledger import selectors
from billing.ledger.models import (
    Allowance,
    CountedUse,
    Debt,
    Entry,
    Grant,
    Hold,
    Transfer,
    Wallet,
    ZoneChange,
)
from plans.credits import format_micros

_MOVEMENTS_SHOWN: Final = 20


def credits_column(field: str, title: Any) -> Any:  # noqa: ANN401 (lazy texts and admin callables)
    """Return a column that shows the micros of `field` in credits."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:  # noqa: ANN401 (any model that has the field)
        micros = getattr(row, field)
        return "" if micros is None else format_micros(micros)

    return column


@admin.display(description=_("account"), ordering="wallet__account__external_id")
def owner(row: Grant | Allowance | CountedUse | Debt | Hold | Entry | ZoneChange) -> SafeString:
    """Return whose wallet it is, as the platform names him: an operator knows no wallet's id."""
    account = row.wallet.account
    return links.account_link(account.pk, account.external_id)


available = credits_column("available_micros", _("available"))
held = credits_column("held_micros", _("held"))
amount = credits_column("amount_micros", _("credits"))
captured = credits_column("captured_micros", _("captured"))
expired = credits_column("expired_micros", _("expired"))


def movements(entries: QuerySet[Entry]) -> SafeString | str:
    """Return a line for each of the newest of these entries; it leads to the entry."""
    newest = entries.order_by("-id")[:_MOVEMENTS_SHOWN]
    lines = ((links.link(links.row_path(one), _said(one)),) for one in newest)
    return format_html_join("", "<div>{}</div>", lines) or "-"


def _said(entry: Entry) -> str:
    at = localize(timezone.localtime(entry.effective_at))
    return f"{at} · {entry.get_kind_display()} · {format_micros(entry.amount_micros)}"


def totals_column(field: str, title: Any) -> Any:  # noqa: ANN401 (lazy texts and admin callables)
    """Return a column that shows a sum of a wallet as it is now, in credits."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:  # noqa: ANN401 (a wallet with its clock)
        return format_micros(getattr(selectors.totals(row, now=row.instant), field))

    return column


available_now = totals_column("available_micros", _("available"))
held_now = totals_column("held_micros", _("held"))
debt_now = totals_column("debt_micros", _("owed"))


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin[Wallet]):
    """What each account has."""

    list_display = [
        *("account", available_now, held_now, debt_now, "seq", "due_at", "touched_at"),
        *("halted_at", "is_sandbox"),
    ]
    served = frozenset({"halted_at__isempty"})
    list_filter = ["is_sandbox", ("halted_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    exclude = ["digest"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        """Return the wallets with the instant of their clocks, so that none is asked twice."""
        return selectors.with_clock(super().get_queryset(request))


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin[Grant]):
    """Credits by where they came from."""

    list_display = [
        *("id", owner, "source", amount, available, held, captured, expired),
        *("effective_at", "expires_at"),
    ]
    list_filter = ["source"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=wallet__id", "=wallet__account__external_id"]
    readonly_fields = ["moved", "set_aside"]

    @admin.display(description=_("newest entries"))
    def moved(self, grant: Grant) -> SafeString | str:
        """Return what has moved of it."""
        return movements(grant.entries.all())

    @admin.display(description=_("holds that took from it"))
    def set_aside(self, grant: Grant) -> SafeString | str:
        """Return what its credits were set aside for, the newest first."""
        newest = grant.allocations.select_related("hold").order_by("-id")[:_MOVEMENTS_SHOWN]
        lines = ((links.link(links.row_path(one.hold), one.hold.reference),) for one in newest)
        return format_html_join("", "<div>{}</div>", lines) or "-"


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin[Allowance]):
    """What comes again: credits, and units that are counted."""

    list_display = [
        *("code", owner, "mode", "cadence", amount, "unit", "zone", "next_at", "ends_at")
    ]
    list_filter = ["mode", "cadence", "unit", "code"]
    list_select_related = ["wallet__account"]
    search_fields = ["=wallet__id", "=wallet__account__external_id"]


@admin.register(CountedUse)
class CountedUseAdmin(ReadOnlyAdmin[CountedUse]):
    """What was taken from the windows of counted allowances."""

    list_display = [
        *("series", owner, "window"),
        credits_column("units_micros", _("units")),
        credits_column("kept_micros", _("units kept")),
        *("reference", "created_at", "settled_at"),
    ]
    list_select_related = ["wallet__account"]
    search_fields = ["=wallet__id", "=wallet__account__external_id"]


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    """Credits set aside: until the job ends that they pay for, or a change of plan is paid."""

    list_display = ["reference", "purpose", owner, "state", amount, captured, "created_at"]
    list_filter = ["state"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=job__id", "=wallet__account__external_id"]
    readonly_fields = ["moved"]

    @admin.display(description=_("newest entries"))
    def moved(self, held: Hold) -> SafeString | str:
        """Return what it has moved."""
        return movements(held.entries.all())

    @admin.display(description=_("for"))
    def purpose(self, held: Hold) -> str:
        """Say in words what it is for."""
        is_change = held.reference.startswith("change:")
        return gettext("change of plan") if is_change else gettext("order")


@admin.register(Debt)
class DebtAdmin(ReadOnlyAdmin[Debt]):
    """What is owed, and what has paid it."""

    list_display = [
        *("id", owner, amount, credits_column("paid_micros", _("paid"))),
        *("cause_type", "cause_id", "created_at", "paid_at"),
    ]
    list_filter = ["cause_type", ("paid_at", admin.EmptyFieldListFilter), "wallet__is_sandbox"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=wallet__account__external_id"]


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin[Entry]):
    """Every movement, as it was written down."""

    list_display = [
        *("seq", owner, "kind", amount),
        credits_column("available_after_micros", _("available after")),
        *("cause_type", "cause_id", "actor_type", "effective_at"),
    ]
    list_filter = ["kind", "cause_type", "actor_type"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=wallet__id", "=wallet__account__external_id", "=grant__id"]
    exclude = ["digest"]
    readonly_fields = ["came_by"]
    ordering = ["-id"]

    @admin.display(description=_("business fact of the grant"))
    def came_by(self, entry: Entry) -> SafeString:
        """Return what the credits that it moves came by."""
        return links.linked(entry.grant.fact)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin[Transfer]):
    """Credits that went from one wallet to another."""

    list_display = ["id", "kind", "sender", "receiver", amount, "note", "created_at"]
    list_filter = ["kind", "sender__is_sandbox"]
    list_select_related = ["sender", "receiver"]
    search_fields = [
        *("=id", "=sender__id", "=receiver__id"),
        *("=sender__account__external_id", "=receiver__account__external_id"),
    ]


@admin.register(ZoneChange)
class ZoneChangeAdmin(ReadOnlyAdmin[ZoneChange]):
    """When accounts moved to another zone."""

    list_display = ["at", owner, "former", "zone"]
    list_select_related = ["wallet__account"]
    search_fields = ["=wallet__id", "=wallet__account__external_id"]
