"""The ASGI entry: what gunicorn serves event streams with. All else is WSGI's."""

import os
import resource

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from billing.jobs.events.streaming import Streams  # noqa: E402 (it needs the settings)
from config import telemetry  # noqa: E402 (as above)


def _allow_many_sockets() -> None:
    """Raise the limit of open files as far as this user may: each listener is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


_allow_many_sockets()
application = Streams()
telemetry.begin("events")
