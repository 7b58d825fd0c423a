"""`revoke_receipt_key KID --reason stolen`: what the key signed proves nothing any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.receipts import services


class Command(BaseCommand):
    """For a key that was stolen or lost; a key that is merely replaced retires by itself."""

    help = "Revoke a key of receipts, for good."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which key, and why."""
        parser.add_argument("kid", help="The key's name, as GET /v1/receipt-keys lists it.")
        parser.add_argument("--reason", required=True, help="For the record.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Revoke it and print its name."""
        reason: str = options["reason"].strip()
        if not reason:
            raise CommandError("--reason says why.")
        key = services.revoke_key(kid=options["kid"], reason=reason[:200], now=timezone.now())
        if key is None:
            raise CommandError(f"There is no key {options['kid']}.")
        self.stdout.write(key.pk)
