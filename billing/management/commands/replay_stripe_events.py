"""`replay_stripe_events [--all-unapplied] [--since 3d] [--id evt_…] [--fetch]`: look once more.

What is applied is what Stripe has now, so a replay changes nothing that is right already. Ends
with 0 when all were applied, with 1 when one could not be.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.insights.since import read_since
from billing.payments import selectors, services
from billing.payments.gateway import StripeAway


class Command(BaseCommand):
    """A repeat does no harm."""

    help = "Apply events of Stripe again: chosen ones, those of a time, or all that failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which events."""
        parser.add_argument("--id", action="append", default=[], help="An event; may be repeated.")
        parser.add_argument("--since", help="All that came since: 3d, 12h, an instant or a date.")
        parser.add_argument(
            "--all-unapplied", action="store_true", help="All that were never applied."
        )
        parser.add_argument(
            "--fetch", action="store_true", help="First ask Stripe for what never came."
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print how many were applied, and why one was not."""
        now = timezone.now()
        since = None
        if options["since"]:
            try:
                since = read_since(options["since"], now=now)
            except ValueError as wrong:
                raise CommandError(str(wrong)) from wrong
        if not (options["id"] or since or options["all_unapplied"] or options["fetch"]):
            raise CommandError("Say which: --id, --since, --all-unapplied or --fetch.")
        if options["fetch"]:
            try:
                missed = services.fetch_missed(now=now, since=since)
            except StripeAway as away:
                raise CommandError(f"Stripe: {away}") from None
            self.stdout.write(f"fetched: {missed}")
        chosen = selectors.chosen_events(
            ids=options["id"], since=since, is_unapplied=options["all_unapplied"]
        )
        failed = services.replay(event_ids=chosen, now=now)
        for event_id, why in failed.items():
            self.stderr.write(f"{event_id}: {why}")
        self.stdout.write(f"applied: {len(chosen) - len(failed)}")
        if failed:
            raise CommandError(f"{len(failed)} could not be applied.", returncode=1)
