"""`audit`: check every invariant against the rows, and name each row that breaks one."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.alerts import services as alerts
from billing.alerts.rules import RuleCode
from billing.insights import audit


class Command(BaseCommand):
    """Exits non-zero when any row breaks an invariant."""

    help = "Check every invariant; name the rows that break one, and exit non-zero."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each breach, then the count."""
        found = list(audit.breaches())
        lines = [str(breach) for breach in found]
        alerts.inspected(RuleCode.INVARIANT_BROKEN, lines=lines, now=timezone.now())
        if options["json"]:
            rows = [
                {"invariant": one.invariant, "row": one.row, "sentence": one.sentence}
                for one in found
            ]
            self.stdout.write(json.dumps({"breaches": rows, "checks": audit.CHECKS_COUNT}))
        else:
            for breach in found:
                self.stdout.write(str(breach))
            self.stdout.write(f"{audit.CHECKS_COUNT} checks, {len(found)} breaches.")
        if found:
            raise CommandError(f"{len(found)} rows break an invariant.", returncode=1)
