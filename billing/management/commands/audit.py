"""`audit`: check every invariant against the rows, and name each row that breaks one."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.alerts import services as alerts
from billing.alerts.rules import RuleCode
from billing.insights import audit
from billing.insights.audit import Breach
from billing.rollups import comparing

# The dashboard's sums are held against their sources for so many days that are over; for all:
# `roll_up --check`.
_SUMS_OF_DAYS: Final = 7
_CHECKS_COUNT: Final = audit.CHECKS_COUNT + 1  # and those


class Command(BaseCommand):
    """Exits non-zero when any row breaks an invariant."""

    help = "Check every invariant; name the rows that break one, and exit non-zero."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each breach, then the count."""
        found = [*audit.breaches(), *_sums(now=timezone.now())]
        lines = [str(breach) for breach in found]
        alerts.inspected(RuleCode.INVARIANT_BROKEN, lines=lines, now=timezone.now())
        if options["json"]:
            rows = [
                {"invariant": one.invariant, "row": one.row, "sentence": one.sentence}
                for one in found
            ]
            self.stdout.write(json.dumps({"breaches": rows, "checks": _CHECKS_COUNT}))
        else:
            for breach in found:
                self.stdout.write(str(breach))
            self.stdout.write(f"{_CHECKS_COUNT} checks, {len(found)} breaches.")
        if found:
            raise CommandError(f"{len(found)} rows break an invariant.", returncode=1)


def _sums(*, now: datetime) -> Iterator[Breach]:
    """Yield each sum of the dashboard's newest settled days that its source does not say."""
    since = (now - timedelta(days=_SUMS_OF_DAYS)).date()
    for one in comparing.differences(since=since):
        yield Breach("sums", f"{one.subject} {one.day}", str(one))
