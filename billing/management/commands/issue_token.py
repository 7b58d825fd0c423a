"""Makes a user's token, for trials and for platforms without an identity provider."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.accounts import tokens


class Command(BaseCommand):
    """`manage.py issue_token alice`: the token alone on the last line of standard output."""

    help = "Prints a token for a user, signed with JWT_PRIVATE_KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name and how long the token lasts."""
        parser.add_argument("external_id", help="the token's `sub`: the platform's name for him")
        parser.add_argument("--sandbox", action="store_true", help="plays only")
        parser.add_argument("--surface", default="", help="the way in of its orders: web, api, cli")
        parser.add_argument("--hours", type=int, default=720, help="how long it lasts (720)")
        parser.add_argument("--json", action="store_true", help="print an object")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Print the token; the account is made when the token is first used."""
        now, lifetime = timezone.now(), timedelta(hours=options["hours"])
        try:
            token = tokens.sign(
                options["external_id"],
                lifetime=lifetime,
                is_sandbox=options["sandbox"],
                surface=options["surface"],
                now=now,
            )
        except tokens.InvalidToken as refusal:
            raise CommandError(str(refusal)) from None
        except tokens.KeysAway:
            raise CommandError(
                "JWT_JWKS_URL cannot be reached, so the token is unproven."
            ) from None
        if options["json"]:
            expires_at = (now + lifetime).isoformat(timespec="seconds")
            self.stdout.write(json.dumps({"token": token, "expires_at": expires_at}))
        else:
            self.stdout.write(token)
