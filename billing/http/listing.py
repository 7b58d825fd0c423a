"""Lists of the operators' windows: a page asks for its own rows and one more, and counts nothing.

What a list, its search and its filters ask for is found by an index, so that ten million rows are
as quick to look at as a hundred.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.paginator import Paginator
from django.db.models import AutoField, BigAutoField, CharField, IntegerField, Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from unfold.views import ChangeList

from billing.ids import ID_LENGTH_MAX, floor_of

# Rows before a page are read over: who goes on for so long should narrow the list instead.
PAGES_MAX: Final = 100
# Where keys say nothing of time, so many of the newest rows are looked through for a rare one.
_NEWEST: Final = 100_000
_OF_LATE: Final = 1000
# How the parts of an address are called that choose no rows by what they are.
_NO_FILTERS: Final = frozenset({PAGE_VAR, SEARCH_VAR, "o", "e", "all", "made"})
YESTERDAY: Final = "yesterday"

_Rows = QuerySet[Any]


class PageNumbers(Paginator):  # type: ignore[type-arg]  # of numbers, for the links alone
    """The numbers of the pages that are known to be there."""

    template_name = "admin/billing/pages.html"


class ShortList(ChangeList):  # type: ignore[misc]  # unfold ships no types
    """One page of a list. Whether there is another one is known by one row more.

    Attributes:
        has_more: there are rows after this page.
    """

    has_more = False

    @property
    def said(self) -> str:
        """How many rows there are, as far as it is known."""
        if self.has_more:
            return gettext("%(number)s rows so far, and more") % {"number": self.result_count}
        if self.result_count == 1:
            return gettext("1 row")
        return gettext("%(number)s rows") % {"number": self.result_count}

    def apply_select_related(self, qs: _Rows) -> _Rows:
        """Return the rows with what its columns point at, and nothing that that points at.

        Django would follow every pointer five deep; PostgreSQL joins that many tables whole before
        it takes a page of them.
        """
        if self.list_select_related:
            rows: _Rows = super().apply_select_related(qs)
            return rows
        columns = {field.name: field for field in self.lookup_opts.concrete_fields}
        near = [name for name in self.list_display if name in columns and columns[name].is_relation]
        return qs.select_related(*near) if near else qs

    def get_results(self, request: HttpRequest) -> None:
        """Read the page's rows.

        Raises:
            IncorrectLookupParameters: there is no such page, or nobody goes so far.
        """
        if not 1 <= self.page_num <= PAGES_MAX:
            raise IncorrectLookupParameters
        size = self.list_per_page
        before = (self.page_num - 1) * size
        rows = self._rows(before, before + size + 1)
        if not rows and before:
            raise IncorrectLookupParameters
        self.has_more = len(rows) > size
        self.result_list = rows[:size]
        self.result_count = self.full_result_count = before + len(self.result_list)
        known = min(before + len(rows), PAGES_MAX * size)
        self.paginator = PageNumbers(range(known), size)
        self.multi_page = self.page_num > 1 or self.has_more
        self.can_show_all = self.show_full_result_count = False
        self.show_admin_actions = True

    def _rows(self, first: int, after: int) -> list[Any]:
        """Return the rows of a stretch of the list.

        Those before it are passed over by their keys alone: whole rows, with all that they point
        at, would be read for thousands that nobody sees.
        """
        if not first:
            return list(self.queryset[:after])
        keys = list(self.queryset.values_list("pk", flat=True)[first:after])
        return list(self.queryset.filter(pk__in=keys)) if keys else []


class Made(admin.SimpleListFilter):
    """When a row was made: by its key, which sorts by that, or by the window's `dated_by`.

    Who chooses rows by what they are, and no time, is shown those of a month: a rare kind would
    else be sought among all rows that there have ever been.
    """

    title = gettext_lazy("when it was made")
    parameter_name = "made"
    usual = "month"
    spans: Mapping[str, tuple[Promise, timedelta | None]] = {
        "hour": (gettext_lazy("in the last hour"), timedelta(hours=1)),
        "day": (gettext_lazy("in the last day"), timedelta(days=1)),
        YESTERDAY: (gettext_lazy("yesterday, in UTC"), timedelta(days=1)),
        "week": (gettext_lazy("in the last 7 days"), timedelta(days=7)),
        "month": (gettext_lazy("in the last 30 days"), timedelta(days=30)),
        "any": (gettext_lazy("at any time"), None),
    }

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:  # noqa: ANN401 (as the base)
        self._unsaid = self.usual if _is_wide(request, model_admin) else "any"
        self._dated_by = model_admin.dated_by
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the spans."""
        return [(span, str(said)) for span, (said, _length) in self.spans.items()]

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 (as the base)
        """Yield the spans; the usual one is marked where none is chosen."""
        for span, said in self.lookup_choices:
            yield {
                "selected": span == self.chosen,
                "query_string": changelist.get_query_string({self.parameter_name: span}),
                "display": said,
            }

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the rows of the span."""
        found = self.span_of(self.chosen, now=timezone.now())  # noqa: TID251 (an edge)
        if found is None:
            return queryset
        since, until = found
        if self._dated_by:
            rows = queryset.filter(**{f"{self._dated_by}__gte": since})
            return rows.filter(**{f"{self._dated_by}__lt": until}) if until else rows
        prefix = str(_newest_key(queryset) or "").rpartition("_")[0]
        rows = queryset.filter(pk__gte=floor_of(prefix, since))
        return rows.filter(pk__lt=floor_of(prefix, until)) if until else rows

    @classmethod
    def span_of(cls, word: str, *, now: datetime) -> tuple[datetime, datetime | None] | None:
        """Return since when rows of a span were made, and before when; None where at any time."""
        _said, length = cls.spans.get(word, ("", None))
        if length is None:
            return None
        if word == YESTERDAY:
            today = datetime.combine(now.astimezone(UTC), time.min, UTC)
            return today - length, today
        return now - length, None

    @property
    def chosen(self) -> str:
        """The span that counts."""
        said = self.value()
        return said if said is not None and said in self.spans else self._unsaid


class Newest(Made):
    """As `Made`, of rows whose keys are numbers: those count, and say nothing of time."""

    usual = "newest"
    spans: Mapping[str, tuple[Promise, timedelta | None]] = {
        "newest": (gettext_lazy("among the newest 100,000"), None),
        "any": (gettext_lazy("at any time"), None),
    }

    def queryset(self, request: HttpRequest, queryset: _Rows) -> _Rows:
        """Return the newest rows, or all of them."""
        if self.chosen == "any":
            return queryset
        return queryset.filter(pk__gt=(_newest_key(queryset) or 0) - _NEWEST)


class WordsOfLate(admin.FieldListFilter):
    """The words that stand in a column of late: the whole column is not read for them."""

    def __init__(self, *said: Any, field_path: str) -> None:  # noqa: ANN401 (as the base)
        self.lookup_kwarg = field_path
        field, request, params, model, window = said
        super().__init__(field, request, params, model, window, field_path)
        typed: Any = self.used_parameters.get(field_path, [""])
        self.chosen = str(typed[-1])
        newest = window.get_queryset(request).order_by("-pk").values_list(field_path, flat=True)
        words = {str(word) for word in newest[:_OF_LATE] if word not in {None, ""}}
        self.words = sorted(words | ({self.chosen} - {""}))

    def expected_parameters(self) -> list[str | None]:
        """Return how the choice stands in the address."""
        return [self.lookup_kwarg]

    def has_output(self) -> bool:
        """Say whether there is something to choose."""
        return bool(self.words)

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 (as the base)
        """Yield each word."""
        yield {
            "selected": not self.chosen,
            "query_string": changelist.get_query_string(remove=[self.lookup_kwarg]),
            "display": gettext("All"),
        }
        for word in self.words:
            yield {
                "selected": word == self.chosen,
                "query_string": changelist.get_query_string({self.lookup_kwarg: word}),
                "display": word,
            }


def filters_of(window: Any) -> list[Any]:  # noqa: ANN401 (any window)
    """Return a window's filters: first by when, and none that reads a whole column."""
    key = window.opts.pk
    target = key.target_field if key.is_relation else key
    bears_time = isinstance(target, CharField) and target.max_length == ID_LENGTH_MAX
    if window.dated_by or (bears_time and target.name == "id"):
        dated = [Made]
    else:
        dated = [Newest] if isinstance(target, AutoField | BigAutoField) else []
    said = [_of_late(window.model, each) for each in window.list_filter]
    return [*dated, *said] if said else []


