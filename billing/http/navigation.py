"""The operators' way around: their windows in groups, as the people at work think of them."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

# Whose windows stand under which word; what is in none of them stands under the last.
_GROUPS: Final[tuple[tuple[Promise, frozenset[str]], ...]] = (
    (gettext_lazy("What is wrong"), frozenset({"alerts"})),
    (gettext_lazy("Money"), frozenset({"payments", "topups", "packs"})),
    (
        gettext_lazy("Credits"),
        frozenset({"ledger", "subscriptions", "promotions", "partners", "corrections", "receipts"}),
    ),
    (
        gettext_lazy("Accounts"),
        frozenset({"accounts", "exports", "notes", "organizations", "pages", "sandbox"}),
    ),
    (gettext_lazy("Videos"), frozenset({"jobs", "fleet"})),
    (gettext_lazy("Messages"), frozenset({"notices", "webhooks", "outbox"})),
    (gettext_lazy("Catalog"), frozenset({"plans", "lab"})),
    (gettext_lazy("Numbers"), frozenset({"rollups"})),
    (gettext_lazy("Operators"), frozenset({"operators", "auth"})),
    (gettext_lazy("More"), frozenset()),
)
_PACKAGE_DEEP: Final = 3  # a file within a package may be called as another package is
_MONEY: Final = 1  # the place of the second group
_CATALOG: Final = next(place for place, (_title, own) in enumerate(_GROUPS) if "plans" in own)
_LAB: Final = "plans.view_draft"
_BOOKS: Final = "billing.view_purchase"  # who sees what was paid sees when it was earned


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the windows that this operator may open, by group; the page of the books with money.

    Each is a group as the sidebar takes it. Those without a window are left out.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    for app in admin.site.get_app_list(request):
        for window in app["models"]:
            place = _group_of(window["model"])
            item = {"title": window["name"], "link": window["admin_url"]}
            item |= _badge(admin.site.get_model_admin(window["model"]))
            found.setdefault(place, []).append(item)
    if request.user.has_perm(_BOOKS):
        books = {"title": gettext_lazy("Deferred revenue"), "link": reverse("revenue")}
        found.setdefault(_MONEY, []).append(books)
    if request.user.has_perm(_LAB):
        lab = {"title": gettext_lazy("Pricing lab"), "link": reverse("lab-list")}
        found.setdefault(_CATALOG, []).insert(0, lab)
    return [
        {"title": title, "collapsible": True, "items": found[place]}
        for place, (title, _packages) in enumerate(_GROUPS)
        if place in found
    ]


def _badge(window: Any) -> dict[str, Any]:  # noqa: ANN401 (any window)
    """Return how many rows of a window somebody should look at, for those that count them."""
    number = window.asks_for_a_look() if hasattr(window, "asks_for_a_look") else 0
    if not number:
        return {}
    return {"badge": str(number), "badge_variant": "danger", "badge_style": "solid"}


def _group_of(model: type[Any]) -> int:
    """Return the place of the group that a model belongs to by its package."""
    packages = set(model.__module__.split(".")[:_PACKAGE_DEEP])
    for place, (_title, own) in enumerate(_GROUPS):
        if packages & own:
            return place
    return len(_GROUPS) - 1
