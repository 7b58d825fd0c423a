"""Makes a service key, for the platform's own server."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.accounts import scopes, services
from billing.accounts.errors import InvalidAccount


class Command(BaseCommand):
    """`manage.py create_api_key shop --scopes jobs:write`: the secret alone on the last line."""

    help = "Makes a service key and prints its secret, which is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the key's name, what it may do, and when it ends."""
        parser.add_argument("name", help="whose key it is, for people")
        parser.add_argument(
            "--scopes", nargs="+", required=True, metavar="SCOPE", help=" ".join(scopes.ALL)
        )
        parser.add_argument("--sandbox", action="store_true", help="sees sandbox accounts only")
        parser.add_argument(
            "--surface", default="", help="the way in that its orders count as: web, api, cli"
        )
        parser.add_argument("--days", type=int, help="how long it opens; for ever without it")
        parser.add_argument("--json", action="store_true", help="print an object")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Make the key and print its secret."""
        now = timezone.now()
        days: int | None = options["days"]
        try:
            key, secret = services.create_api_key(
                options["name"],
                options["scopes"],
                is_sandbox=options["sandbox"],
                surface=options["surface"],
                expires_at=None if days is None else now + timedelta(days=days),
                now=now,
            )
        except InvalidAccount as refusal:
            raise CommandError(refusal.message) from None
        if options["json"]:
            made = {"id": key.pk, "name": key.name, "scopes": key.scopes, "secret": secret}
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(secret)
