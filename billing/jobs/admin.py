"""Operators look at jobs and call services; no form edits a job."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from billing.http.admin import ReadOnlyAdmin
from billing.jobs import services
from billing.jobs.errors import IllegalMove
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Callback, Job, Output, Quote
from billing.ledger.admin import credits_column


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Every job; the one act here gives credits back through the service."""

    list_display = [
        *("id", "account", "model", "labelled_status", "failure_class"),
        credits_column("quoted_micros", gettext_lazy("price")),
        credits_column("charged_micros", gettext_lazy("charged")),
        *("created_at", "finished_at"),
    ]
    list_filter = ["status", "failure_class", "model", "plan"]
    search_fields = ["=id", "account__external_id"]
    date_hierarchy = "created_at"
    list_select_related = ["account"]
    actions = ["fail_jobs"]

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


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each try of handing a job to a backend."""

    list_display = ["job", "number", "backend", "state", "outcome", "created_at", "ended_at"]
    list_filter = ["state", "outcome", "backend"]
    search_fields = ["=id", "=job__id", "=provider_id"]


@admin.register(Callback)
class CallbackAdmin(ReadOnlyAdmin[Callback]):
    """What backends said, and when it was applied; the words themselves may hold prompts."""

    list_display = ["id", "attempt", "received_at", "applied_at"]
    search_fields = ["=id", "=attempt__id"]
    exclude = ["body", "digest"]


@admin.register(Output)
class OutputAdmin(ReadOnlyAdmin[Output]):
    """The files of finished jobs."""

    list_display = ["job", "mime", "seconds", "width", "height", "bytes", "created_at"]
    search_fields = ["=id", "=job__id"]


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
