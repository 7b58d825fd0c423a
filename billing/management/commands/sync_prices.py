"""`sync_prices [--dry-run]`: Stripe asks what the catalog in force asks, by lookup key.

Ends with 0 when both say the same afterwards; with `--dry-run`, with 1 when they do not.
"""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.payments import services
from billing.payments.gateway import StripeAway, StripeRefused
from billing.payments.services import Step


class Command(BaseCommand):
    """A repeat finds nothing to do."""

    help = "Bring Stripe's products and prices in step with the catalog, and tell what was not."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything, and how to answer."""
        parser.add_argument("--dry-run", action="store_true", help="Change nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each product and price that was not as the catalog says."""
        is_dry = options["dry_run"]
        try:
            steps = services.sync_prices(now=timezone.now(), is_dry=is_dry)
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        except (StripeAway, StripeRefused) as problem:
            raise CommandError(f"Stripe: {problem}") from None
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in steps], ensure_ascii=False))
        else:
            for one in steps:
                self.stdout.write(_line(one))
            self.stdout.write(f"{len(steps)} {'differ' if is_dry else 'brought in step'}.")
        if is_dry and steps:
            raise CommandError("Stripe and the catalog differ.", returncode=1)


def _line(step: Step) -> str:
    return f"{step.kind}  {step.name}: {step.told or '-'} -> {step.asked or '-'}"
