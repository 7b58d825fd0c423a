"""Operators look at jobs and call services; no form edits a job."""

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from billing.errors import DomainError
from billing.http.admin import ActingAdmin, ReadOnlyAdmin
from billing.jobs import selectors, services
from billing.jobs.errors import IllegalMove
from billing.jobs.forms import FindingForm
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Callback, Job, LooseFile, Output, Quote
from billing.jobs.services import Outlook
from billing.jobs.turns import LaneClock
from billing.ledger.admin import credits_column
from plans.credits import format_micros


class AwaitsFilter(admin.SimpleListFilter):
    """Whether only a person can end a job: unknown, and past its deadline."""

    title = gettext_lazy("waits for a person")
    parameter_name = "awaits"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the one choice."""
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """Return the jobs that are chosen."""
        if self.value() != "yes":
            return queryset
        waiting = selectors.awaiting_a_person(now=timezone.now())
        return queryset.filter(pk__in=waiting.values("pk"))


@admin.register(Job)
class JobAdmin(ActingAdmin[Job]):
    """Every job; each act here goes through a service."""

    list_display = [
        *("id", "account", "model", "labelled_status", "failure_class"),
        credits_column("quoted_micros", gettext_lazy("price")),
        credits_column("charged_micros", gettext_lazy("charged")),
        *("created_at", "finished_at"),
    ]
    list_filter = [AwaitsFilter, "status", "failure_class", "model", "plan"]
    search_fields = ["=id", "account__external_id"]
    date_hierarchy = "created_at"
    list_select_related = ["account"]
    actions = ["fail_jobs"]
    actions_detail = ["decide"]

    @display(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("status"),
        ordering="status",
        label={
            JobStatus.SUCCEEDED.value: "success",
            JobStatus.FAILED.value: "danger",
            JobStatus.UNKNOWN.value: "warning",
            JobStatus.RUNNING.value: "info",
        },
    )
    def labelled_status(self, job: Job) -> tuple[str, str]:
        """Return where it stands, for a coloured label."""
        return job.status, job.get_status_display()

    def has_fail_permission(self, request: HttpRequest) -> bool:
        """Only who may fail jobs sees the action."""
        return request.user.has_perm("billing.fail_job")

    @admin.action(
        description=gettext_lazy("Fail the selected jobs and give the credits back"),
        permissions=["fail"],
    )
    def fail_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Fail each job by itself: one that has ended already does not stop the others."""
        for job_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                job = services.fail(
                    job_id=job_id, operator=request.user.get_username(), now=timezone.now()
                )
            except IllegalMove as refusal:
                self.message_user(request, f"{job_id}: {refusal.message}", messages.WARNING)
            else:
                self.log_change(request, job, _("Failed by an operator."))
                self.message_user(
                    request, _("%(job)s has failed; its credits are back.") % {"job": job_id}
                )

    def has_resolve_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may decide about unknown jobs sees the page."""
        return request.user.has_perm("billing.resolve_job")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Decide what became of it"),
        url_path="decide",
        permissions=["resolve"],
    )
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is known of a job that waits for a person, and take the person's word."""
        form = FindingForm(request.POST or None)
        now, title = timezone.now(), _("Decide what became of it")
        object_id = unquote(object_id)  # as a list writes it in addresses
        try:
            if form.is_valid() and request.POST.get("act") == "resolve":
                operator = request.user.get_username()
                job = services.resolve(
                    job_id=object_id, finding=form.finding(), operator=operator, now=now
                )
                self.log_change(request, job, form.cleaned_data["reason"])
                self.message_user(request, f"{job.pk}: {job.get_status_display()}")
                return self.to_list()
        except DomainError as refusal:
            self.complain(form, refusal)
        try:
            provider_id = request.POST.get("provider_id", "").strip()
            facts = _outlook(services.look(job_id=object_id, provider_id=provider_id, now=now))
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.WARNING)
            return self.to_list()
        buttons = [("look", _("Ask the backend")), ("resolve", _("Decide so"))]
        return self.page(request, title, form, buttons, facts)


def _outlook(known: Outlook) -> list[tuple[str, str]]:
    """Return what a person reads before deciding."""
    attempt = known.attempt
    heard = attempt.heard_at or attempt.accepted_at
    return [
        (_("job"), known.job.pk),
        (
            _("would go back"),
            _("%(credits)s credits") % {"credits": format_micros(known.back_micros)},
        ),
        (_("backend"), attempt.backend),
        (_("id at the backend"), attempt.provider_id or "-"),
        (_("last heard of at"), "-" if heard is None else heard.isoformat()),
        (_("absences"), str(attempt.absences)),
        (_("detail"), attempt.detail or "-"),
        (_("the backend says now"), known.answer or _("nothing")),
    ]


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each try of handing a job to a backend."""

    list_display = [
        *("job", "number", "backend", "state", "outcome", "money_spent"),
        *("created_at", "ended_at"),
    ]
    list_filter = ["state", "outcome", "backend"]
    search_fields = ["=id", "=job__id", "=provider_id"]

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
    list_filter = ["mime", "expires_at", "deleted_at"]
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
    search_fields = ["=id", "account__external_id"]
    list_select_related = ["account"]


@admin.register(LaneClock)
class LaneClockAdmin(ReadOnlyAdmin[LaneClock]):
    """How far each lane has come at each backend."""

    list_display = ["backend", "lane", "turn", "number", "starts"]
    list_filter = ["backend", "lane"]
