"""An empty Django view: the limit of whatever is served by the same server.

It has no middleware, no database and no address but one: `gunicorn billing.insights.bench.empty`.
"""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path


def nothing(_request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("", nothing)]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        SECRET_KEY="guards nothing",  # noqa: S106 (what it says)
    )
    django.setup()

application = WSGIHandler()
