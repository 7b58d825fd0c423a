"""Operators grant a campaign to accounts: one looks and asks, another looks and decides."""

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
from billing.corrections.forms import CampaignRunForm
from billing.corrections.models import CampaignRun, CampaignRunShare
from billing.corrections.selectors import RunOutlook
from billing.corrections.shapes import day_fact
from billing.errors import DomainError
from billing.http.admin import ReadOnlyAdmin
from billing.ledger.admin import credits_column
from billing.operators.admin.acting import Facts, operator
from billing.operators.admin.deciding import Acts, RequestAdmin
from plans import selectors as plans
from plans.credits import format_micros


@admin.register(CampaignRun)
class CampaignRunAdmin(RequestAdmin):
    """Campaigns that are granted to many accounts at once."""

    empty_says = gettext_lazy(
        "No campaign was granted by hand yet. The button above asks for that; another decides."
    )
    list_display = [
        *("campaign", "name", "state", "accounts_count"),
        credits_column("amount_micros", gettext_lazy("most in all")),
        *("is_sandbox", "requester", "approver", "requested_at", "finished_at"),
    ]
    list_filter = ["state", "is_sandbox"]
    search_fields = ["=id", "=campaign", "=name"]
    list_select_related = ["requester", "approver"]

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Request that a campaign is granted"),
        url_path="ask",
        permissions=["ask"],
    )
    def ask(self, request: HttpRequest) -> HttpResponse:
        """Look at who would have what, then ask for exactly that; another person decides on it."""
        form, facts = CampaignRunForm(request.POST or None), list[tuple[str, str]]()
        if form.is_valid():
            try:
                if request.POST.get("act") == "ask" and form.cleaned_data["digest"]:
                    return self._asked(request, form)
                found = selectors.preview_run(form.chosen(), catalog=plans.current().catalog)
            except DomainError as refusal:
                self.complain(form, refusal)
            else:
                facts = _outlook(found)
                form.data = request.POST.copy()
                form.data["digest"] = found.digest
        buttons = [("look", _("Preview"))]
        if facts:
            buttons.append(("ask", _("Request")))
        return self.page(request, _("Request that a campaign is granted"), form, buttons, facts)

    def _asked(self, request: HttpRequest, form: CampaignRunForm) -> HttpResponse:
        said = form.cleaned_data
        shown = [(_("campaign"), said["campaign"]), (_("digest of the preview"), said["digest"])]
        with self.line(request, "ask", reason=said["text"], shown=shown) as line:
            asked = services.request_campaign_run(
                chosen=form.chosen(),
                reason=said["reason"],
                text=said["text"],
                digest=said["digest"],
                requester=operator(request),
                now=timezone.now(),
            )
            self.made(line, asked)
        return self.requested(request, asked)

    def facts(self, row: CampaignRun) -> Facts:
        """Return what is asked for and why, and some of those who would have it."""
        some = row.shares.order_by("pk").values_list("account__external_id", flat=True)
        facts = [
            (_("campaign"), row.campaign),
            (_("run"), row.name),
            (_("accounts"), str(row.accounts_count)),
            (_("most for an account"), format_micros(row.share_micros)),
            (_("most in all"), format_micros(row.amount_micros)),
            (_("the first of them"), ", ".join(some[: selectors.TOP])),
            (_("reason"), row.reason),
            (_("explanation"), row.text),
            (_("requested by"), row.requester.get_username()),
            (_("requested at"), localize(row.requested_at)),
            (_("state"), str(row.get_state_display())),
        ]
        if row.state == CampaignRun.State.REQUESTED:
            now = timezone.now()
            facts.append(day_fact(row.requester, is_sandbox=row.is_sandbox, now=now))
        return facts

    def looked_at(self, row: CampaignRun) -> Sequence[tuple[str, str]]:
        """Return the digest of what is shown: that is approved, and nothing else."""
        return [("digest", row.digest)]

    def acts(self, request: HttpRequest) -> Acts:
        """Return what this person can do with a request, and what is said of it then."""
        person, now = operator(request), timezone.now()
        asks: Any = {"requester": person, "now": now}
        decides: Any = {"approver": person, "now": now}
        return {
            "approve": (
                lambda row: services.approve_campaign_run(
                    run_id=row.pk, digest=request.POST.get("digest") or row.digest, **decides
                ),
                _("Approved."),
            ),
            "refuse": (
                lambda row: services.refuse_campaign_run(run_id=row.pk, **decides),
                _("Refused."),
            ),
            "withdraw": (
                lambda row: services.withdraw_campaign_run(run_id=row.pk, **asks),
                _("Withdrawn."),
            ),
        }


@admin.register(CampaignRunShare)
class CampaignRunShareAdmin(ReadOnlyAdmin[CampaignRunShare]):
    """Which account of a run got its share, and why another did not."""

    list_display = ["run", "account", "campaign_grant", "refusal", "ended_at"]
    list_filter = ["refusal", ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["=run__id", "=account__external_id"]
    list_select_related = ["run", "account", "campaign_grant"]


def _outlook(found: RunOutlook) -> Facts:
    """Return what would move, as a person reads it before asking for it."""
    facts = [
        (_("accounts"), str(len(found.account_ids))),
        (_("most for an account"), format_micros(found.share_micros)),
        (_("most in all"), format_micros(found.amount_micros)),
        (_("left of the campaign's budget"), format_micros(found.left_micros)),
        (_("of them have their share already"), str(found.had)),
        (_("the first of them"), ", ".join(found.some)),
    ]
    if found.unknown:
        facts.append((_("names that no account has"), ", ".join(found.unknown)))
    return facts
