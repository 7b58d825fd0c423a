"""Every address of the service."""

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from billing.http import openapi

handler400 = "billing.http.handlers.bad_request"
handler403 = "billing.http.handlers.forbidden"
handler404 = "billing.http.handlers.not_found"
handler500 = "billing.http.handlers.broken"

_PUBLIC: dict[str, Any] = {"authentication_classes": [], "permission_classes": []}

urlpatterns = [
    path("v1/", include("plans.urls")),
    path("", include("billing.urls")),
    path(
        "v1/openapi.json",
        SpectacularJSONAPIView.as_view(generator_class=openapi.Served, **_PUBLIC),
        name="openapi",
    ),
    path(
        "v1/docs",
        # Its script has an address of its own: none in the page runs. And a page has nothing to
        # say of itself to OPTIONS.
        SpectacularSwaggerSplitView.as_view(url_name="openapi", metadata_class=None, **_PUBLIC),
        name="docs",
    ),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", RedirectView.as_view(pattern_name="docs")),
]
