"""`roll_up [--since 2026-11-01] [--only credits,jobs] [--check]`: the sums behind the dashboard.

Ends with 0, and with 1 when `--check` names a row that its source does not say.
"""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.rollups import comparing, services
from billing.rollups.subjects import Subject


class Command(BaseCommand):
    """Adds up; with --check it reads only."""

    help = "Add up the dashboard's days: those that are due, or all since a day; or check them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the first day, the subjects, and whether to compare only."""
        parser.add_argument("--since", type=_day, help="2026-11-01: all days since then, anew.")
        known = ",".join(Subject)
        parser.add_argument("--only", default=known, help=f"Some of {known}.")
        parser.add_argument(
            "--check", action="store_true", help="Name what differs; write nothing."
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each day whose sums have changed, or each row that differs."""
        try:
            subjects = [Subject(word) for word in options["only"].split(",")]
        except ValueError:
            raise CommandError(f"--only is some of {','.join(Subject)}.") from None
        if options["check"]:
            self._check(options["since"], subjects)
            return
        now = timezone.now()
        if options["since"] is None:
            self.stdout.write(f"{services.roll_up_due(now=now)} days have new sums.")
            return
        count = 0
        for subject, day in services.roll_up_since(options["since"], subjects=subjects, now=now):
            self.stdout.write(f"{subject} {day}")
            count += 1
        self.stdout.write(f"{count} days have new sums.")

    def _check(self, since: date | None, subjects: list[Subject]) -> None:
        count = 0
        for difference in comparing.differences(since=since, subjects=subjects):
            self.stdout.write(str(difference))
            count += 1
        if count:
            raise CommandError(f"{count} rows are not as their sources say.", returncode=1)
        self.stdout.write("Every settled day is as its sources say.")


def _day(text: str) -> date:
    return date.fromisoformat(text)
