"""Publishes a catalog file, or shows what publishing it would change."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from plans import selectors
from plans.catalog import publish
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, NoCatalog


class Command(BaseCommand):
    """`load_catalog FILE [--dry-run]`: the last line of the output is the version's id."""

    help = "Publish a catalog file; the same content again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, and whether to publish it."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="Show the changes only.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the changes and whom they touch; then publish, unless it is a dry run."""
        try:
            loaded = publish.read(options["file"])
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        for line in self._changes(loaded.catalog):
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write(_("Nothing was published: this was a dry run."))
            return
        version = publish.publish(loaded.source, now=timezone.now())
        self.stdout.write(_("In force: %(version)s") % {"version": version})
        self.stdout.write(version.pk)

    def _changes(self, new: Catalog) -> list[str]:
        try:
            old = selectors.current().catalog
        except NoCatalog:
            old = None
        changes = publish.diff(old, new)
        if not changes:
            return [_("No changes: this content is in force already.")]
        touched = [line for assess in publish.ASSESSORS for line in assess(old, new)]
        return [*changes, *touched]
