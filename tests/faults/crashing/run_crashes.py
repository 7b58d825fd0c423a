"""Cuts a process of the service off at each message that it sends to anybody, in four ways.

    ./run test --crashes [--scenes submit,dispatch] [--share 1/20] [--slice 1/4] [--plants]

Before a message is sent or after it was, its answer lost; by a reset of the connection or by a
kill of the process. After each cut everybody does what he would in production, and what came of
it is compared with what comes of an uncut run. With `--plants`, bugs are put in that must be found.
It ends with a table and one line of JSON, and with 1 if any rule was broken.
"""

import importlib
import sys
from typing import Any

import django
from django.core.management import call_command

from tests import template
from tests.apart import exit_code, servers_apart
from tests.stripe_peer import driver


def main(words: list[str]) -> int:
    """Start the servers, live all cases, and say what came of it; return the exit code."""
    plan: Any = importlib.import_module("tests.faults.crashing.plan")
    asked = plan.read(words)
    with servers_apart("crashes") as (folder, servers), driver.running() as peer:
        environment: Any = importlib.import_module("tests.faults.crashing.environment")
        environment.set_up(folder, servers)
        django.setup()
        template.sow(servers.postgres.url)
        call_command("migrate", verbosity=0)
        # They know the models, which exist only now.
        telling: Any = importlib.import_module("tests.faults.crashing.telling")
        broken: int = telling.live_all(asked, folder, servers, peer)
    return exit_code(folder, wrong=broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
