"""`adjust`: credits by hand, requested by one operator and decided on by another."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.models import Adjustment
from billing.corrections.services import Movement
from billing.management.acting import RequestCommand, operator_of
from plans.credits import format_micros, parse_micros


class Command(RequestCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    help = "Give credits to an account or take them, by one operator's request and another's word."
    window, rows = "adjustment", Adjustment.objects.all()
    absent = {Adjustment.DoesNotExist: "There is no such adjustment."}

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
        self.add_acts(parser)

    def show(self, options: dict[str, Any], *, now: datetime) -> None:
        """Print what would move; in an operator's name also what he may not."""
        person = operator_of(options) if options["operator"] else None
        facts = _facts(options, now)
        self._show(facts["account"], services.preview_adjustment(requester=person, **facts))

    def request(
        self, options: dict[str, Any], *, requester: User, now: datetime
    ) -> Callable[[], Adjustment]:
        """Ask for the credits to be given or taken."""
        key = options["key"] or uuid.uuid4().hex
        return partial(
            services.request_adjustment, **_facts(options, now), requester=requester, key=key
        )

    def approve(self, options: dict[str, Any], *, approver: User, now: datetime) -> Adjustment:
        """Approve it: the credits move."""
        asked = options["approve"]
        return services.approve_adjustment(adjustment_id=asked, approver=approver, now=now)

    def refuse(self, asked: str, *, approver: User, now: datetime) -> Adjustment:
        """Refuse it; nothing moves."""
        return services.refuse_adjustment(adjustment_id=asked, approver=approver, now=now)

    def withdraw(self, asked: str, *, requester: User, now: datetime) -> Adjustment:
        """Take it back; nothing moves."""
        return services.withdraw_adjustment(adjustment_id=asked, requester=requester, now=now)

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


def _facts(options: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "account": _account(options),
        "amount_micros": _amount(options),
        "reason": options["reason"],
        "text": options["text"],
        "grant_ids": options["grant"],
        "as_debt": options["as_debt"],
        "now": now,
    }


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
