"""`weigh`: what a row takes on the disk, and what a deed takes of processors."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from billing.insights import bench_deeds, bench_sizes


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
        now = timezone.now()
        deeds = bench_deeds.run(calls=options["calls"], now=now)
        weights = bench_sizes.run(accounts=options["accounts"], now=now)
        if options["json"]:
            told = {"deeds": [asdict(one) for one in deeds], "rows": [asdict(w) for w in weights]}
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"{'deed':<28}{'CPU ms':>12}{'database ms':>14}")
        for deed in deeds:
            there = "?" if deed.database_ms is None else f"{deed.database_ms:.2f}"
            self.stdout.write(f"{deed.name:<28}{deed.own_ms:>12.2f}{there:>14}")
        self.stdout.write(f"\n{'table':<28}{'rows':>12}{'MB':>10}{'bytes a row':>14}")
        for one in weights:
            megabytes = one.total_bytes / 1e6
            self.stdout.write(
                f"{one.table:<28}{one.rows:>12,}{megabytes:>10.1f}{one.row_bytes:>14,}"
            )
