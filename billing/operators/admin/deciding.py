"""The base of windows in which some operators ask and others decide."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.operators.admin.acting import Facts, RecordedAdmin, operator
from billing.operators.forms import ReasonForm

Acts = Mapping[str, tuple[Callable[[Any], Model], str]]

__all__ = ["Acts", "Facts", "RequestAdmin", "operator"]


class RequestAdmin(RecordedAdmin):
    """Requests of some that others decide on; each act calls one service."""

    actions = ["approve", "refuse", "withdraw"]
    actions_list = ["ask"]
    actions_detail = ["look"]

    def has_ask_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may request such things sees the form."""
        return request.user.has_perm(f"billing.request_{self.opts.model_name}")

    def has_decide_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may decide on such things sees the actions."""
        return request.user.has_perm(f"billing.approve_{self.opts.model_name}")

    def has_act_permission(self, request: HttpRequest, *_more: object) -> bool:
        """Only who may do one of both sees what can be decided on."""
        return self.has_ask_permission(request) or self.has_decide_permission(request)

    @abstractmethod
    def facts(self, row: Any) -> Facts:  # noqa: ANN401 (whatever is asked for)
        """Return what a person reads before deciding on a request."""

    @abstractmethod
    def acts(self, request: HttpRequest) -> Acts:
        """Return what this person can do with a request, and what is said of it then."""

    def looked_at(self, row: Any) -> Sequence[tuple[str, str]]:  # noqa: ANN401 (as above)
        """Return what the page of a request sends along with the decision: nothing."""
        return ()

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Look at it and decide"), url_path="decide", permissions=["act"]
    )
    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is asked for and why, with the buttons that are this person's."""
        row = self.get_object(request, object_id)
        if row is None:
            return self.absent(request, object_id)
        chosen, form = request.POST.get("act", ""), ReasonForm(request.POST or None)
        if chosen in self.acts(request) and form.is_valid():
            act = self._act(request, chosen)
            self.do_one(request, chosen, row, form.cleaned_data["reason"], look=self.facts, do=act)
            return self.to_list()
        buttons: list[tuple[str, str]] = []
        if row.state == "requested" and row.requester_id == request.user.pk:
            buttons = [("withdraw", _("Withdraw"))]
        elif row.state == "requested" and self.has_decide_permission(request):
            buttons = [("approve", _("Approve")), ("refuse", _("Refuse"))]
        title, facts, kept = _("Look at it and decide"), self.facts(row), self.looked_at(row)
        return self.page(request, title, form, buttons, facts, kept=kept)

    @admin.action(
        description=gettext_lazy("Approve the selected requests of others"), permissions=["decide"]
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Approve each: what was asked for happens, at once or by and by."""
        act = self._act(request, "approve")
        return self.ask_first(request, "approve", queryset, look=self._in_short, do=act)

    @admin.action(
        description=gettext_lazy("Refuse the selected requests of others"), permissions=["decide"]
    )
    def refuse(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Refuse each; nothing moves."""
        act = self._act(request, "refuse")
        return self.ask_first(request, "refuse", queryset, look=self._in_short, do=act)

    @admin.action(
        description=gettext_lazy("Withdraw the selected requests of your own"), permissions=["ask"]
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Take each back; nothing moves."""
        act = self._act(request, "withdraw")
        return self.ask_first(request, "withdraw", queryset, look=self._in_short, do=act)

    def requested(self, request: HttpRequest, row: Model) -> HttpResponse:
        """Note and say that something was asked for; return to the list."""
        self.log_addition(request, row, _("Requested."))
        self.message_user(request, _("%(request)s is requested.") % {"request": row.pk})
        return self.to_list()

    def _act(self, request: HttpRequest, chosen: str) -> Callable[[Any, str], str]:
        """Return what decides on a row in the chosen way, and says what came of it."""
        decide, done = self.acts(request)[chosen]

        def act(row: Any, _reason: str) -> str:  # noqa: ANN401 (whatever is asked for)
            decide(row)
            return done

        return act

    def _in_short(self, row: Any) -> Facts:  # noqa: ANN401 (as above)
        """Return what is asked for in one line, so that many can be looked at together."""
        return [(str(row.pk), " · ".join(f"{name}: {said}" for name, said in self.facts(row)))]
