"""`refund`: money back, requested by one operator and decided on by another."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from billing.management.acting import RequestCommand
from billing.payments.models import Purchase, Refund
from billing.payments.money import written
from billing.payments.services import refunding
from billing.payments.services.refunding import Wish
from plans.credits import format_micros, parse_micros


class Command(RequestCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    help = "Pay back what was paid, by one operator's request and another's word."
    window, rows = "refund", Refund.objects.all()
    absent = {
        Purchase.DoesNotExist: "There is no such purchase.",
        Refund.DoesNotExist: "There is no such refund.",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be asked for, or what is to be decided on, and by whom."""
        parser.add_argument("purchase", nargs="?", help="The id of a purchase (pu_…).")
        parser.add_argument(
            "amount", nargs="?", help="Such as 30.00; left out: all, or the rule's."
        )
        parser.add_argument("--rule", choices=Refund.Rule.values, default=Refund.Rule.GOODWILL)
        parser.add_argument("--reason", default="", help="A word for what it is about.")
        parser.add_argument("--text", default="", help="The explanation.")
        parser.add_argument("--key", default="", help="A repeat with the same key asks once.")
        self.add_acts(parser)

    def show(self, options: dict[str, Any], *, now: datetime) -> None:
        """Print what would move."""
        offer = refunding.preview_refund(purchase_id=options["purchase"] or "", wish=_wish(options))
        money = written(offer.amount_micros, offer.currency)
        self.stdout.write(
            f"{money['amount']} {money['currency']} would go back, and "
            f"{format_micros(offer.taken_micros)} credits would be taken: "
            f"{format_micros(offer.revoked_micros)} are free, "
            f"{format_micros(offer.owed_micros)} would be owed. "
            "Nothing was asked for: see --request."
        )

    def request(
        self, options: dict[str, Any], *, requester: User, now: datetime
    ) -> Callable[[], Refund]:
        """Ask for the money to go back."""
        return partial(
            refunding.request_refund,
            purchase_id=Purchase.objects.get(pk=options["purchase"] or "").pk,
            wish=_wish(options),
            requester=requester,
            key=options["key"] or uuid.uuid4().hex,
            now=now,
        )

    def approve(self, options: dict[str, Any], *, approver: User, now: datetime) -> Refund:
        """Approve it: its credits are taken, and Stripe is asked."""
        return refunding.approve_refund(refund_id=options["approve"], approver=approver, now=now)

    def refuse(self, asked: str, *, approver: User, now: datetime) -> Refund:
        """Refuse it; nothing moves."""
        return refunding.refuse_refund(refund_id=asked, approver=approver, now=now)

    def withdraw(self, asked: str, *, requester: User, now: datetime) -> Refund:
        """Take it back; nothing moves."""
        return refunding.withdraw_refund(refund_id=asked, requester=requester, now=now)


def _wish(options: dict[str, Any]) -> Wish:
    return Wish(
        options["rule"], options["reason"], _amount(options["amount"]), text=options["text"]
    )


def _amount(written_: str | None) -> int | None:
    if written_ is None:
        return None
    try:
        return parse_micros(written_)
    except ValueError as wrong:
        raise CommandError(f"amount {wrong}") from None
