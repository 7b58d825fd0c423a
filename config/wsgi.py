"""The WSGI entry: what gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config import resident, telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 (loads every view before the first is asked)
resident.settle()
telemetry.begin("web")
