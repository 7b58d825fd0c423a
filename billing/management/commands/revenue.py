"""`revenue --month 2026-10 [--csv FILE]`: what was sold as credits, and when it was earned."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.insights import revenue
from billing.insights.revenue import tables
from billing.management.reports import ReadingCommand


class Command(ReadingCommand):
    """Reads only; a month that is over is told alike whenever it is asked for."""

    help = "Tell a month's deferred revenue: sold, refunded, earned by use or expiry, still owed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the month, whose calendar, and where to write the purchases."""
        parser.add_argument("--month", required=True, help="Such as 2026-10.")
        parser.add_argument("--zone", default="UTC", help="Whose months: Asia/Shanghai.")
        parser.add_argument("--csv", type=Path, help="A file: one line for each purchase.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's sales instead.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the sums by currency, and write the lines where they are wanted."""
        try:
            month = revenue.month_of(options["month"], zone=options["zone"])
        except ValueError as wrong:
            raise CommandError(str(wrong)) from wrong
        lines = revenue.lines_of(month, is_sandbox=options["sandbox"])
        if options["csv"] is None:
            sums = revenue.sums_of(lines)
        else:
            with options["csv"].open("w", encoding="utf-8", newline="") as file:
                sums = revenue.sums_of(tables.write(lines, month=options["month"], out=file))
        if options["json"]:
            self.stdout.write(json.dumps(tables.document(sums), ensure_ascii=False))
            return
        for line in tables.told(sums):
            self.stdout.write(line)
