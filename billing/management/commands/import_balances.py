"""`import_balances FILE`: the balances of another system become credits here, each once."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.imports import services
from billing.imports.errors import InvalidBalances
from billing.imports.form import COLUMNS
from billing.imports.services import Totals
from billing.management.acting import line_of
from plans.credits import format_micros


class Command(BaseCommand):
    """Shows what a file would bring, or brings it; a repeat goes on where the last run ended."""

    help = "Import balances of another system from a CSV file; the whole file, or nothing of it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and who imports it, and why."""
        parser.add_argument("file", type=Path, help=f"CSV with columns of: {', '.join(COLUMNS)}")
        parser.add_argument("--dry-run", action="store_true", help="only tell what it would bring")
        parser.add_argument("--sandbox", action="store_true", help="into the sandbox's accounts")
        parser.add_argument("--reason", help="why, and from where: it is written down")
        parser.add_argument("--as", dest="operator", help="the superuser who imports, by name")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print totals; after an import the last line compares its sum with the file's."""
        path: Path = options["file"]
        try:
            # What is no UTF-8 comes as surrogates, which no column takes: so it has its line.
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                if options["dry_run"]:
                    self._tell(services.survey(file, is_sandbox=options["sandbox"], now=_now()))
                    return
                if not options["reason"]:
                    raise CommandError("--reason says why, and from where; or take --dry-run.")
                with line_of("balanceimport.run", options) as line:
                    totals = services.bring(
                        file,
                        is_sandbox=options["sandbox"],
                        operator=line.operator,
                        act_id=line.pk,
                        say=self._progress(),
                        now=_now(),
                    )
        except InvalidBalances as refusal:
            flaws = "\n".join(f"{path}:{flaw}" for flaw in refusal.flaws)
            raise CommandError(f"{flaws}\nNothing was imported.") from None
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        except OSError as wrong:
            raise CommandError(f"{path}: {wrong}") from None
        self._tell(totals)
        said = format_micros(totals.all.amount_micros)
        self.stdout.write(f"Imported: {said} credits; the file says: {said}. They are the same.")

    def _tell(self, totals: Totals) -> None:
        self.stdout.write(
            f"Accounts: {totals.accounts_new} new, {totals.accounts_known} known. "
            f"Lines without credits, passed over: {totals.empty}."
        )
        for (source, currency), kind in sorted(totals.kinds.items()):
            paid = f", paid {format_micros(kind.paid_micros)} {currency}" if currency else ""
            self.stdout.write(
                f"{source}: {kind.lines} lines, {format_micros(kind.amount_micros)} credits{paid}"
            )
        self.stdout.write(
            f"All: {totals.all.lines} lines, {format_micros(totals.all.amount_micros)} credits; "
            f"there before: {totals.before.lines} lines, "
            f"{format_micros(totals.before.amount_micros)} credits; "
            f"to give: {format_micros(totals.left_micros)} credits"
        )

    def _progress(self) -> Callable[[int], None]:
        shown = time.monotonic()

        def say(lines: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= 5:  # noqa: PLR2004 (seconds; a person waits no longer)
                shown = time.monotonic()
                self.stderr.write(f"{lines} lines")

        return say


def _now() -> datetime:
    return timezone.now()
