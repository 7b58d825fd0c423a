"""`run_due [--at TIME]`: every sweep once, now; what the scheduler does every few seconds."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing.corrections import services as corrections
from billing.jobs import services as jobs
from billing.ledger import services as ledger
from billing.notices import services as notices
from billing.organizations import services as organizations
from billing.outbox import services as outbox
from billing.packs import services as packs
from billing.partners import services as partners
from billing.payments import services as payments
from billing.sandbox import services as sandbox
from billing.subscriptions import services as subscriptions
from billing.topups import services as topups
from billing.webhooks import services as webhooks
from plans import selectors as plans


class Command(BaseCommand):
    """A repeat does no harm."""

    help = "Run every sweep once, as of now or of another instant."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an instant."""
        parser.add_argument(
            "--at", help="RFC 3339 instant that counts as now; wallets keep the database's clock."
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what each sweep looked at."""
        now = timezone.now()
        if options["at"]:
            try:
                at = parse_datetime(options["at"])
            except ValueError:
                at = None
            if at is None or at.tzinfo is None:
                raise CommandError("--at is an instant with offset: 2026-11-23T12:00:00Z.")
            now = at
        self.stdout.write(f"partitions made: {ledger.make_partitions()}")
        catalog, settled = plans.current().catalog, 0
        while found := ledger.settle_due(catalog=catalog):
            settled += found
        self.stdout.write(f"wallets settled: {settled}")
        self.stdout.write(f"packs activated: {_all(packs.activate_due, now)}")
        self.stdout.write(f"rewards and referrals looked after: {_all(partners.sweep, now)}")
        self.stdout.write(f"subscriptions looked after: {_all(subscriptions.sweep, now)}")
        collected = 0
        while found := organizations.collect_due():
            collected += found
        self.stdout.write(f"allotments collected: {collected}")
        self.stdout.write(f"corrections looked after: {_all(corrections.sweep, now)}")
        self.stdout.write(f"clocks called for: {sandbox.sweep(now=now)}")
        self.stdout.write(f"jobs looked after: {jobs.sweep(now=now)}")
        self.stdout.write(f"files looked after: {jobs.sweep_files(now=now)}")
        self.stdout.write(f"payments looked after: {payments.sweep(now=now)}")
        self.stdout.write(f"webhooks looked after: {webhooks.sweep(now=now)}")
        self.stdout.write(f"contracts looked after: {payments.look_after(now=now)}")
        self.stdout.write(f"reminders written: {payments.remind(now=now)}")
        self.stdout.write(f"top-ups looked after: {topups.sweep(now=now)}")
        self.stdout.write(f"letters looked after: {notices.sweep(now=now)}")
        self.stdout.write(f"messages rung: {outbox.ring_due(now=now)}")


def _all(sweep: Callable[..., int], now: datetime) -> int:
    """Sweep batch after batch until nothing is left to do."""
    total = 0
    while found := sweep(now=now):
        total += found
    return total
