"""Makes a service key that takes another's place, while both open for some time."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.accounts import selectors, services
from billing.accounts.errors import InvalidAccount


class Command(BaseCommand):
    """`manage.py rotate_api_key sk_live_… --hours 24`: the new secret alone on the last line."""

    help = "Makes a key that does what another does, and ends that one after an overlap."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the former key's visible beginning, and how long both open."""
        parser.add_argument("prefix", help="sk_live_… or sk_test_…, without the secret part")
        parser.add_argument("--hours", type=int, default=24, help="how long both open; 24")
        parser.add_argument("--json", action="store_true", help="print an object")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Make the key and print its secret."""
        # Whoever pastes the whole secret means the key, and must not read it in an error.
        former = selectors.find_key(services.prefix_of(options["prefix"]) or options["prefix"])
        if former is None:
            raise CommandError("There is no service key of that prefix.")
        try:
            key, secret = services.rotate_api_key(
                former, overlap=timedelta(hours=options["hours"]), now=timezone.now()
            )
        except InvalidAccount as refusal:
            raise CommandError(refusal.message) from None
        if options["json"]:
            made = {"id": key.pk, "name": key.name, "scopes": key.scopes, "secret": secret}
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(secret)
