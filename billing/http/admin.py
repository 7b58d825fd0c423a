"""The base of the operators' windows: they look at rows; nothing here edits one."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, Generic, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.db.models import BinaryField, Field, JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from unfold.admin import ModelAdmin

from billing.errors import DomainError
from billing.http import links
from billing.http.listing import ShortList, filters_of, found
from billing.http.models import IdempotentAnswer
from plans.credits import format_micros
from plans.shapes import money

# Pages lead to the rows of one account.
_OF_AN_ACCOUNT: Final = frozenset(
    {"purchase__account__id__exact", "wallet__account__id__exact", "event__account__id__exact"}
)
_Row = TypeVar("_Row", bound=Model)
# unfold speaks English alone; what its windows say is named here, so that ours translate it too.
UNFOLD_SAYS: Final = (
    gettext_lazy("All applications"),
    gettext_lazy("Apply Filters"),
    gettext_lazy("Cancel"),
    gettext_lazy("Dark"),
    gettext_lazy("False"),
    gettext_lazy("Go back"),
    gettext_lazy("Light"),
    gettext_lazy("Loading more results..."),
    gettext_lazy("More actions"),
    gettext_lazy("No recent searches"),
    gettext_lazy("No results found"),
    gettext_lazy("No results matching your query"),
    gettext_lazy("Recent searches"),
    gettext_lazy("Reset filters"),
    gettext_lazy("Return to site"),
    gettext_lazy("Run"),
    gettext_lazy("Search apps and models..."),
    gettext_lazy("Select action"),
    gettext_lazy("Select action to run"),
    gettext_lazy("Select all rows"),
    gettext_lazy("Select record"),
    gettext_lazy("Select value"),
    gettext_lazy("System"),
    gettext_lazy("This page yielded into no results. Create a new item or reset your filters."),
    gettext_lazy("Toggle password visibility"),
    gettext_lazy("True"),
    gettext_lazy("Type to search"),
    gettext_lazy("Welcome"),
    gettext_lazy("Welcome back to"),
    gettext_lazy("You have been successfully logged out from the administration"),
)


class ReadOnlyAdmin(ModelAdmin, Generic[_Row]):  # type: ignore[misc]  # unfold ships no types
    """A window on rows that have rules: services write them, operators act through actions.

    Attributes:
        money: the columns of millionths of the row's currency; those of others are credits.
        empty_says: what will stand here, and when, for whoever finds the list empty.
        dated_by: the column that says when a row was made, and has an index; "": its key does.
        served: filters by which an index finds their rows, however old they are.
    """

    money: frozenset[str] = frozenset()
    empty_says: Any = ""
    compressed_fields = True
    list_per_page = 50
    served: frozenset[str] = frozenset()
    dated_by: str = ""
    # Nothing counts a table, sorts it or shows all of it: tables grow without end.
    show_full_result_count = False
    list_max_show_all = 0
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER
    sortable_by: Sequence[str] = ()

    def get_changelist(self, request: HttpRequest, **_more: Any) -> type[ShortList]:  # noqa: ANN401 (as the base)
        """Return what reads one page of the list."""
        return ShortList

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Return the window's filters, and by when a row was made, where its key says that."""
        return filters_of(self)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_Row], search_term: str
    ) -> tuple[QuerySet[_Row], bool]:
        """Return the rows that are found by an index; no word is sought within texts."""
        typed = search_term.strip()
        if not typed:
            return queryset, False
        return found(queryset, self.get_search_fields(request), typed), False

    def get_fields(self, request: HttpRequest, obj: _Row | None = None) -> list[Any]:
        """Return what a window shows: `fields`, or else every column that is not raw bytes."""
        if self.fields:
            return list(self.fields)
        columns = [field for field in self.opts.concrete_fields if not _is_bytes(field)]
        shown = (_shown(column, is_money=column.name in self.money) for column in columns)
        return [*shown, *self.readonly_fields]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns; each but the first, the row's own, leads to what it names."""
        own, *others = super().get_list_display(request)
        return [own, *map(self._leading, others)]

    def _leading(self, name: Any) -> Any:  # noqa: ANN401 (a field's name, or a callable)
        if not isinstance(name, str) or hasattr(self, name):
            return name
        found = next((one for one in self.opts.concrete_fields if one.name == name), None)
        return links.column(found) if found is not None and links.leads_on(found) else name

    def get_readonly_fields(self, request: HttpRequest, obj: _Row | None = None) -> list[Any]:
        """Return everything that is shown; ids, too, which no form could hold."""
        return self.get_fields(request, obj)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> _Row | None:
        """Return the row of an id, also as a list writes it in addresses: an act may get that."""
        for key in (object_id, unquote(object_id)):
            row: _Row | None = super().get_object(request, key, from_field)
            if row is not None:
                return row
        return None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; a filter that no column can be compared with leads to the plain one.

        Raises:
            BadRequest: a form has NUL in it, of which PostgreSQL has no text; or it marks a row
                by what is no key of this window's.
        """
        if any("\0" in text for _name, texts in request.POST.lists() for text in texts):
            raise BadRequest("NUL in the form.")
        for key in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME):
            self._require_key(key)
        if "select_across" in request.POST:
            # An act is done to rows that somebody saw and marked, not to all that there may be.
            marked = request.POST.copy()
            marked["select_across"] = "0"
            request.POST = marked  # type: ignore[assignment]  # as mutable as Django leaves it
        try:
            page: HttpResponse = super().changelist_view(request, extra_context)
            # Here, for the calendar above the list reads the filter only now.
            return page.render() if isinstance(page, SimpleTemplateResponse) else page
        except (ValueError, OverflowError, DataError):
            if request.method != "GET" or not request.GET or ERROR_FLAG in request.GET:
                raise
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")

    def _require_key(self, key: str) -> None:
        try:
            self.opts.pk.to_python(key)
        except ValidationError as error:
            raise BadRequest("No key of a row.") from error

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Say whether a list may be narrowed by that; to an account every one may that has one."""
        return lookup in _OF_AN_ACCOUNT or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest, *_more: Any) -> bool:  # noqa: ANN401 (inlines pass their parent)
        """Nobody adds a row by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody edits a row by hand, a superuser neither."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: _Row | None = None) -> bool:
        """Nobody deletes a row by hand, a superuser neither."""
        return False


class ActingAdmin(ReadOnlyAdmin[_Row]):
    """A window whose acts go through forms and actions of their own."""

    def page(
        self,
        request: HttpRequest,
        title: str,
        form: forms.Form,
        buttons: Sequence[tuple[str, str]],
        facts: Sequence[tuple[str, str]] = (),
        kept: Sequence[tuple[str, str]] = (),
    ) -> HttpResponse:
        """Return a form with its buttons, and what would move.

        Args:
            kept: what is sent along with the form, unseen.
        """
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "buttons": buttons,
            "facts": facts,
            "kept": kept,
        }
        return render(request, "admin/billing/act.html", context)

    def to_list(self) -> HttpResponse:
        """Return to the list."""
        names = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(names))

    def absent(self, request: HttpRequest, key: str) -> HttpResponse:
        """Say that no row has this key, and return to the list."""
        self.message_user(
            request, gettext("There is no %(key)s here.") % {"key": key}, messages.WARNING
        )
        return self.to_list()

    def complain(self, form: forms.Form, refusal: DomainError) -> None:
        """Say beside the field that can mend it, if the form shows it, why it is refused."""
        shown = {field.name for field in form.visible_fields()}
        field = refusal.facts.get("field")
        form.add_error(str(field) if field in shown else None, refusal.message)


def money_column(field: str, title: Any) -> Any:  # noqa: ANN401 (lazy texts and admin callables)
    """Return a column that shows the micros of `field` in the row's currency."""

    @admin.display(description=title, ordering=field)
    def column(row: Any) -> str:  # noqa: ANN401 (any model that has the field)
        return in_currency(getattr(row, field), row.currency)

    return column


