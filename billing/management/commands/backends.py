"""`backends`: how every backend is, as it says itself and as was learnt of it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.fleet import selectors, services
from billing.fleet.selectors import Standing
from billing.jobs.services import queueing


class Command(BaseCommand):
    """Asks each configured backend; changes nothing."""

    help = "List the backends: health, mode, slots, work in flight, open breakers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how to print."""
        parser.add_argument("--json", action="store_true", help="Print a list of objects.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print a line for each backend, or all as one list."""
        found = [_facts(standing) for standing in selectors.standings()]
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
            return
        for one in found:
            broken = ", ".join(f"{row['model']} {row['state']}" for row in one["breakers"])
            self.stdout.write(
                f"{one['name']}: {one['health']}, {one['mode']}, "
                f"{one['in_flight']} in flight of {one['slots']} slots"
                f" ({one['slots_configured']} configured)" + (f"; {broken}" if broken else "")
            )


def _facts(standing: Standing) -> dict[str, Any]:
    health = services.health_of(standing.name)
    return {
        "name": standing.name,
        "health": health.readiness.value,
        "message": health.message,
        "version": health.version,
        "mode": standing.mode,
        "reason": standing.reason,
        "in_flight": queueing.in_flight(standing.name),
        "slots": standing.slots,
        "slots_configured": standing.slots_configured,
        "breakers": [
            {
                "model": row.model,
                "state": row.state,
                "retry_at": None if row.retry_at is None else row.retry_at.isoformat(),
                "reason": row.reason,
            }
            for row in standing.breakers
        ],
    }
