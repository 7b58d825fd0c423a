"""`simulate CATALOG --since 30d`: what another catalog would have made of what was sold."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights import picture, tables
from billing.insights.simulate import simulate
from plans.catalog import loader
from plans.errors import CatalogInvalid

_AGO: Final = re.compile(r"([1-9][0-9]{0,4})([dh])")
_PICTURES: Final = (".svg", ".png")


class Command(BaseCommand):
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
        since = _since(options["since"], now=timezone.now())
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


def _since(written: str, *, now: datetime) -> datetime:
    ago = _AGO.fullmatch(written)
    if ago is not None:
        number = int(ago.group(1))
        return now - (timedelta(days=number) if ago.group(2) == "d" else timedelta(hours=number))
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        raise CommandError("--since is 30d, 12h, a date or an instant.") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
