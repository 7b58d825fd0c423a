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
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command

from config.embedded.environment import nowhere
from tests.fuzz import plan
from tests.servers import FOREIGN, Servers
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
    signal.signal(signal.SIGTERM, _end)
    folder = Path(tempfile.mkdtemp(prefix="linggan-fuzz-"))
    folder.chmod(0o711)  # so that a server that is not root finds its own folder
    (folder / "servers").mkdir(mode=0o711)
    servers = Servers(folder / "servers", debian=False)
    servers.start()
    try:
        with driver.running() as peer:
            for foreign in FOREIGN:
                os.environ.pop(foreign, None)
            # The settings load with it; the real addresses follow before anything is connected.
            os.environ.update(nowhere())
            service: Any = importlib.import_module("tests.deliveries.service")
            port = service.set_environment(folder, servers, peer)
            os.environ.update(
                BACKENDS=json.dumps(_BACKENDS),
                EVENTS_URL="http://127.0.0.1:9",
                WEBHOOK_ALLOWED_CIDRS="127.0.0.0/8",
            )
            django.setup()
            call_command("migrate", verbosity=0)
            # The admin's pages name them; without compressed copies it is quick.
            settings.STORAGES["staticfiles"]["BACKEND"] = _PLAIN_STORAGE
            call_command("collectstatic", verbosity=0, interactive=False)
            # They know the models, which exist only now.
            fuzzing: Any = importlib.import_module("tests.fuzz.fuzzing")
            flaws: int = fuzzing.fuzz(asked, service.Service(folder, port))
    finally:
        servers.stop()
    if flaws:
        sys.stdout.write(f"What was written down stays in {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if flaws else 0


def _end(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C: with all that was started."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
