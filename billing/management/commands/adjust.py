"""`adjust`: credits by hand, requested by one operator and decided on by another."""

import uuid
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.corrections import selectors, services
from billing.corrections.models import Adjustment
from billing.corrections.services import Movement
from billing.errors import DomainError
from plans.credits import format_micros, parse_micros

_ARGUMENTS: Final = {
    "amount_micros": "credits",
    "grant_ids": "--grant",
    "text_en": "--notice-en",
    "text_zh": "--notice-zh",
}


class Command(BaseCommand):
    """Shows what it would ask for, unless it is told to ask, approve or refuse."""

    help = "Give credits to an account or take them, by one operator's request and another's word."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be asked for, or what is to be decided on, and by whom."""
        parser.add_argument("account", nargs="?", help="The account's external id.")
        parser.add_argument("credits", nargs="?", help="Such as 50, or -50 to take them.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument("--reason", default="", help="A reason's code in the catalog.")
        parser.add_argument("--text", default="", help="The explanation.")
        parser.add_argument("--grant", action="append", default=[], help="Take it from this one.")
        parser.add_argument("--as-debt", action="store_true", help="What is not free is owed.")
        parser.add_argument("--key", default="", help="A repeat with the same key asks once.")
        parser.add_argument("--as", dest="operator", help="The operator who acts, by name.")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--dry-run", action="store_true", help="Show it only; the default.")
        act.add_argument("--request", action="store_true", help="Ask for it.")
        act.add_argument("--approve", metavar="ID", help="Approve a request of another.")
        act.add_argument("--refuse", metavar="ID", help="Refuse a request of another.")
        act.add_argument("--withdraw", metavar="ID", help="Take back a request of one's own.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what would move, or the adjustment's id and state alone on the last line."""
        try:
            adjustment = self._act(options)
        except DomainError as refusal:
            raise CommandError(complaint(refusal)) from None
        except Adjustment.DoesNotExist:
            raise CommandError("There is no such adjustment.") from None
        if adjustment is not None:
            self.stdout.write(f"{adjustment.pk} {adjustment.state}")

    def _act(self, options: dict[str, Any]) -> Adjustment | None:
        now = timezone.now()
        if options["approve"]:
            return services.approve_adjustment(
                adjustment_id=options["approve"], approver=operator_of(options), now=now
            )
        if options["refuse"]:
            return services.refuse_adjustment(
                adjustment_id=options["refuse"], approver=operator_of(options), now=now
            )
        if options["withdraw"]:
            return services.withdraw_adjustment(
                adjustment_id=options["withdraw"], requester=operator_of(options), now=now
            )
        facts: dict[str, Any] = {
            "account": _account(options),
            "amount_micros": _amount(options),
            "reason": options["reason"],
            "text": options["text"],
            "grant_ids": options["grant"],
            "as_debt": options["as_debt"],
            "now": now,
        }
        if not options["request"]:
            person = operator_of(options) if options["operator"] else None
            self._show(facts["account"], services.preview_adjustment(requester=person, **facts))
            return None
        return services.request_adjustment(
            requester=operator_of(options), key=options["key"] or uuid.uuid4().hex, **facts
        )

    def _show(self, account: Account, movement: Movement) -> None:
        what = (
            f"would get {format_micros(movement.given_micros)} credits"
            if movement.given_micros
            else f"would lose {format_micros(movement.taken_micros)} credits"
        )
        if movement.owed_micros:
            what += f" and owe {format_micros(movement.owed_micros)}"
        self.stdout.write(
            f"{account} {what}; {format_micros(movement.available_micros)} are free, "
            f"{format_micros(movement.debt_micros)} owed. Nothing was asked for: see --request."
        )


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


def _account(options: dict[str, Any]) -> Account:
    found = accounts.find_account(options["account"] or "", is_sandbox=options["sandbox"])
    if found is None:
        raise CommandError(f"There is no account {options['account']}.")
    return found


def _amount(options: dict[str, Any]) -> int:
    written = options["credits"] or ""
    try:
        micros = parse_micros(written.removeprefix("-"))
    except ValueError as wrong:
        raise CommandError(f"credits {wrong}") from None
    return -micros if written.startswith("-") else micros
