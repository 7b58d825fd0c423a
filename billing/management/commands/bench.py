"""`bench`: how fast the service is, each case beside its limit in one run."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights import audit
from billing.insights.bench import growth, history, place, showing
from billing.insights.bench.asked import Asked
from billing.insights.bench.cases import GROUPS
from billing.insights.bench.figures import Effort, Report
from billing.insights.bench.pgbench import Missing
from billing.rollups import services as rollups
from billing.rollups.subjects import Subject

_ADDED_UP: Final = timedelta(days=92)
_ALL: Final = "all"
_COUNTS: Final = ("calls", "accounts", "jobs", "orders", "seed", "listeners", "workers")
_SPANS: Final = ("rate", "minutes")
_NUMBERS: Final = ("rounds", "seconds", "entries", *_COUNTS, *_SPANS)
_HERE: Final = "--here"


class Command(BaseCommand):
    """Works in a database of its own; fails when any answer, or any row afterwards, is wrong."""

    help = "Measure the service beside its limits: " + "; ".join(
        f"{name}: {group.says}" for name, group in GROUPS.items()
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to measure, for how long, and where it is written."""
        parser.add_argument(
            "cases",
            nargs="*",
            metavar="CASE",
            help=f"{', '.join(GROUPS)}, or all; none: those that are done within three minutes.",
        )
        parser.add_argument("--rounds", type=int, default=3, help="How often each takes a turn.")
        parser.add_argument("--seconds", type=float, default=1.0, help="How long a turn takes.")
        parser.add_argument("--calls", type=int, default=20, help="Calls a page, for admin.")
        parser.add_argument("--accounts", type=int, default=100_000, help="For admin and daily.")
        parser.add_argument("--jobs", type=int, default=10_000, help="How many wait, for queue.")
        parser.add_argument("--orders", type=int, default=300, help="How many, for eta.")
        parser.add_argument("--seed", type=int, default=1, help="Which draws eta takes.")
        parser.add_argument("--listeners", type=int, default=1000, help="To one job.")
        parser.add_argument(
            "--rate", type=float, default=200.0, help="So many a second, for errands."
        )
        parser.add_argument("--workers", type=int, default=1, help="Processes, for errands.")
        parser.add_argument("--minutes", type=float, default=2.0, help="For memory.")
        parser.add_argument(
            "--entries", default="10000,100000", help="Sizes that grow, for entries."
        )
        parser.add_argument("--json", metavar="FILE", help="Write one JSON document there too.")
        parser.add_argument(
            _HERE,
            action="store_true",
            help="Work in the database of DATABASE_URL, which has to be empty, instead of one "
            "that the owner of the tables makes and drops again.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Measure where nobody is disturbed, and print a table a case."""
        names = _names(options["cases"])
        asked = _asked(options, tell=self._tell)
        try:
            for name in names:
                GROUPS[name].require()
            if options["here"]:
                with _quiet():
                    self._measure(names, asked, file=options["json"])
            else:
                self._elsewhere(names, options)
        except (Missing, place.InUse, place.NoRoom) as reason:
            raise CommandError(str(reason)) from None

    def _elsewhere(self, names: Sequence[str], options: dict[str, Any]) -> None:
        """Have another process of the same command measure in a place of its own."""
        words = [word for name in _NUMBERS for word in (f"--{name}", str(options[name]))]
        if options["json"]:
            words += ["--json", str(Path(options["json"]).absolute())]
        self.stdout.flush()
        with place.place() as environment:
            line = [sys.executable, "manage.py", "bench", *names, _HERE, *words]
            done = subprocess.run(  # noqa: S603 (built above)
                line, cwd=settings.BASE_DIR, env=environment, check=False
            )
        if done.returncode:
            raise CommandError("The bench has failed; see above.", returncode=done.returncode)

    def _measure(self, names: Sequence[str], asked: Asked, *, file: str | None) -> None:
        place.set_up(now=asked.now)
        reports: dict[str, Report] = {}
        for name in names:
            self.stdout.write(f"\n{name}: {GROUPS[name].says}")
            self._headed = False
            reports[name] = GROUPS[name].run(asked)
            self._show(reports[name])
        breaches = [str(breach) for breach in audit.breaches()]
        mismatches = sum(one.mismatches for one in reports.values()) + len(breaches)
        effort = asked.effort
        self.stdout.write(
            f"\n{effort.rounds} rounds of {effort.seconds:g} s; {mismatches} mismatches."
        )
        if file:
            told = {name: asdict(report) for name, report in reports.items()}
            document = {"effort": asdict(effort), "cases": told, "mismatches": mismatches}
            Path(file).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        if mismatches:
            said = "; ".join(breaches[:3])
            raise CommandError(f"{mismatches} answers or rows are wrong. {said}", returncode=1)

    def _show(self, report: Report) -> None:
        if not self._headed:
            for row in report.rows:
                self._tell(row)
        for note in report.notes:
            self.stdout.write(note)
        self.stdout.flush()

    def _tell(self, row: object) -> None:
        if not self._headed and showing.head(row):
            self._headed = True
            self.stdout.write(showing.head(row))
        for line in showing.lines(row):
            self.stdout.write(line)
        self.stdout.flush()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep a line for each request of this process out of the tables."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _names(asked: Sequence[str]) -> list[str]:
    unknown = [name for name in asked if name not in GROUPS and name != _ALL]
    if unknown:
        raise CommandError(f"There is no case {unknown[0]}; there are {', '.join(GROUPS)}, all.")
    if not asked:
        return [name for name, group in GROUPS.items() if group.is_quick]
    return [name for name in GROUPS if name in asked or _ALL in asked]


def _asked(options: dict[str, Any], *, tell: Any) -> Asked:  # noqa: ANN401 (as the command's own)
    if options["calls"] < 2 or options["rounds"] < 1:  # noqa: PLR2004 (percentiles need two)
        raise CommandError("--calls is at least 2, and --rounds 1.")
    now = timezone.now()

    def add_up() -> None:
        """Add up what the dashboard usually tells; money is read purchase by purchase."""
        subjects = (Subject.CREDITS, Subject.JOBS, Subject.ACCOUNTS)
        for _new in rollups.roll_up_since((now - _ADDED_UP).date(), subjects=subjects, now=now):
            pass

    return Asked(
        now=now,
        effort=Effort(rounds=options["rounds"], seconds=options["seconds"]),
        sizes=_sizes(options["entries"]),
        tell=tell,
        add_up=add_up,
        **{name: options[name] for name in (*_COUNTS, *_SPANS)},
    )


def _sizes(text: str) -> list[int]:
    words = text.split(",")
    sizes = [int(word) for word in words if word.isascii() and word.isdecimal()]
    least = growth.WALLETS * history.GRANTS
    if len(sizes) != len(words) or any(b - a < least for a, b in pairwise([0, *sizes])):
        raise CommandError(f"--entries is a list of numbers that grow by {least} or more.")
    return sizes
