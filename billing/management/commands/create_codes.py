"""Makes redemption codes; they are shown only now."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.errors import DomainError
from billing.promotions import services


class Command(BaseCommand):
    """`create_codes welcome --count 100`: the codes alone on the last lines."""

    help = "Make codes that give a share of a campaign, a pack, or a plan for a while."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what the codes give, and how many there shall be."""
        gives = parser.add_mutually_exclusive_group(required=True)
        gives.add_argument("campaign", nargs="?", help="a campaign of the catalog")
        gives.add_argument("--pack", help="or a pack of the catalog")
        gives.add_argument("--plan", help="or a plan of the catalog, for --period")
        parser.add_argument("--quantity", type=int, default=1, help="so many of the pack (1)")
        parser.add_argument("--period", default="", help="how long the plan lasts: P1M")
        parser.add_argument("--count", type=int, default=1, help="how many codes (1)")
        parser.add_argument("--uses", type=int, default=1, help="accounts for each code (1)")
        parser.add_argument("--batch", default="", help="what they are for, for people")
        parser.add_argument("--expires", help="RFC 3339 instant; never without it")
        parser.add_argument("--sandbox", action="store_true", help="for sandbox accounts only")
        parser.add_argument("--json", action="store_true", help="print an array")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Make the codes and print them, a line each."""
        kinds = ("campaign", "pack", "plan")
        kind = next(kind for kind in kinds if options[kind] is not None)
        gift = services.Gift(kind, options[kind], options["quantity"], options["period"])
        try:
            made = services.create_codes(
                gift,
                count=options["count"],
                uses=options["uses"],
                batch=options["batch"],
                expires_at=_instant(options["expires"]),
                is_sandbox=options["sandbox"],
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(json.dumps(made) if options["json"] else "\n".join(made))


def _instant(text: str | None) -> Any:  # noqa: ANN401 (an instant or None)
    if text is None:
        return None
    try:
        instant = parse_datetime(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError("--expires is an instant with offset: 2026-12-31T16:00:00Z.")
    return instant