def in_currency(micros: int | None, currency: str) -> str:
    """Return an amount of money as a person reads it: "66.00 CNY"."""
    if micros is None:
        return "-"
    said = money(micros, currency)
    return f"{said['amount']} {said['currency']}"


def _is_bytes(field: Field[Any, Any]) -> bool:
    """Return whether a column holds a hash or a body: nothing that a person reads."""
    return isinstance(field, BinaryField)


# Millionths of something else: of money, and of units that are counted.
_NO_CREDITS: Final = frozenset({"kept_micros", "paid_micros", "share_micros", "units_micros"})


@cache  # one callable for each field: Django finds a field among the read-only ones by equality
def _shown(field: Field[Any, Any], *, is_money: bool) -> str | Callable[[Model], str]:
    """Return a field's name; or what shows it to a person, for amounts and for JSON."""
    if links.leads_on(field):
        column: Callable[[Model], str] = links.column(field)
        return column
    if is_money:
        return _priced(field)
    if field.name in _NO_CREDITS:
        return _titled(field, _plain)
    if field.name.endswith("_micros"):
        return _titled(field, _credits)
    if isinstance(field, JSONField):
        return _titled(field, pretty)
    return field.name


def _titled(field: Field[Any, Any], show: Callable[[Any], str]) -> Callable[[Model], str]:
    @admin.display(description=field.verbose_name)
    def column(row: Model) -> str:
        return show(getattr(row, field.name))

    column.__name__ = field.name  # by it Django finds the help text
    return column


def _priced(field: Field[Any, Any]) -> Callable[[Model], str]:
    column: Callable[[Model], str] = money_column(field.name, field.verbose_name)
    column.__name__ = field.name  # as above
    return column


def _plain(micros: int | None) -> str:
    return "-" if micros is None else format_micros(micros)


def _credits(micros: int | None) -> str:
    if micros is None:
        return "-"
    return gettext("%(credits)s credits") % {"credits": format_micros(micros)}


def _in_credits(content: Any) -> Any:  # noqa: ANN401 (JSON)
    match content:
        case {"micros": int(micros)}:
            rest = {name: fact for name, fact in content.items() if name != "micros"}
            return {**rest, "credits": format_micros(micros)}
        case list():
            return [_in_credits(item) for item in content]
    return content


def pretty(content: object) -> SafeString | str:
    """Return JSON as a person reads it: Chinese stays Chinese, and amounts are in credits."""
    if not content:
        return "-"
    text = json.dumps(_in_credits(content), ensure_ascii=False, indent=2)
    return format_html('<pre style="white-space: pre-wrap">{}</pre>', links.linked(text))


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnlyAdmin[IdempotentAnswer]):
    """What was answered to whom; the bodies stay closed."""

    list_display = ["id", "caller", "route", "key", "status", "created_at"]
    list_filter = ["status", "route"]
    search_fields = ["=id", "=caller"]
    fields = ["id", "caller", "route", "key", "status", "created_at"]
