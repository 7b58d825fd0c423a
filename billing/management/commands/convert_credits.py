"""`convert_credits [--dry-run]`: convert what is left of products that the catalog ends."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Sum

from billing.ledger import selectors
from billing.ledger import services as ledger
from plans import selectors as plans
from plans.credits import format_micros


class Command(BaseCommand):
    """A repeat converts only what has come back from a hold since."""

    help = "Convert the credits of ended products; the scheduler does it by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to look only."""
        parser.add_argument("--dry-run", action="store_true", help="Show what would be converted.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what each conversion is for; then convert, unless it is a dry run."""
        catalog = plans.current().catalog
        for conversion in catalog.conversions:
            left = selectors.to_convert(conversion).aggregate(
                wallets=Count("wallet", distinct=True), micros=Sum("available_micros")
            )
            self.stdout.write(
                f"{conversion.code} at {conversion.at.isoformat()}: {left['wallets']} wallets, "
                f"{format_micros(left['micros'] or 0)} credits"
            )
        converted = 0
        while not options["dry_run"] and (found := ledger.convert_due(catalog=catalog)):
            converted += found
        self.stdout.write(f"wallets converted: {converted}")
