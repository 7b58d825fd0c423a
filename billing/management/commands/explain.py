"""`explain ACCOUNT`: why a balance is what it is, as a sum in words."""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation

from billing.accounts import selectors
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.insights import explain
from billing.insights.reasons import story
from billing.insights.sentences import sentences
from billing.insights.since import read_instant, read_since


class Command(BaseCommand):
    """Reads only."""

    help = "Say in words why the balance of an account is what it is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account, the time that is told of, and how."""
        parser.add_argument("account", help="The account's external id.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's account.")
        parser.add_argument(
            "--since",
            help="Tell from then on: 30d, 12h, a date or an instant; else since the "
            "wallet was empty last.",
        )
        parser.add_argument("--as-of", help="The balance of then, past or ahead; else of now.")
        parser.add_argument("--entries", action="store_true", help="Each entry as a sentence, too.")
        parser.add_argument("--language", default="en", help="en or zh-hans.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the answer, the sum, what comes; with --entries what led there before that."""
        account = selectors.find_account(options["account"], is_sandbox=options["sandbox"])
        if account is None:
            raise CommandError(f"There is no account {options['account']}.")
        try:
            since = options["since"] and read_since(options["since"], now=timezone.now())
            as_of = options["as_of"] and read_instant(options["as_of"])
        except ValueError as wrong:
            raise CommandError(str(wrong)) from wrong
        with translation.override(options["language"]):
            self._explain(account, since or None, as_of or None, options)

    def _explain(
        self,
        account: Account,
        since: datetime | None,
        as_of: datetime | None,
        options: dict[str, Any],
    ) -> None:
        try:
            told = story(account, as_of=as_of, since=since)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        if told is None:
            self.stdout.write(explain.nothing(account.external_id))
            return
        if options["json"]:
            self.stdout.write(json.dumps(explain.document(told), ensure_ascii=False))
            return
        if options["entries"]:
            for line in sentences(account, since=since, until=as_of):
                self.stdout.write(line)
        for section in explain.sections(told):
            for entry in section.lines:
                self.stdout.write(str(entry))
