"""The base of windows in which some operators ask and others decide."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from billing.errors import DomainError
from billing.http.admin import ActingAdmin

Facts = list[tuple[str, str]]
Acts = Mapping[str, tuple[Callable[[Any], Model], str]]


def operator(request: HttpRequest) -> User:
    """Return who acts."""
    assert isinstance(request.user, User), "nobody else comes into the admin"
    return request.user


class RequestAdmin(ActingAdmin[Any]):
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

    def looked_at(self, row: Any) -> forms.Form:  # noqa: ANN401 (as above)
        """Return what the page of a request sends along with the decision: nothing."""
        return forms.Form()

    @action(  # type: ignore[untyped-decorator]  # unfold ships no types
        description=gettext_lazy("Look at it and decide"), url_path="decide", permissions=["act"]
    )
    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is asked for and why, with the buttons that are this person's."""
        row = self.get_object(request, object_id)
        if row is None:
            return self.to_list()
        if request.POST.get("act") in self.acts(request):
            self._decide(request, self.get_queryset(request).filter(pk=row.pk), request.POST["act"])
            return self.to_list()
        buttons: list[tuple[str, str]] = []
        if row.state == "requested" and row.requester_id == request.user.pk:
            buttons = [("withdraw", _("Withdraw"))]
        elif row.state == "requested" and self.has_decide_permission(request):
            buttons = [("approve", _("Approve")), ("refuse", _("Refuse"))]
        title = _("Look at it and decide")
        return self.page(request, title, self.looked_at(row), buttons, self.facts(row))

    @admin.action(
        description=gettext_lazy("Approve the selected requests of others"), permissions=["decide"]
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Approve each: what was asked for happens, at once or by and by."""
        self._decide(request, queryset, "approve")

    @admin.action(
        description=gettext_lazy("Refuse the selected requests of others"), permissions=["decide"]
    )
    def refuse(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Refuse each; nothing moves."""
        self._decide(request, queryset, "refuse")

    @admin.action(
        description=gettext_lazy("Withdraw the selected requests of your own"), permissions=["ask"]
    )
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take each back; nothing moves."""
        self._decide(request, queryset, "withdraw")

    def requested(self, request: HttpRequest, row: Model) -> HttpResponse:
        """Note and say that something was asked for; return to the list."""
        self.log_addition(request, row, _("Requested."))
        self.message_user(request, _("%(request)s is requested.") % {"request": row.pk})
        return self.to_list()

    def _decide(self, request: HttpRequest, rows: QuerySet[Any], chosen: str) -> None:
        """Decide on each row by itself: one that cannot be decided on stops none of the others."""
        act, done = self.acts(request)[chosen]
        for row in rows.order_by("pk"):
            try:
                decided = act(row)
            except DomainError as refusal:
                self.message_user(request, f"{row.pk}: {refusal.message}", messages.WARNING)
            else:
                self.log_change(request, decided, done)
                self.message_user(request, f"{row.pk}: {done}")
