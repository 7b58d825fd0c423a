"""Takes an announced catalog back before it begins."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from plans.catalog import publish
from plans.errors import DomainError


class Command(BaseCommand):
    """`withdraw_catalog NUMBER`, as `load_catalog --scheduled` lists it."""

    help = "Take an announced catalog back; one that has begun stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the publication's number."""
        parser.add_argument("number", type=int)

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Withdraw it; a repeat changes nothing."""
        try:
            publication = publish.withdraw(options["number"], now=timezone.now())
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(
            _("Withdrawn: %(version)s from %(at)s on")
            % {"version": publication.version, "at": publication.effective_at.isoformat()}
        )
