"""`bench`: the hot path beside its limit, in one run, with the mismatches counted."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights import bench


class Command(BaseCommand):
    """Writes to a sandbox account of its own; fails when any invariant is broken afterwards."""

    help = "Measure quote, hold, capture, submit and settle beside the same row changes in SQL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number of calls and --json."""
        parser.add_argument("--calls", type=int, default=200, help="Calls a case and round.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print a table, or JSON."""
        if options["calls"] < 2:  # noqa: PLR2004 (percentiles need two)
            raise CommandError("--calls is at least 2.")
        report = bench.run(calls=options["calls"], now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self._table(report)
        if report.mismatches:
            raise CommandError(f"{report.mismatches} rows break an invariant.", returncode=1)

    def _table(self, report: bench.Report) -> None:
        self.stdout.write(
            f"{'case':<36}{'per second':>11}{'slowest-fastest':>19}{'p50 ms':>8}{'p99 ms':>8}"
            f"{'of limit':>10}"
        )
        for case in report.cases:
            spread = f"{case.low:,.0f}-{case.high:,.0f}"
            ratio = "" if case.ratio is None else f"{case.ratio:.0%}"
            self.stdout.write(
                f"{case.name:<36}{case.per_second:>11,.0f}{spread:>19}{case.p50_ms:>8.2f}"
                f"{case.p99_ms:>8.2f}{ratio:>10}"
            )
        self.stdout.write(
            f"{bench.ROUNDS} rounds of {report.calls} calls, one client; "
            f"{report.mismatches} mismatches."
        )
