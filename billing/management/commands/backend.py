"""`backend`: keep one backend from new work, or let it have some again."""

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.fleet import services
from billing.fleet.services import Mode
from billing.management.acting import operator_of

_VERBS: Final = {"drain": Mode.DRAINING, "maintenance": Mode.MAINTENANCE, "open": Mode.OPEN}


class Command(BaseCommand):
    """Sets a backend's mode, or closes one of its breakers; the next job sees it."""

    help = "Drain a backend, put it into maintenance, open it, or close a breaker of it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the backend, what it may do, why, and who says so."""
        parser.add_argument("name", help="The backend's name in BACKENDS.")
        parser.add_argument(
            "act", choices=[*_VERBS, "reset"], help="reset closes the breaker of --model."
        )
        parser.add_argument("--reason", default="", help="For who comes after you.")
        parser.add_argument("--model", default="", help="Whose breaker is closed.")
        parser.add_argument("--as", dest="operator", help="The operator who acts, by name.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the backend and its mode, or the breaker and its state."""
        operator = operator_of(options).get_username()
        try:
            if options["act"] == "reset":
                breaker = services.reset_breaker(
                    backend=options["name"], model=options["model"], operator=operator
                )
                self.stdout.write(f"{breaker} {breaker.state}")
                return
            state = services.set_mode(
                backend=options["name"],
                mode=_VERBS[options["act"]],
                reason=options["reason"],
                operator=operator,
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{state.name} {state.mode}")
