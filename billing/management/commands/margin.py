"""`margin --since 30d --by model,plan`: what jobs brought, and what their backends cost."""

import json
import re
from fractions import Fraction
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from billing.insights import margin
from billing.insights.since import read_since
from billing.management.reports import ReadingCommand

_RATE: Final = re.compile(r"([A-Z]{3})=([0-9]{1,9}(?:\.[0-9]{1,9})?)")


class Command(ReadingCommand):
    """Reads only."""

    help = "Tell what the jobs of a time brought, what their backends cost, and what is left."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the time, by what to sum, and in which money."""
        parser.add_argument("--since", default="30d", help="30d, 12h, or an instant or a date.")
        keys = ",".join(margin.KEYS)
        parser.add_argument("--by", default="model,backend", help=f"Some of {keys}.")
        parser.add_argument("--in", dest="told_in", default="", help="CNY: tell margins in it.")
        parser.add_argument(
            "--rate", action="append", default=[], help="With --in: USD=7.12, what one is in it."
        )
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's jobs instead.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the table, or JSON."""
        by = options["by"].split(",")
        if not set(by) <= set(margin.KEYS) or len(set(by)) != len(by):
            raise CommandError(f"--by is some of {','.join(margin.KEYS)}, each once.")
        try:
            since = read_since(options["since"], now=timezone.now())
        except ValueError:
            raise CommandError("--since is 30d, 12h, a date or an instant.") from None
        if options["rate"] and not options["told_in"]:
            raise CommandError("--rate needs --in: say in which money, for example --in CNY.")
        rows = margin.margin(
            since=since,
            by=by,
            is_sandbox=options["sandbox"],
            told_in=options["told_in"],
            rates=_rates(options["rate"]),
        )
        if options["json"]:
            self.stdout.write(json.dumps(margin.document(rows, by=by), ensure_ascii=False))
            return
        for line in margin.lines(rows, by=by):
            self.stdout.write(line)


def _rates(given: list[str]) -> dict[str, Fraction]:
    rates = {}
    for word in given:
        found = _RATE.fullmatch(word)
        if found is None:
            raise CommandError(f"--rate {word}: write it as USD=7.12.")
        rates[found[1]] = Fraction(found[2])
    return rates
