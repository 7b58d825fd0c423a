"""Operators look at jobs and call services; no form edits a job."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from billing.errors import DomainError
from billing.http import links
from billing.jobs import selectors, services
from billing.jobs.errors import Unfounded
from billing.jobs.forms import FindingForm
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import Outlook
from billing.ledger.admin import credits_column, movements
from billing.operators.admin.acting import Facts, RecordedAdmin
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
class JobAdmin(RecordedAdmin):
    """Every job; each act here goes through a service."""

    list_display = [
        *("id", "account", "model", "labelled_status", "failure_class"),
        credits_column("quoted_micros", gettext_lazy("price")),
        credits_column("charged_micros", gettext_lazy("charged")),
        *("created_at", "finished_at"),
    ]
    served = frozenset({"awaits"})
    list_filter = [AwaitsFilter, "status", "failure_class", "model", "plan"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account"]
    readonly_fields = ["tried", "moved"]
    list_before_template = "admin/billing/compensate_these.html"
    actions = ["fail_jobs", "retry_settlements"]
    actions_detail = ["decide"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and the way to compensate just those.

        A compensation can be of what some filters choose, and of no search.
        """
        said = {"compensate": _("Compensate the jobs of this filter"), **(extra_context or {})}
        if any(request.GET.get(word) for word in (SEARCH_VAR, "awaits")):
            said["beyond"] = _("To compensate these jobs, filter by account instead of searching.")
        return super().changelist_view(request, said)

    @display(description=gettext_lazy("attempts"))  # type: ignore[untyped-decorator]  # unfold ships no types
    def tried(self, job: Job) -> SafeString | str:
        """Return to whom it was handed over, and how that ended."""
        tries = job.attempts.order_by("number")
        lines = ((links.link(links.row_path(one), _try(one)),) for one in tries)
        return format_html_join("", "<div>{}</div>", lines) or "-"

    @display(description=gettext_lazy("newest entries"))  # type: ignore[untyped-decorator]  # unfold ships no types
    def moved(self, job: Job) -> SafeString | str:
        """Return what it has moved in the ledger."""
        return movements(job.hold.entries.all())

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
    def fail_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Fail each job by itself: one that has ended already does not stop the others."""

        def fail(job: Job, _reason: str) -> str:
            services.fail(job_id=job.pk, operator=request.user.get_username(), now=timezone.now())
            return _("It has failed; its credits are back.")

        chosen = queryset.select_related("account", "hold")
        return self.ask_first(request, "fail_jobs", chosen, look=_goes_back, do=fail)

    @admin.action(
        description=gettext_lazy("Settle the selected jobs anew: what was given up is tried again"),
        permissions=["resolve"],
    )
    def retry_settlements(
        self, request: HttpRequest, queryset: QuerySet[Job]
    ) -> HttpResponse | None:
        """Have what settles each job run again; nothing is settled twice."""

        def retry(job: Job, _reason: str) -> str:
            number = services.retry_settlement(
                job_id=job.pk, operator=request.user.get_username(), now=timezone.now()
            )
            return _("Errands that are tried again: %(number)d.") % {"number": number}

        chosen = queryset.select_related("account", "hold")
        return self.ask_first(request, "retry_settlements", chosen, look=_unsettled, do=retry)

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
        job = self.get_object(request, object_id)
        if job is None:
            return self.absent(request, object_id)
        if form.is_valid() and request.POST.get("act") == "resolve":
            try:
                said = self._resolve(request, job, form)
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                self.message_user(request, said)
                return self.to_list()
        try:
            provider_id = request.POST.get("provider_id", "").strip()
            facts = _outlook(services.look(job_id=job.pk, provider_id=provider_id, now=now))
        except DomainError as refusal:
            self.message_user(request, refusal.message, messages.WARNING)
            return self.to_list()
        buttons = [("look", _("Ask the backend")), ("resolve", _("Decide so"))]
        return self.page(request, title, form, buttons, facts)

    def _resolve(self, request: HttpRequest, job: Job, form: FindingForm) -> str:
        finding = form.finding()
        if not finding.reason.strip():
            raise Unfounded("reason")
        shown = [(_("what became of it"), finding.verdict.value)]
        with self.line(request, "decide", job, reason=finding.reason, shown=shown):
            ended = services.resolve(
                job_id=job.pk,
                finding=finding,
                operator=request.user.get_username(),
                now=timezone.now(),
            )
        return f"{ended.pk}: {ended.get_status_display()}"


def _try(attempt: Attempt) -> str:
    how = attempt.outcome or attempt.get_state_display()
    return " · ".join(filter(None, (attempt.backend, how, attempt.provider_id)))


def _goes_back(job: Job) -> Facts:
    """Return how many credits go back to whom when a job is failed."""
    if job.finished_at is not None:
        return [(job.pk, _("it has ended, and stays as it is"))]
    said = _("%(credits)s credits go back to %(account)s")
    held = format_micros(job.hold.amount_micros)
    return [(job.pk, said % {"credits": held, "account": job.account.external_id})]


def _unsettled(job: Job) -> Facts:
    """Return what keeps a job from being settled, and what is held for it."""
    found = services.look_at_settlement(job_id=job.pk)
    said = _("%(credits)s credits of %(account)s are held · tried again: %(errands)s")
    named = {"credits": format_micros(job.hold.amount_micros), "account": job.account.external_id}
    return [(job.pk, said % {**named, "errands": ", ".join(found)})]


def _outlook(known: Outlook) -> Facts:
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
