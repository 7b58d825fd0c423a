"""Ends redemption codes: one by its visible beginning or its id, or all of a batch."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.promotions import services
from billing.promotions.models import RedemptionCode


class Command(BaseCommand):
    """`revoke_codes --batch spring`: what they gave stays given."""

    help = "End codes, so that they give nothing any more."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which codes."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--prefix", help="the first four digits of a code, if only one has them")
        which.add_argument("--id", help="a code's id, as --prefix lists it where several have one")
        which.add_argument("--batch", help="the batch that they were made for")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """End them and print how many there are."""
        name = next(one for one in ("prefix", "id", "batch") if options[one] is not None)
        found = RedemptionCode.objects.filter(**{name: options[name]}).order_by("pk")
        if not options[name] or not found:
            raise CommandError(f"There is no code of that {name}.")
        if name == "prefix" and len(found) > 1:  # four digits are of several customers' codes
            listed = "\n".join(f"{code.pk}  {code.batch}".rstrip() for code in found)
            raise CommandError(f"Several codes begin so; end one by --id:\n{listed}")
        for code in found:
            services.revoke_code(code, now=timezone.now())
        self.stdout.write(str(len(found)))
