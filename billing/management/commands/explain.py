"""`explain ACCOUNT`: why a balance is what it is, entry by entry."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from billing.accounts import selectors
from billing.insights.explain import explain


class Command(BaseCommand):
    """Reads only."""

    help = "Say in words why the balance of an account is what it is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, and the language to answer in."""
        parser.add_argument("account", help="The account's external id.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument("--language", default="en", help="en or zh-hans.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print one line for each entry, then the balance."""
        account = selectors.find_account(options["account"], is_sandbox=options["sandbox"])
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        with translation.override(options["language"]):
            for line in explain(account):
                self.stdout.write(line)
