"""`earnings PROGRAMME --month 2026-11`: every account's statement of a programme, as CSV."""

import csv
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.http.spreadsheets import cell
from billing.management.reports import ReadingCommand
from billing.partners import earnings, selectors
from plans import selectors as plans

_FIGURES: Final = (
    *("referred", "qualified", "opening", "earned", "granted", "forfeited", "held_back"),
    "taken_back",
)


class Command(ReadingCommand):
    """A row for each account that has a code; its month is that of its own zone."""

    help = "Print what each account earned in a month of a programme, as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the programme and the month."""
        parser.add_argument("programme", help="the programme's code in the catalog")
        parser.add_argument("--month", help="such as 2026-11; the present one without it")
        parser.add_argument("--sandbox", action="store_true", help="the sandbox's accounts")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Print the head, then the rows."""
        writer = csv.writer(self.stdout, lineterminator="\n")
        try:
            selectors.programme(plans.current().catalog, options["programme"])
            found = earnings.statements(
                options["programme"],
                options["month"],
                is_sandbox=options["sandbox"],
                at=timezone.now(),
            )
            writer.writerow(["account", "month", "zone", *_FIGURES])
            for account, told in found:
                figures = earnings.written(told)
                writer.writerow(
                    [
                        cell(account.external_id),
                        told.month.key,
                        account.zone,
                        *(figures[name] for name in _FIGURES),
                    ]
                )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
