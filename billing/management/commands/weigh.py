"""`weigh`: what a row takes on the disk, and what a deed takes of processors."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from billing.insights.bench import deeds, showing, sizes
from billing.insights.bench.asked import Asked


class Command(BaseCommand):
    """The costs that `docs/scale.md` reckons with, on this machine."""

    help = "Weigh rows with their indexes, and the processor time of the hot path."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many accounts and calls."""
        parser.add_argument(
            "--accounts",
            type=int,
            default=20_000,
            help="So many, in a database that a superuser makes and drops again.",
        )
        parser.add_argument("--calls", type=int, default=200, help="Calls of each deed.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print two tables, or JSON."""
        asked = Asked(now=timezone.now(), calls=options["calls"], accounts=options["accounts"])
        tables = {"deeds": deeds.report(asked), "rows": sizes.report(asked)}
        if options["json"]:
            told = {name: asdict(report)["rows"] for name, report in tables.items()}
            self.stdout.write(json.dumps(told))
            return
        for report in tables.values():
            self.stdout.write(showing.head(report.rows[0]))
            for row in report.rows:
                for line in showing.lines(row):
                    self.stdout.write(line)
