"""`subscribe ACCOUNT PLAN`: put an account on a plan by an operator's word, without money."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.accounts import selectors
from billing.errors import DomainError
from billing.subscriptions import services


class Command(BaseCommand):
    """A repeat with the plan that the account is on changes nothing."""

    help = "Put an account on a plan of the current catalog; its credits arrive at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account and the plan."""
        parser.add_argument("account", help="The account's external id.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument("plan", help="The plan's code in the catalog.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the subscription's id alone on the last line."""
        account = selectors.find_account(options["account"], is_sandbox=options["sandbox"])
        if account is None:
            raise CommandError(
                f"There is no account {options['account']}; it is made when its token first calls."
            )
        try:
            subscription = services.start(account=account, plan=options["plan"])
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(subscription.pk)
