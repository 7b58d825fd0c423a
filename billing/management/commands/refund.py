"""`refund`: money back, requested by one operator and decided on by another."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.management.commands.adjust import complaint, operator_of
from billing.payments.models import Purchase, Refund
from billing.payments.money import written
from billing.payments.services import refunding
from billing.payments.services.offering import Offer
from billing.payments.services.refunding import Wish
from plans.credits import format_micros, parse_micros


class Command(BaseCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    help = "Pay back what was paid, by one operator's request and another's word."

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
        parser.add_argument("--as", dest="operator", help="The operator who acts, by name.")
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--dry-run", action="store_true", help="Show it only; the default.")
        act.add_argument("--request", action="store_true", help="Ask for it.")
        act.add_argument("--approve", metavar="ID", help="Approve a request of another.")
        act.add_argument("--refuse", metavar="ID", help="Refuse a request of another.")
        act.add_argument("--withdraw", metavar="ID", help="Take back a request of one's own.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what would move, or the refund's id and state alone on the last line."""
        try:
            refund = self._act(options)
        except DomainError as refusal:
            raise CommandError(complaint(refusal)) from None
        except Purchase.DoesNotExist:
            raise CommandError("There is no such purchase.") from None
        except Refund.DoesNotExist:
            raise CommandError("There is no such refund.") from None
        if refund is not None:
            self.stdout.write(f"{refund.pk} {refund.state}")

    def _act(self, options: dict[str, Any]) -> Refund | None:
        now = timezone.now()
        if options["approve"]:
            return refunding.approve_refund(
                refund_id=options["approve"], approver=operator_of(options), now=now
            )
        if options["refuse"]:
            return refunding.refuse_refund(
                refund_id=options["refuse"], approver=operator_of(options), now=now
            )
        if options["withdraw"]:
            return refunding.withdraw_refund(
                refund_id=options["withdraw"], requester=operator_of(options), now=now
            )
        purchase_id = options["purchase"] or ""
        wish = Wish(
            options["rule"], options["reason"], _amount(options["amount"]), text=options["text"]
        )
        if not options["request"]:
            self._show(refunding.preview_refund(purchase_id=purchase_id, wish=wish))
            return None
        return refunding.request_refund(
            purchase_id=purchase_id,
            wish=wish,
            requester=operator_of(options),
            key=options["key"] or uuid.uuid4().hex,
            now=now,
        )

    def _show(self, offer: Offer) -> None:
        money = written(offer.amount_micros, offer.currency)
        self.stdout.write(
            f"{money['amount']} {money['currency']} would go back, and "
            f"{format_micros(offer.taken_micros)} credits would be taken: "
            f"{format_micros(offer.revoked_micros)} are free, "
            f"{format_micros(offer.owed_micros)} would be owed. "
            "Nothing was asked for: see --request."
        )


def _amount(written_: str | None) -> int | None:
    if written_ is None:
        return None
    try:
        return parse_micros(written_)
    except ValueError as wrong:
        raise CommandError(f"amount {wrong}") from None
