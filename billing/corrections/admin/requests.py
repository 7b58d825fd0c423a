"""Operators ask for corrections and decide on those of others; each act calls one service."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.corrections import selectors, services
from billing.corrections.forms import AdjustmentForm, CompensationForm, of_filter
from billing.corrections.models import (
    Adjustment,
    CompensatedJob,
    Compensation,
    CompensationShare,
    DebtNotice,
    Halt,
    OperatorDay,
)
from billing.corrections.shapes import (
    adjustment_facts,
    compensation_facts,
    day_fact,
    movement_facts,
    preview_facts,
)
from billing.errors import DomainError
from billing.http.admin import ReadOnlyAdmin
from billing.ledger.admin import credits_column
from billing.operators.admin.acting import Facts, RecordedAdmin, operator
from billing.operators.admin.deciding import Acts, RequestAdmin
from plans import selectors as plans
from plans.credits import format_micros

amount = credits_column("amount_micros", gettext_lazy("credits"))


@admin.register(Adjustment)
class AdjustmentAdmin(RequestAdmin):
    """Credits given and taken by hand."""

    list_display = [
        *("id", "account", amount, "reason", "state"),
        *("requester", "approver", "requested_at", "decided_at"),
    ]
    list_filter = ["state", "reason", "account__is_sandbox"]
    search_fields = ["=id", "=account__external_id", "=key"]
    list_select_related = ["account", "requester", "approver"]

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Request an adjustment"), url_path="ask", permissions=["ask"]
    )
    def ask(self, request: HttpRequest) -> HttpResponse:
        """Ask for an adjustment; another person decides on it."""
        begun = {name: request.GET.get(name, "") for name in ("account", "is_sandbox")}
        begun["key"] = uuid.uuid4().hex
        form = AdjustmentForm(request.POST or None, initial=begun)
        facts: Facts = []
        if form.is_valid():
            said = {**form.cleaned_data, "requester": operator(request), "now": timezone.now()}
            try:
                if request.POST.get("act") == "ask":
                    return self._asked(request, said)
                del said["key"]
                movement = services.preview_adjustment(**said)
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                facts = movement_facts(movement, as_debt=said["as_debt"])
        buttons = [("look", _("Preview"))]
        if facts:
            buttons.append(("ask", _("Request")))
        return self.page(request, _("Request an adjustment"), form, buttons, facts)

    def _asked(self, request: HttpRequest, said: dict[str, Any]) -> HttpResponse:
        shown = [(_("account"), said["account"].external_id)]
        shown.append((_("credits"), format_micros(said["amount_micros"])))
        with self.line(request, "ask", reason=said["text"], shown=shown) as line:
            asked = services.request_adjustment(**said)
            self.made(line, asked)
        return self.requested(request, asked)

    def facts(self, row: Adjustment) -> Facts:
        """Return what is asked for and why, and what would move now."""
        facts = adjustment_facts(row)
        if row.state == Adjustment.State.REQUESTED:
            movement = services.look_at_adjustment(adjustment_id=row.pk)
            facts += movement_facts(movement, as_debt=row.as_debt)
            side = row.account.is_sandbox
            facts.append(day_fact(row.requester, is_sandbox=side, now=timezone.now()))
        return facts

    def acts(self, request: HttpRequest) -> Acts:
        """Return what this person can do with a request, and what is said of it then."""
        person, now = operator(request), timezone.now()
        asks: Any = {"requester": person, "now": now}
        decides: Any = {"approver": person, "now": now}
        return {
            "approve": (
                lambda row: services.approve_adjustment(adjustment_id=row.pk, **decides),
                _("Approved."),
            ),
            "refuse": (
                lambda row: services.refuse_adjustment(adjustment_id=row.pk, **decides),
                _("Refused."),
            ),
            "withdraw": (
                lambda row: services.withdraw_adjustment(adjustment_id=row.pk, **asks),
                _("Withdrawn."),
            ),
        }


@admin.register(Compensation)
class CompensationAdmin(RequestAdmin):
    """Incidents, and what they are worth."""

    list_display = [
        *("key", "state", "jobs_count", "accounts_count", amount, "is_sandbox"),
        *("requester", "approver", "requested_at", "finished_at"),
    ]
    list_filter = ["state", "reason", "is_sandbox"]
    search_fields = ["=id", "=key"]
    list_select_related = ["requester", "approver"]

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Request a compensation"), url_path="ask", permissions=["ask"]
    )
    def ask(self, request: HttpRequest) -> HttpResponse:
        """Look at what would move, then ask for exactly that; another person decides on it."""
        begun = of_filter(request.GET, now=timezone.now())
        form = CompensationForm(request.POST or None, initial=begun)
        facts: Facts = []
        if form.is_valid():
            try:
                if request.POST.get("act") == "ask" and form.cleaned_data["digest"]:
                    return self._asked(request, form)
                found = selectors.preview(
                    form.selection(), form.rule(), catalog=plans.current().catalog
                )
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                facts = preview_facts(found)
                form.data = request.POST.copy()
                form.data["digest"] = found.digest
        buttons = [("look", _("Preview"))]
        if facts:
            buttons.append(("ask", _("Request")))
        return self.page(request, _("Request a compensation"), form, buttons, facts)

    def _asked(self, request: HttpRequest, form: CompensationForm) -> HttpResponse:
        said = form.cleaned_data
        shown = [(_("incident"), said["key"]), (_("digest of the preview"), said["digest"])]
        with self.line(request, "ask", reason=said["text"], shown=shown) as line:
            asked = services.request_compensation(
                key=said["key"],
                selection=form.selection(),
                rule=form.rule(),
                notice=form.notice(),
                reason=said["reason"],
                text=said["text"],
                digest=said["digest"],
                requester=operator(request),
                now=timezone.now(),
            )
            self.made(line, asked)
        return self.requested(request, asked)

    def facts(self, row: Compensation) -> Facts:
        """Return what is asked for and why, and who would have most."""
        return compensation_facts(row)

    def looked_at(self, row: Compensation) -> Sequence[tuple[str, str]]:
        """Return the digest of what is shown: that is approved, and nothing else."""
        return [("digest", row.digest)]

    def acts(self, request: HttpRequest) -> Acts:
        """Return what this person can do with a request, and what is said of it then."""
        person, now = operator(request), timezone.now()
        asks: Any = {"requester": person, "now": now}
        decides: Any = {"approver": person, "now": now}
        return {
            "approve": (
                lambda row: services.approve_compensation(
                    compensation_id=row.pk,
                    digest=request.POST.get("digest") or row.digest,
                    **decides,
                ),
                _("Approved."),
            ),
            "refuse": (
                lambda row: services.refuse_compensation(compensation_id=row.pk, **decides),
                _("Refused."),
            ),
            "withdraw": (
                lambda row: services.withdraw_compensation(compensation_id=row.pk, **asks),
                _("Withdrawn."),
            ),
        }


@admin.register(CompensationShare)
class CompensationShareAdmin(ReadOnlyAdmin[CompensationShare]):
    """Which account has how much of a compensation."""

    list_display = ["compensation", "account", amount, "jobs_count", "refusal", "ended_at"]
    list_filter = ["refusal", ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["=compensation__key", "=account__external_id"]
    list_select_related = ["compensation", "account"]


@admin.register(CompensatedJob)
class CompensatedJobAdmin(ReadOnlyAdmin[CompensatedJob]):
    """Which jobs a compensation names."""

    list_display = ["compensation", "job", credits_column("due_micros", gettext_lazy("counts for"))]
    search_fields = ["=compensation__key", "=job__id"]
    list_select_related = ["compensation"]


@admin.register(OperatorDay)
class OperatorDayAdmin(ReadOnlyAdmin[OperatorDay]):
    """How much each person had a hand in."""

    list_display = [
        *("operator", "day", "is_sandbox"),
        credits_column("used_micros", gettext_lazy("used")),
        credits_column("max_micros", gettext_lazy("highest")),
    ]
    list_filter = ["is_sandbox"]
    search_fields = ["=operator__username"]
    list_select_related = ["operator"]


@admin.register(DebtNotice)
class DebtNoticeAdmin(ReadOnlyAdmin[DebtNotice]):
    """What was told of which debt."""

    list_display = ["debt", "begun_told_at", "paid_told_at"]
    search_fields = ["=debt__id"]


@admin.register(Halt)
class HaltAdmin(RecordedAdmin):
    """Accounts that were given too much by themselves; each waits for a person."""

    list_display = ["account", "halted_at", "told_at", "resumed_at", "operator", "reason"]
    list_filter = [("resumed_at", admin.EmptyFieldListFilter), "account__is_sandbox"]
    search_fields = ["=id", "=account__external_id"]
    list_select_related = ["account", "operator"]
    actions_detail = ["resume"]

    def has_resume_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may let grants go on sees the act."""
        return request.user.has_perm("billing.resume_grants")

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Let the grants go on"), url_path="resume", permissions=["resume"]
    )
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the account have automatic grants again, and say why."""
        halt = self.get_object(request, object_id)
        if halt is None:
            return self.absent(request, object_id)

        def resume(row: Halt, reason: str) -> str:
            services.resume_grants(
                account=row.account,
                operator=operator(request),
                reason=reason,
                looked_at=row.halted_at,
            )
            return _("The automatic grants go on.")

        return self.ask_first_of_one(request, "resume", halt, look=_halted, do=resume)


def _halted(halt: Halt) -> Facts:
    """Return what a person reads before the grants go on."""
    return [
        (_("account"), halt.account.external_id),
        (_("halted at"), localize(halt.halted_at)),
        (_("from then on"), _("it has again what a plan gives by itself")),
    ]
