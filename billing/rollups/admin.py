"""Windows on the days that were added up: the numbers behind the dashboard, row by row."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.http.admin import ReadOnlyAdmin, money_column
from billing.rollups.models import (
    AccountDay,
    CohortMonth,
    CreditDay,
    JobDay,
    MarginDay,
    MoneyDay,
    RolledDay,
)

_EMPTY = _("The first sums come within minutes of the first entry; those of money within an hour.")


class _DayAdmin(ReadOnlyAdmin[Any]):
    """Sums by day."""

    empty_says = _EMPTY


@admin.register(RolledDay)
class RolledDayAdmin(_DayAdmin):
    """When each day was added up last."""

    list_display = ["subject", "day", "rolled_at", "changed_at", "is_open"]
    list_filter = ["subject", "is_open"]


@admin.register(CreditDay)
class CreditDayAdmin(_DayAdmin):
    """Credits by day."""

    list_display = ["day", "source", "kind", "cause_type", "is_bought", "entries", "is_sandbox"]
    list_filter = ["is_sandbox", "kind", "is_bought", "day"]


@admin.register(JobDay)
class JobDayAdmin(_DayAdmin):
    """Jobs by day."""

    list_display = ["day", "model", "mode", "plan", "backend", "status", "jobs", "is_sandbox"]
    list_filter = ["is_sandbox", "status", "failure_class", "day"]


@admin.register(AccountDay)
class AccountDayAdmin(_DayAdmin):
    """Accounts by day."""

    list_display = ["day", "new", "ordering", "paying", "first_paying", "is_sandbox"]
    list_filter = ["is_sandbox", "day"]


@admin.register(MoneyDay)
class MoneyDayAdmin(_DayAdmin):
    """Money by day."""

    money = frozenset(
        {"sold_micros", "returned_micros", "used_micros", "lapsed_micros", "deferred_micros"}
    )
    list_display = [
        *("day", "currency", money_column("sold_micros", _("sold"))),
        money_column("returned_micros", _("refunded")),
        money_column("deferred_micros", _("deferred at its end")),
        "is_sandbox",
    ]
    list_filter = ["is_sandbox", "currency", "day"]


@admin.register(MarginDay)
class MarginDayAdmin(_DayAdmin):
    """Margins by day."""

    money = frozenset({"revenue_micros", "cost_micros", "left_micros"})
    list_display = [
        *("day", "model", "mode", "plan", "backend", "currency"),
        *(money_column("revenue_micros", _("revenue")), money_column("left_micros", _("margin"))),
        *("jobs", "known_jobs", "is_sandbox"),
    ]
    list_filter = ["is_sandbox", "currency", "day"]


@admin.register(CohortMonth)
class CohortMonthAdmin(_DayAdmin):
    """Cohorts by month."""

    money = frozenset({"paid_micros"})
    list_display = ["month", "cohort", "currency", "ordering", "paying", "is_sandbox"]
    list_filter = ["is_sandbox", "currency", "month"]