def _of_late(model: type[Model], said: Any) -> Any:  # noqa: ANN401 (what a window may say)
    """Return `said`, or what shows the words of late where it is a column of free words."""
    if not isinstance(said, str):
        return said
    field = get_fields_from_path(model, said)[-1]
    is_free = isinstance(field, CharField | IntegerField) and not field.choices
    return (said, WordsOfLate) if is_free else said


def _newest_key(rows: _Rows) -> Any:  # noqa: ANN401 (a key of any model)
    keys = rows.model._default_manager.order_by("-pk").values_list("pk", flat=True)  # noqa: SLF001 (Django's own word for it)
    return keys.first()


def _is_wide(request: HttpRequest, window: Any) -> bool:  # noqa: ANN401 (any window)
    """Say whether rows are chosen by what they are, and no index serves that choice."""
    chosen = set(request.GET) - _NO_FILTERS
    return bool(chosen) and not chosen & window.served and not request.GET.get(SEARCH_VAR)


def found(rows: _Rows, fields: Any, typed: str) -> _Rows:  # noqa: ANN401 (as the admin has them)
    """Return the rows of which one of the fields is just what was typed.

    The first field that finds any decides: an `OR` over several tables is served by no index.

    Args:
        fields: "=name" is wholly that, "^name" begins so.
    """
    for field in fields:
        lookup = f"{field[1:]}__startswith" if field.startswith("^") else field.removeprefix("=")
        try:
            hits = rows.filter(**{lookup: typed})
        except ValueError:
            continue  # no such value can stand there
        if hits.exists():
            return hits
    return rows.none()
