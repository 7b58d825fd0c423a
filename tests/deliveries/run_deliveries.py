"""Delivers Stripe's events in every wrong way, and compares what comes of it with a reference.

    ./run test --deliveries 20000 --seed 1 [--slice 1/4]

Customers buy packs and plans at the emulator, some of them in vain, and money goes back; then all
events that this brought about are delivered: each once to ten times, all of them shuffled, with
forged and broken ones in between, by several senders at once. All of it is real but Stripe:
PostgreSQL, Valkey, gunicorn, Celery. What must come of it is computed from the emulator's objects
by a model that shares nothing with the product. It ends with a table and one line of JSON, and
with 1 if any rule was broken.
"""

import importlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import django
from django.core.management import call_command

from config.embedded.environment import nowhere
from tests.deliveries import plan
from tests.servers import FOREIGN, Servers
from tests.stripe_peer import driver


def main(words: list[str]) -> int:
    """Start the servers, have it all delivered, and say what came of it; return the exit code."""
    asked = plan.read(words)
    signal.signal(signal.SIGTERM, _end)
    folder = Path(tempfile.mkdtemp(prefix="linggan-deliveries-"))
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
            django.setup()
            call_command("migrate", verbosity=0)
            # It knows the models, which exist only now.
            delivering: Any = importlib.import_module("tests.deliveries.delivering")
            broken: int = delivering.deliver(asked, peer, service.Service(folder, port))
    finally:
        servers.stop()
    if broken:
        sys.stdout.write(f"What was said and written down stays in {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if broken else 0


def _end(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C: with all that was started."""
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
