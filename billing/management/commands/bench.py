"""`bench`: the hot path and the queue beside their limits, and told times beside real ones."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights import (
    bench,
    bench_eta,
    bench_events,
    bench_growth,
    bench_history,
    bench_lists,
    bench_queue,
)
from billing.rollups import services as rollups
from billing.rollups.subjects import Subject

_SQL_SHOWN: Final = 300
_ADDED_UP: Final = timedelta(days=92)


class Command(BaseCommand):
    """Writes to sandbox accounts of its own; fails when any invariant is broken afterwards."""

    help = "Measure quote, hold, capture, submit and settle beside the same row changes in SQL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to measure, how often, and --json."""
        parser.add_argument(
            "what",
            nargs="?",
            choices=["queue", "eta", "admin"],
            help="queue: find who goes next among --jobs that wait. eta: compare the times that "
            "--jobs orders are told with the real ones. admin: open each list of the windows over "
            "--accounts, in a database as for --entries. Without it: the hot path.",
        )
        parser.add_argument("--accounts", type=int, default=100_000, help="How many, for admin.")
        parser.add_argument("--jobs", type=int, help="How many: 10000 for queue, 300 for eta.")
        parser.add_argument("--seed", type=int, default=1, help="Which draws eta takes.")
        parser.add_argument("--calls", type=int, default=200, help="Calls a case and round.")
        parser.add_argument(
            "--entries",
            help="Sizes that grow, such as 10000,100000: measure holds at each, in a database "
            "that a superuser makes and drops again.",
        )
        parser.add_argument(
            "--listeners",
            type=int,
            help="Instead: let so many listen to one job, and measure when they hear of it.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print a table, or JSON."""
        if options["calls"] < 2:  # noqa: PLR2004 (percentiles need two)
            raise CommandError("--calls is at least 2.")
        calls, now = options["calls"], timezone.now()
        if options["what"] == "eta":
            told = bench_eta.run(orders=options["jobs"] or 300, seed=options["seed"], now=now)
            self._told(told, as_json=options["json"])
            return
        if options["what"] == "admin":
            self._lists(options, now=now)
            return
        report: bench.Report | bench_growth.Growth
        if options["listeners"]:
            self._events(bench_events.run(listeners=options["listeners"], now=now), options)
            return
        if options["what"] == "queue":
            report = bench_queue.run(waiting=options["jobs"] or 10_000, calls=calls, now=now)
            if not options["json"]:
                self._table(report.cases)
        elif options["entries"]:
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

    def _told(self, told: bench_eta.Told, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(told)))
            return
        self.stdout.write(
            f"{told.told} of {told.orders} orders were told when their turn comes. It was off by "
            f"{told.median_seconds:.0f} s in the median ({told.median_percent:.0f}% of the wait), "
            f"by {told.p90_seconds:.0f} s in nine of ten ({told.p90_percent:.0f}%); "
            f"{told.later_percent:.0f}% waited longer than told."
        )

    def _lists(self, options: dict[str, Any], *, now: datetime) -> None:
        tell = _nothing if options["json"] else self._page
        if not options["json"]:
            self.stdout.write(f"{'page':<52}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'queries':>9}")
        lists = bench_lists.run(
            accounts=options["accounts"],
            calls=options["calls"],
            now=now,
            tell=tell,
            add_up=partial(_add_up, now=now),
        )
        self.stdout.write(
            json.dumps(asdict(lists))
            if options["json"]
            else f"{lists.accounts:,} accounts and {lists.entries:,} entries, made in "
            f"{lists.filled_seconds:.0f} s; {lists.calls} calls a page; "
            f"{lists.mismatches} mismatches."
        )
        if lists.mismatches:
            raise CommandError(f"{lists.mismatches} rows break an invariant.", returncode=1)

    def _page(self, page: bench_lists.Page) -> None:
        self.stdout.write(
            f"{page.name:<52}{page.p50_ms:>9.1f}{page.p95_ms:>9.1f}{page.cpu_ms:>9.1f}"
            f"{page.queries:>9}"
        )
        for slow in page.slow:
            if slow.whole:
                whole = ", ".join(slow.whole)
                said = f"    reads whole, in {slow.milliseconds:.0f} ms: {whole}: "
                self.stdout.write(said + slow.sql[:_SQL_SHOWN])
        self.stdout.flush()

    def _events(self, report: bench_events.Report, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write(
                f"{'case':<24}{'p50 ms':>10}{'p95 ms':>10}{'last ms':>10}{'CPU ms a round':>16}"
            )
            for case in report.cases:
                self.stdout.write(
                    f"{case.name:<24}{case.p50_ms:>10.1f}{case.p95_ms:>10.1f}"
                    f"{case.last_ms:>10.1f}{case.cpu_ms:>16.1f}"
                )
            self.stdout.write(
                f"{report.listeners:,} listeners, {report.rounds} rounds; "
                f"{report.kib_a_listener:.1f} KiB each; {report.mismatches} mismatches."
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


def _add_up(*, now: datetime) -> None:
    """Add up the days of which the dashboard usually tells; money is read purchase by purchase."""
    subjects = (Subject.CREDITS, Subject.JOBS, Subject.ACCOUNTS)
    for _new in rollups.roll_up_since((now - _ADDED_UP).date(), subjects=subjects, now=now):
        pass


def _nothing(_measured: object) -> None:
    """Tell nothing before the end."""


def _sizes(text: str) -> list[int]:
    words = text.split(",")
    sizes = [int(word) for word in words if word.isascii() and word.isdecimal()]
    least = bench_growth.WALLETS * bench_history.GRANTS
    if len(sizes) != len(words) or any(b - a < least for a, b in pairwise([0, *sizes])):
        raise CommandError(f"--entries is a list of numbers that grow by {least} or more.")
    return sizes
