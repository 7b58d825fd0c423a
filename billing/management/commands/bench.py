"""`bench`: the hot path beside its limit, in one run, with the mismatches counted."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights import bench, bench_growth, bench_history


class Command(BaseCommand):
    """Writes to a sandbox account of its own; fails when any invariant is broken afterwards."""

    help = "Measure quote, hold, capture, submit and settle beside the same row changes in SQL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number of calls, sizes and --json."""
        parser.add_argument("--calls", type=int, default=200, help="Calls a case and round.")
        parser.add_argument(
            "--entries",
            help="Sizes that grow, such as 10000,100000: measure holds at each, in a database "
            "that a superuser makes and drops again.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print a table, or JSON."""
        if options["calls"] < 2:  # noqa: PLR2004 (percentiles need two)
            raise CommandError("--calls is at least 2.")
        calls, now = options["calls"], timezone.now()
        report: bench.Report | bench_growth.Growth
        if options["entries"]:
            tell = _nothing if options["json"] else self._size
            sizes = _sizes(options["entries"])
            report = bench_growth.run(sizes=sizes, calls=calls, now=now, tell=tell)
        else:
            report = bench.run(calls=calls, now=now)
            if not options["json"]:
                self._table(report.cases)
        self.stdout.write(
            json.dumps(asdict(report))
            if options["json"]
            else f"{bench.ROUNDS} rounds of {calls} calls, one client; "
            f"{report.mismatches} mismatches."
        )
        if report.mismatches:
            raise CommandError(f"{report.mismatches} rows break an invariant.", returncode=1)

    def _size(self, size: bench_growth.Size) -> None:
        self.stdout.write(f"{size.entries:,} entries in {size.partitions} partitions")
        self._table(size.cases)
        self.stdout.flush()

    def _table(self, cases: Sequence[bench.Case]) -> None:
        self.stdout.write(
            f"{'case':<36}{'per second':>11}{'slowest-fastest':>19}{'p50 ms':>8}{'p99 ms':>8}"
            f"{'of limit':>10}"
        )
        for case in cases:
            spread = f"{case.low:,.0f}-{case.high:,.0f}"
            ratio = "" if case.ratio is None else f"{case.ratio:.0%}"
            self.stdout.write(
                f"{case.name:<36}{case.per_second:>11,.0f}{spread:>19}{case.p50_ms:>8.2f}"
                f"{case.p99_ms:>8.2f}{ratio:>10}"
            )


def _nothing(_size: bench_growth.Size) -> None:
    """Tell nothing before the end."""


def _sizes(text: str) -> list[int]:
    words = text.split(",")
    sizes = [int(word) for word in words if word.isascii() and word.isdecimal()]
    least = bench_growth.WALLETS * bench_history.GRANTS
    if len(sizes) != len(words) or any(b - a < least for a, b in pairwise([0, *sizes])):
        raise CommandError(f"--entries is a list of numbers that grow by {least} or more.")
    return sizes
