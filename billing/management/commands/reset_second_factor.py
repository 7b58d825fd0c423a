"""Takes a lost second factor away, where no superuser can come in to do it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.operators import selectors, services


class Command(BaseCommand):
    """`manage.py reset_second_factor grace --reason "…"`: the name alone on the last line."""

    help = "Resets an operator's second factor; the next sign-in sets up another."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose it is, and why."""
        parser.add_argument("name", help="what the operator signs in as")
        parser.add_argument(
            "--reason", required=True, help="why, and how you know who asks: it is written down"
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Reset it."""
        operator = selectors.find_operator(options["name"])
        if operator is None:
            raise CommandError("There is no operator of that name.")
        try:
            services.reset(
                operator=operator,
                actor=None,
                reason=options["reason"],
                address=None,
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(operator.get_username())
