"""The WSGI entry: what gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from config import resident, telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
resident.settle()
telemetry.begin("web")
