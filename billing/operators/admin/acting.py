"""The base of windows with acts: each shows what will move, asks why, and leaves a line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.errors import DomainError
from billing.http.admin import ActingAdmin
from billing.operators import services
from billing.operators.forms import ReasonForm
from billing.operators.models import ActRecord

Facts = list[tuple[str, str]]
# What one person can look at before he says yes to all of it.
ROWS_MAX: Final = 200


def operator(request: HttpRequest) -> User:
    """Return who acts."""
    assert isinstance(request.user, User), "nobody else comes into the admin"
    return request.user


class RecordedAdmin(ActingAdmin[Any]):
    """A window whose acts are done for a reason, after a look at what they move, and written down.

    An act on chosen rows goes through `ask_first`, one with a form of its own through `line`.
    """

    def ask_first(
        self,
        request: HttpRequest,
        name: str,
        chosen: QuerySet[Any],
        *,
        look: Callable[[Any], Facts],
        do: Callable[[Any, str], str],
    ) -> HttpResponse | None:
        """Show what an act on these rows moves and ask why; then do it, to each by itself.

        Args:
            name: of the action.
            look: what a person reads of a row before.
            do: the act: of a row, for a reason; returns what is said of it then.

        Returns:
            The page that asks; None: it is done, and the list says what came of each.
        """
        rows = list(chosen.order_by("pk")[: ROWS_MAX + 1])
        if len(rows) > ROWS_MAX:
            said = _("Choose %(most)s rows at most: you look at each before you go on.")
            self.message_user(request, said % {"most": ROWS_MAX}, messages.WARNING)
            return None
        form = ReasonForm(request.POST if request.POST.get("act") == name else None)
        if form.is_valid():
            for row in rows:
                self.do_one(request, name, row, form.cleaned_data["reason"], look=look, do=do)
            return None
        facts = [fact for row in rows for fact in _read(look, row)]
        # The very rows that are shown, and no others that the filter finds by then.
        kept = [("action", name), *((helpers.ACTION_CHECKBOX_NAME, str(row.pk)) for row in rows)]
        return self.page(
            request, self.title_of(name), form, [(name, _("Go ahead"))], facts, kept=kept
        )

    def ask_first_of_one(
        self,
        request: HttpRequest,
        name: str,
        row: Any,  # noqa: ANN401 (any model)
        *,
        look: Callable[[Any], Facts],
        do: Callable[[Any, str], str],
    ) -> HttpResponse:
        """As `ask_first`, of the row whose page it is."""
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            self.do_one(request, name, row, form.cleaned_data["reason"], look=look, do=do)
            return self.to_list()
        facts, buttons = _read(look, row), [(name, _("Go ahead"))]
        return self.page(request, self.title_of(name), form, buttons, facts)

    def do_one(
        self,
        request: HttpRequest,
        name: str,
        row: Any,  # noqa: ANN401 (any model)
        reason: str,
        *,
        look: Callable[[Any], Facts],
        do: Callable[[Any, str], str],
    ) -> None:
        """Do it to a row, and say what came of it: a refusal stops none of the others."""
        try:
            with self.line(request, name, row, reason=reason, shown=_read(look, row)):
                said = do(row, reason)
        except DomainError as refusal:
            self.message_user(request, f"{row.pk}: {refusal.message}", messages.WARNING)
        else:
            self.message_user(request, f"{row.pk}: {said}")

    @contextmanager
    def line(
        self,
        request: HttpRequest,
        name: str,
        row: Model | None = None,
        *,
        reason: str,
        shown: Sequence[tuple[str, str]] = (),
    ) -> Iterator[ActRecord]:
        """Write down an act before it is done, and how it ended; a refusal goes on to the caller.

        Args:
            row: what it is done to; None: the act makes it, and says so by `made`.
        """
        with services.written_down(
            act=f"{self.opts.model_name}.{name}",
            operator=operator(request),
            object_type=str(self.opts.model_name),
            object_id="" if row is None else str(row.pk),
            account_id="" if row is None else self.account_of(row),
            reason=reason,
            shown=shown,
            clock=timezone.now,
        ) as line:
            yield line
        if row is not None:
            self.log_change(request, row, reason)

    def made(self, line: ActRecord, row: Model) -> None:
        """Name in the line what the act has made."""
        line.object_id, line.account_id = str(row.pk), self.account_of(row)

    def account_of(self, row: Any) -> str:  # noqa: ANN401 (any model)
        """Return the id of the account that a row is of; "" if it is of none."""
        return getattr(row, "account_id", None) or ""

    def title_of(self, name: str) -> str:
        """Return what an act is called in its window."""
        return str(getattr(self, name).short_description)


def _read(look: Callable[[Any], Facts], row: Model) -> Facts:
    """Return what a person reads of a row; that it would be refused, where it would."""
    try:
        return look(row)
    except DomainError as refusal:
        return [(str(row.pk), refusal.message)]
