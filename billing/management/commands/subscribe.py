"""`subscribe ACCOUNT PLAN`: put an account on a plan by an operator's word, without money."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.accounts import selectors
from billing.errors import DomainError
from billing.subscriptions import services


class Command(BaseCommand):
    """A repeat with the plan that the account is on changes nothing."""

    help = "Put an account on a plan of the current catalog; its credits arrive at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, the plan, which price was paid elsewhere, seats, and its end."""
        parser.add_argument("account", help="The account's external id.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument("plan", help="The plan's code in the catalog.")
        parser.add_argument("--interval", help="The price's period, such as P1M or P1Y.")
        parser.add_argument("--currency", help="The price's currency, such as CNY.")
        parser.add_argument("--seats", type=int, help="Of an organization: for how many members.")
        parser.add_argument("--until", help="Ends by itself then: 2027-01-01T00:00:00+08:00.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the subscription's id alone on the last line."""
        account = selectors.find_account(options["account"], is_sandbox=options["sandbox"])
        if account is None:
            raise CommandError(
                f"There is no account {options['account']}; it is made when its token first calls."
            )
        try:
            subscription = services.start(
                account=account,
                plan=options["plan"],
                interval=options["interval"],
                currency=options["currency"],
                ends_at=_instant(options["until"]),
                seats=options["seats"],
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(subscription.pk)


def _instant(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError("--until is an instant with its offset: 2027-01-01T00:00:00+08:00.")
    return instant
