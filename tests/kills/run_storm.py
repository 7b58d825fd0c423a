"""Kills a working service's processes by the hundred, and looks from outside what it has lost.

    ./run test --kills 500 --jobs 20000 --wipes 20 --zombies 20 --seed 1 [--slice 1/4]

Workers, their children, the scheduler and the Cog server are killed, workers are frozen beyond
their lease in the middle of a hand-over, and Redis is wiped, while customers order over HTTP. All
of it is real: PostgreSQL, Valkey, gunicorn, Celery's own processes, and Cog with a predictor that
has its film ready. Of `--slice I/N` it lives the I-th of N parts, with chances of its own. It ends
with a table and one line of JSON, and with 1 if any rule was broken.
"""

import importlib
import sys
from typing import Any

import django
from django.core.management import call_command

from tests import template
from tests.apart import exit_code, servers_apart
from tests.kills import plan


def main(words: list[str]) -> int:
    """Start the servers, let the storm blow, and say what came of it; return the exit code."""
    asked = plan.read(words)
    with servers_apart("storm") as (folder, servers):
        service: Any = importlib.import_module("tests.kills.service")
        port, cog_port = service.free_ports()
        gate_of: Any = importlib.import_module("tests.kills.gate")
        unanswered = frozenset(
            order.prompt
            for order in plan.orders(asked, customers=plan.CUSTOMERS)
            if order.unanswered
        )
        gate = gate_of.Gate(upstream_port=cog_port, unanswered=unanswered)
        service.set_environment(folder, servers, port=port, gate_port=gate.port)
        django.setup()
        template.sow(servers.postgres.url)
        call_command("migrate", verbosity=0)
        # They know the models, which exist only now.
        blowing: Any = importlib.import_module("tests.kills.blowing")
        parts = service.compose(
            folder, servers, port=port, cog_port=cog_port, gate=gate, workers=plan.WORKERS
        )
        broken: int = blowing.blow(asked, parts)
    return exit_code(folder, wrong=broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
