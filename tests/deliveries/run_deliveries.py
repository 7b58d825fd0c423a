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
import sys
from typing import Any

import django
from django.core.management import call_command

from tests import template
from tests.apart import exit_code, servers_apart
from tests.deliveries import plan
from tests.stripe_peer import driver


def main(words: list[str]) -> int:
    """Start the servers, have it all delivered, and say what came of it; return the exit code."""
    asked = plan.read(words)
    with servers_apart("deliveries") as (folder, servers), driver.running() as peer:
        service: Any = importlib.import_module("tests.deliveries.service")
        port = service.set_environment(folder, servers, peer)
        django.setup()
        template.sow(servers.postgres.url)
        call_command("migrate", verbosity=0)
        # It knows the models, which exist only now.
        delivering: Any = importlib.import_module("tests.deliveries.delivering")
        broken: int = delivering.deliver(asked, peer, service.Service(folder, port))
    return exit_code(folder, wrong=broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
