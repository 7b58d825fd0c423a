"""Ends a service key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.accounts import selectors, services


class Command(BaseCommand):
    """A repeat changes nothing: the key ended when it was first revoked."""

    help = "Ends a service key at once; its prefix stands in the admin and begins its secret."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the key's visible beginning."""
        parser.add_argument("prefix", help="sk_live_… or sk_test_…, without the secret part")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Print the key's id alone on the last line."""
        # Whoever pastes the whole secret means the key, and must not read it in an error.
        prefix = services.prefix_of(options["prefix"]) or options["prefix"]
        key = selectors.find_key(prefix)
        if key is None:
            raise CommandError("There is no service key of that prefix.")
        services.revoke_api_key(key, now=timezone.now())
        self.stdout.write(key.pk)
