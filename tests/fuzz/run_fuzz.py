"""Asks the served product all that its document allows and all that it forbids, as everybody.

    ./run test --fuzz 100000 --seed 1 [--slice 1/4]

All of it is real: PostgreSQL, Valkey, gunicorn, Celery, and our emulator of Stripe. Schemathesis
reads the document that is served and makes requests of it, good and bad ones, as each role, with
the names of one's own things and of another's; each answer is held against the document. A part
is raw bytes that no document describes. It ends with a table and one line of JSON, and with 1 if
anything was answered that must not be.
"""

import importlib
import json
import os
import sys
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command

from tests import template
from tests.apart import exit_code, servers_apart
from tests.fuzz import plan
from tests.stripe_peer import driver

_PLAIN_STORAGE: Final = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
# Nobody works off what is ordered: a queued job has more to answer than one that is over.
_BACKENDS: Final = {
    "away": {
        "kind": "cog",
        "url": "http://127.0.0.1:9",
        "secret": "a-secret-that-guards-nothing",
        "models": ["m"],
        "concurrency": 1000,
        "sandbox": True,
    }
}


def main(words: list[str]) -> int:
    """Start the servers, have it all asked, and say what was answered; return the exit code."""
    asked = plan.read(words)
    with servers_apart("fuzz") as (folder, servers), driver.running() as peer:
        service: Any = importlib.import_module("tests.deliveries.service")
        port = service.set_environment(folder, servers, peer)
        os.environ.update(
            BACKENDS=json.dumps(_BACKENDS),
            EVENTS_URL="http://127.0.0.1:9",
            WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8",
        )
        django.setup()
        template.sow(servers.postgres.url)
        call_command("migrate", verbosity=0)
        # The admin's pages name them; without compressed copies it is quick.
        settings.STORAGES["staticfiles"]["BACKEND"] = _PLAIN_STORAGE
        call_command("collectstatic", verbosity=0, interactive=False)
        # They know the models, which exist only now.
        fuzzing: Any = importlib.import_module("tests.fuzz.fuzzing")
        flaws: int = fuzzing.fuzz(asked, service.Service(folder, port), peer)
    return exit_code(folder, wrong=flaws)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
