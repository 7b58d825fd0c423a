"""How operators act by commands: in whose name, what is written down of it, and who decides."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model, QuerySet
from django.utils import timezone

from billing.corrections import selectors
from billing.errors import DomainError
from billing.operators import services as operators
from billing.operators.models import ActRecord

# Where an argument is not called as the field that it fills.
_ARGUMENTS: Final = {
    "accounts": "--account",
    "fixed_micros": "--per-job or --per-account",
    "amount_micros": "credits",
    "grant_ids": "--grant",
    "text_en": "--notice-en",
    "text_zh": "--notice-zh",
}
# Of every command; who acts has a column; an address of a video may open it.
_UNSHOWN: Final = frozenset(
    {
        *("verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color"),
        *("skip_checks", "operator", "address"),
    }
)


class RequestCommand(BaseCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    # The window of what is asked for, its rows, and what is said where that is not there which is
    # named.
    window: ClassVar[str]
    rows: ClassVar[QuerySet[Any]]
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
            with self._line("approve", options) as line:
                return self.approve(options, approver=line.operator, now=now)
        if options["refuse"]:
            with self._line("refuse", options) as line:
                return self.refuse(options["refuse"], approver=line.operator, now=now)
        if options["withdraw"]:
            with self._line("withdraw", options) as line:
                return self.withdraw(options["withdraw"], requester=line.operator, now=now)
        if options["request"]:
            ask = self.request(options, requester=operator_of(options), now=now)
            with line_of(f"{self.window}.ask", options) as line:
                asked = ask()
                line.object_id, line.account_id = asked.pk, account_of(asked)
                return asked
        self.show(options, now=now)
        return None

    def _line(self, name: str, options: dict[str, Any]) -> AbstractContextManager[ActRecord]:
        row = self.rows.get(pk=options[name])
        return line_of(f"{self.window}.{name}", options, row=row)

    @abstractmethod
    def show(self, options: dict[str, Any], *, now: datetime) -> None:
        """Print what would move."""

    @abstractmethod
    def request(
        self, options: dict[str, Any], *, requester: User, now: datetime
    ) -> Callable[[], Any]:
        """Return what asks for that which the options say, and returns the request."""

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


def line_of(
    title: str, options: dict[str, Any], *, row: Model | None = None
) -> AbstractContextManager[ActRecord]:
    """Write down an act that a command does, as its window would, and how it ended.

    Args:
        title: of the act, as its window calls it: "job.decide".
        row: what it is done to; None: the act makes it, or it has no row yet.

    Raises:
        CommandError: no operator is named, or there is no such one.
    """
    typed = [(name, str(said)) for name, said in options.items() if said and name not in _UNSHOWN]
    said = options.get("text") or options.get("reason") or f"By a command: {title}."
    return operators.written_down(
        act=title,
        operator=operator_of(options),
        object_type=title.partition(".")[0],
        object_id="" if row is None else str(row.pk),
        account_id="" if row is None else account_of(row),
        reason=said,
        shown=typed,
        clock=timezone.now,
    )


def account_of(row: Any) -> str:  # noqa: ANN401 (any model)
    """Return the id of the account that a row is of; "" if it is of none, or of many."""
    of = row if hasattr(row, "account_id") else getattr(row, "purchase", None)
    return getattr(of, "account_id", None) or ""
