"""`audit`: check every invariant against the rows, and name each row that breaks one."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import replica
from billing.alerts import services as alerts
from billing.alerts.rules import RuleCode
from billing.insights import audit
from billing.rollups import comparing
from billing.rollups.comparing import Difference

# The dashboard's sums are held against their sources for so many days that are over; for all:
# `roll_up --check`. They are told and break nothing: what Stripe tells late of a day is added to
# it within another, and until then the sums are behind by design.
_SUMS_OF_DAYS: Final = 7


class Command(BaseCommand):
    """Exits non-zero when any row breaks an invariant."""

    help = "Check every invariant; name the rows that break one, and exit non-zero."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to read, and how to answer."""
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")
        parser.add_argument(
            "--primary", action="store_true", help="Read no replica, though there is one."
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each breach, then the count; then what the dashboard has yet to add up anew."""
        with nullcontext(replica.Reading()) if options["primary"] else replica.reading() as where:
            found = list(audit.breaches())
            behind = [str(one) for one in _sums(now=timezone.now())]
        if str(where):
            self.stderr.write(str(where))
        lines = [str(breach) for breach in found]
        if not where.is_behind:  # else it would speak of a past that an alert knows better
            alerts.inspected(RuleCode.INVARIANT_BROKEN, lines=lines, now=timezone.now())
        if options["json"]:
            rows = [
                {"invariant": one.invariant, "row": one.row, "sentence": one.sentence}
                for one in found
            ]
            told = {"breaches": rows, "checks": audit.CHECKS_COUNT, "sums_behind": behind}
            self.stdout.write(json.dumps(told))
        else:
            for line in lines:
                self.stdout.write(line)
            self.stdout.write(f"{audit.CHECKS_COUNT} checks, {len(found)} breaches.")
            for line in behind:
                self.stdout.write(f"To be added up anew within a day: {line}")
        if found:
            raise CommandError(f"{len(found)} rows break an invariant.", returncode=1)
        if where.is_behind:
            raise CommandError(
                "The replica is too far behind to speak of now; take --primary.", returncode=2
            )


def _sums(*, now: datetime) -> Iterator[Difference]:
    """Yield each sum of the dashboard's newest settled days that its source does not say."""
    since = (now - timedelta(days=_SUMS_OF_DAYS)).date()
    return comparing.differences(since=since)
