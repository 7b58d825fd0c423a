"""`reconcile [--since 30d]`: whether jobs, holds, the ledger and Stripe say the same.

Ends with 0 when they do, with 1 when a row is named of which two sides say different things, and
with 2 when Stripe could not be asked.
"""

import json
from dataclasses import asdict
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from billing.insights import reconcile
from billing.insights.reconcile import Report
from billing.insights.since import read_since
from billing.management.reports import ReadingCommand
from billing.payments import gateway

_DRIFT: Final = 1
_NOT_COMPARED: Final = 2


class Command(ReadingCommand):
    """Reads only."""

    help = "Compare jobs, holds, the ledger and Stripe; name each row that they disagree on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the time that is looked at, and how to answer."""
        parser.add_argument("--since", default="30d", help="30d, 12h, or an instant or a date.")
        parser.add_argument("--language", default="en", help="en or zh-hans.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print each drift: which two sides, which row, what each says, and what would mend it."""
        now = timezone.now()
        try:
            since = read_since(options["since"], now=now)
        except ValueError as wrong:
            raise CommandError(str(wrong)) from wrong
        with translation.override(options["language"]):
            report = reconcile.run(since=since, now=now, gateway=gateway.configured())
            if options["json"]:
                self.stdout.write(json.dumps(_document(report), ensure_ascii=False))
            else:
                self._tell(report)
            if report.drifts:
                count = len(report.drifts)
                raise CommandError(
                    _("%(count)s rows are told in two ways.") % {"count": count}, returncode=_DRIFT
                )
            if report.stripe_away:
                raise CommandError(_("Stripe's side was not compared."), returncode=_NOT_COMPARED)

    def _tell(self, report: Report) -> None:
        for drift in report.drifts:
            self.stdout.write(str(drift))
        if not report.has_stripe:
            self.stdout.write(_("Stripe's side was not compared: STRIPE_SECRET_KEY is not set."))
        elif report.stripe_away:
            self.stdout.write(
                _("Stripe's side was not compared: %(why)s.") % {"why": report.stripe_away}
            )
        if not report.drifts:
            self.stdout.write(_("All that was compared says the same."))


def _document(report: Report) -> dict[str, Any]:
    compared = "compared" if report.has_stripe else "not configured"
    stripe = report.stripe_away or compared
    return {"drifts": [asdict(drift) for drift in report.drifts], "stripe": stripe}
