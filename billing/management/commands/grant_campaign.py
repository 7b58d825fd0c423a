"""Gives a campaign's share to many accounts."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.ledger.services import Actor
from billing.partners import services as partners
from billing.promotions import services
from billing.promotions.services import Outcome
from plans.credits import format_micros


class Command(BaseCommand):
    """`grant_campaign spring --accounts FILE`: a commit each; a repeat goes on where it was."""

    help = "Give each account of a file its share of a campaign, as far as the budget reaches."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the campaign and the accounts."""
        parser.add_argument("campaign", help="the campaign's code in the catalog")
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--accounts", type=Path, help="a file with an external id on each line")
        whom.add_argument("--partners", metavar="PROGRAMME", help="or all partners of a programme")
        parser.add_argument(
            "--run", default="1", help="the run's name: each account has one share of each run (1)"
        )
        parser.add_argument("--sandbox", action="store_true", help="the sandbox's accounts")
        parser.add_argument("--dry-run", action="store_true", help="try everything, keep nothing")
        parser.add_argument("--json", action="store_true", help="print an object")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Give, name who got nothing, and print the counts."""
        counts: Counter[str] = Counter()
        micros = 0
        try:
            for outcome in self._outcomes(options):
                counts[outcome.word] += 1
                micros += outcome.amount_micros
                if outcome.word not in {"granted", "before"}:
                    self.stderr.write(f"{outcome.external_id}: {outcome.word}")
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        except (OSError, UnicodeDecodeError) as wrong:
            raise CommandError(f"{options['accounts']}: {wrong}") from None
        told = {**dict(sorted(counts.items())), "credits": format_micros(micros)}
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(", ".join(f"{word}: {number}" for word, number in told.items()))

    def _outcomes(self, options: dict[str, Any]) -> Iterator[Outcome]:
        said: dict[str, Any] = {
            "campaign": options["campaign"],
            "run": options["run"],
            "is_sandbox": options["sandbox"],
            "is_dry": options["dry_run"],
            "actor": Actor("operator", "grant_campaign"),
        }
        if options["partners"] is not None:
            return partners.grant_partners(options["partners"], now=timezone.now(), **said)
        return services.grant_each(_lines(options["accounts"]), **said)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if name := line.strip():
                yield name
