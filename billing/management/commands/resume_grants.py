"""`resume_grants ACCOUNT --reason …`: what the safety bound has stopped goes on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.accounts import selectors as accounts
from billing.corrections import services
from billing.errors import DomainError
from billing.management.acting import line_of


class Command(BaseCommand):
    """Writes down who let it go on, and why."""

    help = "Let an account have automatic grants again, which the safety bound has stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, who lets it, and why."""
        parser.add_argument("account", help="The account's external id.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument("--reason", required=True, help="What was found, and done about it.")
        parser.add_argument(
            "--as", dest="operator", required=True, help="The operator who lets it, by name."
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the id of the halt alone on the last line."""
        account = accounts.find_account(options["account"], is_sandbox=options["sandbox"])
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        try:
            with line_of("halt.resume", options) as line:
                halt = services.resume_grants(
                    account=account, operator=line.operator, reason=options["reason"]
                )
                line.object_id, line.account_id = halt.pk, account.pk
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(halt.pk)
