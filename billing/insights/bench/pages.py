"""Which pages of the operators' site the bench opens, and what it asks of each."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.filters import SimpleListFilter
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser
from django.db.models import DateField, DateTimeField, Model
from django.test import RequestFactory

from billing.accounts.models import Account
from billing.http import links
from billing.http.admin import ReadOnlyAdmin
from billing.insights.bench.rows import NAME
from billing.jobs.models import Attempt, Job
from billing.ledger.models import Entry, Grant, Hold
from billing.payments.models import Customer, Purchase, StripeEvent

LIMIT: Final = "limit: a list without rows"
_SITE: Final = "/admin/"
_SEARCH: Final = f"{_SITE}console/search/"
_LONG_AGO: Final = {"from": "2025-01-01", "to": "2025-12-31"}
_FILES: Final = ("accounts", "credits-by-day", "credits-by-source", "jobs-by-model")


@dataclass(frozen=True, slots=True)
class Asked:
    """A page, and what is asked of it.

    Attributes:
        posts: it is asked by a form.
    """

    name: str
    path: str
    said: Mapping[str, str] = field(default_factory=dict)
    posts: bool = False


def pages(only: Collection[str]) -> Iterator[Asked]:
    """Yield each page of the site that many rows could make slow, and before them its limit.

    Args:
        only: the windows' models, by name; none: all of them, and what else there is.
    """
    windows = [
        (model, window, _middle(model))
        for model, window in sorted(_registered().items(), key=lambda one: one[0].__name__)
        if isinstance(window, ReadOnlyAdmin) and (not only or model.__name__ in only)
    ]
    empty = next((model for model, _window, row in windows if row is None), None)
    if empty is not None:
        yield Asked(LIMIT, _folder(empty))
    for model, window, row in windows:
        if row is not None:  # an empty list says nothing
            yield from _of_window(model, window, row)
    if not only:
        yield from of_console()


def _registered() -> dict[type[Model], Any]:
    found: dict[type[Model], Any] = admin.site._registry  # noqa: SLF001 (Django's own)
    return found


def _folder(model: type[Model]) -> str:
    return f"{_SITE}{model._meta.app_label}/{model._meta.model_name}/"  # noqa: SLF001 (as above)


def _of_window(model: type[Model], window: Any, row: Model) -> Iterator[Asked]:  # noqa: ANN401 (any window)
    name, folder = model.__name__, _folder(model)
    yield Asked(name, folder)
    yield Asked(f"{name}, page 100", folder, {"p": "100"})
    yield Asked(f"{name}, one row", f"{folder}{quote(row.pk)}/change/")
    yield Asked(f"{name}, searched by key", folder, {"q": str(row.pk)})
    if any("external_id" in field for field in window.search_fields):
        yield Asked(f"{name}, searched by account", folder, {"q": NAME.format(7)})
        yield Asked(f"{name}, searched in vain", folder, {"q": "nobody"})
    for choice in choices(model, window):
        [(column, value)] = choice.items() if len(choice) == 1 else [("; ".join(choice), "…")]
        yield Asked(f"{name}, {column}={value}", folder, choice)


def of_console() -> Iterator[Asked]:
    """Yield an account's page, the search by each kind of name, the dashboard and its files."""
    account = _middle(Account)
    assert account is not None, "it was filled"
    yield Asked("page of an account", links.account_path(account.pk))
    for kind, text in _names().items():
        yield Asked(f"search by {kind}", _SEARCH, {"text": text}, posts=True)
    yield Asked("dashboard", _SITE)
    yield Asked("dashboard, 90 days", _SITE, {"range": "90d"})
    yield Asked("dashboard, a year", _SITE, {"range": "own", **_LONG_AGO})
    for code in _FILES:
        path = f"{_SITE}console/dashboard/{code}.csv"
        yield Asked(f"CSV of {code}", path, {"range": "90d"})


def _names() -> dict[str, str]:
    """Return a text of each kind that is looked for, by its kind."""
    rows = {
        model.__name__.lower(): str(row.pk)
        for model in (Account, Job, Attempt, Entry, Grant, Hold, Purchase)
        if (row := _middle(model)) is not None
    }
    customer, payment = Customer.objects.order_by("-pk")[7], Purchase.objects.order_by("-pk")[1]
    told, attempt = StripeEvent.objects.order_by("-created_at")[1], _middle(Attempt)
    entry = Entry.objects.exclude(request_id="").order_by("-pk")[7]
    assert isinstance(attempt, Attempt), "it was filled"
    return {f"id of a {name}": key for name, key in rows.items()} | {
        "name of an account": NAME.format(7),
        "e-mail": customer.email,
        "customer at Stripe": customer.stripe_id,
        "payment at Stripe": payment.stripe_id,
        "event of Stripe's": told.pk,
        "task at its backend": attempt.provider_id,
        "request": entry.request_id,
        "what is nowhere": "nobody",
    }


def _middle(model: type[Model]) -> Model | None:
    """Return a row that is neither the newest nor the oldest, if there are many."""
    some = model._default_manager.order_by("-pk")[:5000]  # noqa: SLF001 (Django's own)
    rows = list(some[2500:2501]) or list(some[:1])
    return rows[0] if rows else None


def choices(model: type[Model], window: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 (any window)
    """Yield a choice or two of each filter of a window, as they stand in addresses."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    for said in window.get_list_filter(request):
        if isinstance(said, type) and issubclass(said, SimpleListFilter):
            spec = said(request, {}, model, window)
            yield {str(spec.parameter_name): str(spec.lookup_choices[0][0])}
        elif isinstance(said, tuple):
            empty = "Empty" in said[1].__name__
            yield {f"{said[0]}__isempty": "0"} if empty else {said[0]: "nothing of this"}
        elif _is_day(_column(model, said)):
            yield {f"{said}__gte": "2026-01-01", f"{said}__lt": "2026-02-01"}
        else:
            for word in _words(model, said) or {"1"}:
                yield {f"{said}__exact": word}


def _is_day(column: object) -> bool:
    return isinstance(column, DateField) and not isinstance(column, DateTimeField)


def _column(model: type[Model], name: str) -> object:
    """Return a column of the model's own table; None: the name leads into another."""
    return model._meta.get_field(name) if "__" not in name else None  # noqa: SLF001 (Django's own)


def _words(model: type[Model], column: str) -> set[str]:
    """Return the first and the last of the words that a column may hold; none: it holds any."""
    words: Any = getattr(_column(model, column), "choices", None)
    return {str(words[0][0]), str(words[-1][0])} if words else set()
