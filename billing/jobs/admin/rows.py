"""Operators look at what lies around a job: its tries, what was said, its files and prices."""

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from billing.http.admin import ReadOnlyAdmin
from billing.jobs.models import Attempt, Callback, LooseFile, Output, Quote
from billing.jobs.turns import LaneClock
from billing.ledger.admin import credits_column
from plans.credits import format_micros


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each try of handing a job to a backend."""

    list_display = [
        *("job", "number", "backend", "state", "outcome", "money_spent"),
        *("created_at", "ended_at"),
    ]
    list_filter = ["state", "outcome", "backend"]
    search_fields = ["=id", "=job__id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Attempt], search_term: str
    ) -> tuple[QuerySet[Attempt], bool]:
        """Find what was typed; also as an id at one of the backends, by which such ids are kept."""
        hits, doubled = super().get_search_results(request, queryset, search_term)
        if search_term.strip() and not hits.exists():
            theirs = queryset.filter(
                backend__in=list(settings.BACKENDS), provider_id=search_term.strip()
            )
            return theirs, doubled
        return hits, doubled

    @display(description=gettext_lazy("cost"))  # type: ignore[untyped-decorator]  # unfold ships no types
    def money_spent(self, attempt: Attempt) -> str:
        """Return what it cost us, in money."""
        if attempt.cost_micros is None:
            return "-"
        return f"{format_micros(attempt.cost_micros)} {attempt.cost_currency}"


@admin.register(Callback)
class CallbackAdmin(ReadOnlyAdmin[Callback]):
    """What backends said, and when it was applied; the words themselves may hold prompts."""

    list_display = ["id", "attempt", "received_at", "applied_at"]
    search_fields = ["=id", "=attempt__id"]
    exclude = ["body", "digest"]


@admin.register(Output)
class OutputAdmin(ReadOnlyAdmin[Output]):
    """The files of finished jobs."""

    list_display = [
        *("job", "mime", "seconds", "width", "height", "bytes"),
        *("created_at", "expires_at", "deleted_at"),
    ]
    list_filter = ["mime", ("deleted_at", admin.EmptyFieldListFilter)]
    search_fields = ["=id", "=job__id"]


@admin.register(LooseFile)
class LooseFileAdmin(ReadOnlyAdmin[LooseFile]):
    """Files that belong to no job: being copied just now, or left by a worker that died."""

    list_display = ["path", "created_at"]
    search_fields = ["=path"]


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin[Quote]):
    """Prices that were told."""

    list_display = [
        *("id", "account"),
        credits_column("total_micros", gettext_lazy("price")),
        *("created_at", "expires_at"),
    ]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]


@admin.register(LaneClock)
class LaneClockAdmin(ReadOnlyAdmin[LaneClock]):
    """How far each lane has come at each backend."""

    list_display = ["backend", "lane", "turn", "number", "starts"]
    list_filter = ["backend", "lane"]
