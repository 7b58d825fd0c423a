"""How operators act by commands: in whose name, and one asks for what another decides on."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.corrections import selectors
from billing.errors import DomainError

# Where an argument is not called as the field that it fills.
_ARGUMENTS: Final = {
    "amount_micros": "credits",
    "grant_ids": "--grant",
    "text_en": "--notice-en",
    "text_zh": "--notice-zh",
}


class RequestCommand(BaseCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    # What is said where that is not there which is named.
    absent: ClassVar[Mapping[type[ObjectDoesNotExist], str]] = {}

    def add_acts(self, parser: CommandParser) -> None:
        """Take who acts, and what he does."""
        parser.add_argument("--as", dest="operator", help="The operator who acts, by name.")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--dry-run", action="store_true", help="Show it only; the default.")
        act.add_argument("--request", action="store_true", help="Ask for it.")
        act.add_argument("--approve", metavar="ID", help="Approve a request of another.")
        act.add_argument("--refuse", metavar="ID", help="Refuse a request of another.")
        act.add_argument("--withdraw", metavar="ID", help="Take back a request of one's own.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what would move, or the request's id and state alone on the last line."""
        try:
            asked = self._act(options, now=timezone.now())
        except DomainError as refusal:
            raise CommandError(complaint(refusal)) from None
        except tuple(self.absent) as missing:
            raise CommandError(self.absent[type(missing)]) from None
        if asked is not None:
            self.stdout.write(f"{asked.pk} {asked.state}")

    def _act(self, options: dict[str, Any], *, now: datetime) -> Any:  # noqa: ANN401 (what is asked for)
        if options["approve"]:
            return self.approve(options, approver=operator_of(options), now=now)
        if options["refuse"]:
            return self.refuse(options["refuse"], approver=operator_of(options), now=now)
        if options["withdraw"]:
            return self.withdraw(options["withdraw"], requester=operator_of(options), now=now)
        if options["request"]:
            return self.request(options, now=now)
        self.show(options, now=now)
        return None

    @abstractmethod
    def show(self, options: dict[str, Any], *, now: datetime) -> None:
        """Print what would move."""

    @abstractmethod
    def request(self, options: dict[str, Any], *, now: datetime) -> Any:  # noqa: ANN401 (as above)
        """Ask for what the options say; return the request."""

    @abstractmethod
    def approve(self, options: dict[str, Any], *, approver: User, now: datetime) -> Any:  # noqa: ANN401 (as above)
        """Approve what another has asked for; return the request."""

    @abstractmethod
    def refuse(self, asked: str, *, approver: User, now: datetime) -> Any:  # noqa: ANN401 (as above)
        """Refuse what another has asked for; return the request."""

    @abstractmethod
    def withdraw(self, asked: str, *, requester: User, now: datetime) -> Any:  # noqa: ANN401 (as above)
        """Take back what one has asked for oneself; return the request."""


def complaint(refusal: DomainError) -> str:
    """Return why a command is refused, with the argument that can mend it before it."""
    field = refusal.facts.get("field")
    if field is None:
        return refusal.message
    argument = _ARGUMENTS.get(str(field), f"--{str(field).replace('_', '-')}")
    return f"{argument}: {refusal.message}"


def operator_of(options: dict[str, Any]) -> User:
    """Return the operator in whose name a command acts.

    Raises:
        CommandError: none is named, or there is no such operator.
    """
    found = selectors.find_operator(options["operator"]) if options["operator"] else None
    if found is None:
        raise CommandError("--as names an operator who exists and may log in to the admin.")
    return found
