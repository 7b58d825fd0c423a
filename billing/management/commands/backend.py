"""`backend`: keep one backend from new work, or let it have some again."""

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.fleet import services
from billing.fleet.services import Mode
from billing.management.acting import line_of
from billing.operators.models import ActRecord

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
        is_reset = options["act"] == "reset"
        title = "breaker.reset" if is_reset else "backendstate.survey"
        try:
            with line_of(title, options) as line:
                said = _reset(options, line) if is_reset else _set_mode(options, line)
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(said)


def _reset(options: dict[str, Any], line: ActRecord) -> str:
    breaker = services.reset_breaker(
        backend=options["name"], model=options["model"], operator=line.operator.get_username()
    )
    line.object_id = str(breaker.pk)
    return f"{breaker} {breaker.state}"


def _set_mode(options: dict[str, Any], line: ActRecord) -> str:
    state = services.set_mode(
        backend=options["name"],
        mode=_VERBS[options["act"]],
        reason=options["reason"],
        operator=line.operator.get_username(),
        now=timezone.now(),
    )
    line.object_id = str(state.pk)
    return f"{state.name} {state.mode}"
