"""The addresses of the console's pages, all below `/admin/console/`: each behind both proofs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from billing.console.accounts import edge as accounts
from billing.console.search import edge as search

urlpatterns: list[URLPattern | URLResolver] = [
    path("dashboard/", include("billing.console.dashboard.urls")),
    path("lab/", include("billing.console.lab.urls")),
    path("search/", admin.site.admin_view(search.search), name="console-search"),
    path(
        "accounts/<str:account_id>/",
        admin.site.admin_view(accounts.account),
        name="console-account",
    ),
    path(
        "accounts/<str:account_id>/notes/",
        admin.site.admin_view(accounts.write_note),
        name="console-account-notes",
    ),
]
