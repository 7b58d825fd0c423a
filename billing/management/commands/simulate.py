"""`simulate CATALOG --since 30d`: what another catalog would have made of what was sold."""

import json
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from billing.insights import picture, tables
from billing.insights.simulate import simulate
from billing.insights.since import read_since
from billing.management.reports import ReadingCommand
from plans.catalog import loader
from plans.errors import CatalogInvalid

_PICTURES: Final = (".svg", ".png")


class Command(ReadingCommand):
    """Reads only."""

    help = "Price the succeeded jobs of a time by another catalog file, side by side."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, the time, and how to show it."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--since", default="30d", help="30d, 12h, or an instant or a date.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's jobs instead.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")
        parser.add_argument("--plot", type=Path, help="Draw it, too: FILE.svg or FILE.png.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the tables and bars, or JSON; draw the picture."""
        plot: Path | None = options["plot"]
        if plot is not None and plot.suffix.lower() not in _PICTURES:
            raise CommandError("--plot is a file that ends in .svg or .png.")
        try:
            catalog = loader.load(options["file"])
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        try:
            since = read_since(options["since"], now=timezone.now())
        except ValueError:
            raise CommandError("--since is 30d, 12h, a date or an instant.") from None
        report = simulate(catalog, since=since, is_sandbox=options["sandbox"])
        if options["json"]:
            self.stdout.write(json.dumps(tables.document(report), ensure_ascii=False))
        else:
            for line in tables.lines(report):
                self.stdout.write(line)
        if plot is not None:
            try:
                picture.draw(report, plot)
            except OSError as error:
                raise CommandError(f"{plot}: {error.strerror}") from error
            if not options["json"]:
                self.stdout.write(str(plot))
