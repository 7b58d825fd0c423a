"""Says the present code of a laptop's first operator, for whoever has no phone at hand."""

import os
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.operators import codes, selectors, services

# What `./run serve` keeps in its data folder and hands to its own commands; no setting.
_VARIABLE: Final = "LAPTOP_TOTP_SECRET"


class Command(BaseCommand):
    """`./run manage totp_code`: the code alone on the last line.

    It reads no secret from the database, so it knows nobody's code but that of the one secret that
    lies in the data folder of `./run serve`, and nowhere else.
    """

    help = "Prints the present code of the operator that ./run serve has made on this laptop."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom to set it up for; `./run serve` does that by itself."""
        parser.add_argument(
            "--set-up", metavar="NAME", help="the operator who has it from now on, if he has none"
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Print the code."""
        secret = os.environ.get(_VARIABLE, "")
        if not secret:
            raise CommandError(
                "Only the operator that ./run serve has made has a code here; everybody else's "
                "is on a device. A lost one: manage.py reset_second_factor."
            )
        if options["set_up"]:
            self._set_up(options["set_up"], secret)
        self.stdout.write(codes.code_at(secret, timezone.now()))

    def _set_up(self, name: str, secret: str) -> None:
        operator = selectors.find_operator(name)
        if operator is None:
            raise CommandError("There is no operator of that name.")
        services.enrol_with(operator=operator, secret=secret, now=timezone.now())
