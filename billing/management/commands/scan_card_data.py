"""`scan_card_data [--log FILE …]`: whether anything of a card is kept; ends with 1 when it is."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from billing.insights import card_data


class Command(BaseCommand):
    """Reads only; shows of a number its last four digits."""

    help = "Look for card data in the schema, in all that is stored, and in log files."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the log files to look through."""
        parser.add_argument("--log", type=Path, action="append", default=[], help="A log file.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each place, or that there is none."""
        missing = [str(path) for path in options["log"] if not path.is_file()]
        if missing:
            raise CommandError(_("There is no file %(names)s.") % {"names": ", ".join(missing)})
        places = [*card_data.columns(), *card_data.rows()]
        places += [place for path in options["log"] for place in card_data.lines(path)]
        for place in places:
            self.stdout.write(str(place))
        if places:
            raise CommandError(_("Card data is kept in %(count)s places.") % {"count": len(places)})
        self.stdout.write(_("No card data is kept."))
