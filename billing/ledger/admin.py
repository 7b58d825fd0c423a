"""The operators' windows on wallets, grants, holds and entries; no form edits a credit."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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


def credits_column(field: str, title: Any) -> Any:  # noqa: ANN401 (lazy texts and admin callables)
    """Return a column that shows the micros of `field` in credits."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:  # noqa: ANN401 (any model that has the field)
        micros = getattr(row, field)
        return "" if micros is None else format_micros(micros)

    return column


@admin.display(description=_("account"), ordering="wallet__account__external_id")
def owner(row: Grant | Allowance | CountedUse | Debt | Hold | Entry | ZoneChange) -> str:
    """Return whose wallet it is, as the platform names him: an operator knows no wallet's id."""
    return row.wallet.account.external_id


available = credits_column("available_micros", _("available"))
held = credits_column("held_micros", _("held"))
amount = credits_column("amount_micros", _("credits"))
captured = credits_column("captured_micros", _("captured"))
expired = credits_column("expired_micros", _("expired"))


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
    list_filter = ["is_sandbox", ("halted_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "account__external_id"]
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
    list_filter = ["source", "wallet__is_sandbox"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=wallet__id", "wallet__account__external_id", "fact"]


@admin.register(Allowance)
class AllowanceAdmin(ReadOnlyAdmin[Allowance]):
    """What comes again: credits, and units that are counted."""

    list_display = [
        *(owner, "code", "mode", "cadence", amount, "unit", "zone", "next_at", "ends_at")
    ]
    list_filter = ["mode", "cadence", "unit", "code"]
    list_select_related = ["wallet__account"]
    search_fields = ["=wallet__id", "wallet__account__external_id"]


@admin.register(CountedUse)
class CountedUseAdmin(ReadOnlyAdmin[CountedUse]):
    """What was taken from the windows of counted allowances."""

    list_display = [
        *(owner, "series", "window"),
        credits_column("units_micros", _("units")),
        credits_column("kept_micros", _("units kept")),
        *("reference", "created_at", "settled_at"),
    ]
    list_select_related = ["wallet__account"]
    search_fields = ["=reference", "=wallet__id", "wallet__account__external_id"]


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    """Credits set aside: until the job ends that they pay for, or a change of plan is paid."""

    list_display = ["reference", "purpose", owner, "state", amount, captured, "created_at"]
    list_filter = ["state", "wallet__is_sandbox"]
    list_select_related = ["wallet__account"]
    date_hierarchy = "created_at"
    search_fields = ["=id", "=reference", "wallet__account__external_id"]

    @admin.display(description=_("for"))
    def purpose(self, held: Hold) -> str:
        """Say in words what it is for."""
        is_change = held.reference.startswith("change:")
        return gettext("change of plan") if is_change else gettext("order")


@admin.register(Debt)
class DebtAdmin(ReadOnlyAdmin[Debt]):
    """What is owed, and what has paid it."""

    list_display = [
        *(owner, amount, credits_column("paid_micros", _("paid"))),
        *("cause_type", "cause_id", "created_at", "paid_at"),
    ]
    list_filter = ["cause_type", ("paid_at", admin.EmptyFieldListFilter), "wallet__is_sandbox"]
    list_select_related = ["wallet__account"]
    search_fields = ["=id", "=cause_id", "wallet__account__external_id"]


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin[Entry]):
    """Every movement, as it was written down."""

    list_display = [
        *(owner, "seq", "kind", amount),
        credits_column("available_after_micros", _("available after")),
        *("cause_id", "actor_type", "effective_at"),
    ]
    list_filter = ["kind", "cause_type", "actor_type", "wallet__is_sandbox"]
    list_select_related = ["wallet__account"]
    date_hierarchy = "effective_at"
    search_fields = [
        "=id",
        "=wallet__id",
        "wallet__account__external_id",
        "=cause_id",
        "=grant__id",
    ]
    exclude = ["digest"]
    ordering = ["-id"]


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin[Transfer]):
    """Credits that went from one wallet to another."""

    list_display = ["id", "kind", "sender", "receiver", amount, "note", "created_at"]
    list_filter = ["kind", "sender__is_sandbox"]
    list_select_related = ["sender", "receiver"]
    date_hierarchy = "created_at"
    search_fields = [
        *("=id", "=sender__id", "=receiver__id"),
        *("sender__account__external_id", "receiver__account__external_id"),
    ]


@admin.register(ZoneChange)
class ZoneChangeAdmin(ReadOnlyAdmin[ZoneChange]):
    """When accounts moved to another zone."""

    list_display = [owner, "former", "zone", "at"]
    list_select_related = ["wallet__account"]
    search_fields = ["=wallet__id", "wallet__account__external_id"]
