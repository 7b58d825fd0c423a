"""Publishes a catalog file now or later, or shows what that would change, and for whom."""

import csv
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import astuple, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from plans import selectors
from plans.catalog import publish
from plans.catalog.publish import Change, Touched
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, DomainError, NoCatalog
from plans.models import CatalogVersion

_SHOWN: Final = 20
_COLUMNS: Final = [field.name for field in fields(Touched)]


class Command(BaseCommand):
    """`load_catalog FILE [--at INSTANT] [--dry-run] [--touched FILE.csv]`, or `FILE --if-none`.

    The last line of the output is the id of the version that was published.
    """

    help = "Publish a catalog file, now or at an instant; the same again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, when it begins, and what to show."""
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--at", help="When it begins: 2026-07-29T09:00:00+08:00. Default: now.")
        parser.add_argument("--dry-run", action="store_true", help="Show the changes only.")
        parser.add_argument("--touched", type=Path, help="Write everyone it touches there (CSV).")
        parser.add_argument("--scheduled", action="store_true", help="List what is announced.")
        parser.add_argument(
            "--if-none",
            action="store_true",
            help="Publish only where nothing is in force or announced: a start does.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the changes and whom they touch; then publish, unless it is a dry run."""
        if options["scheduled"]:
            self._list()
            return
        if options["file"] is None:
            raise CommandError(_("Name the file, or ask for what is announced by --scheduled."))
        now = timezone.now()
        if options["if_none"]:
            self._publish_first(options, now)
            return
        at = _instant(options["at"])
        try:
            loaded = publish.read(options["file"])
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        change = Change(_old(at), loaded.catalog, at=at or now, now=now)
        self._show(change, options["touched"])
        if options["dry_run"]:
            self.stdout.write(_("Nothing was published: this was a dry run."))
            return
        try:
            version = self._publish(loaded.source, at=at, now=now)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self._list()
        self.stdout.write(version.pk)

    def _publish_first(self, options: dict[str, Any], now: datetime) -> None:
        if options["at"] or options["dry_run"] or options["touched"]:
            raise CommandError(_("--if-none publishes at once or not at all: leave out the rest."))
        try:
            version = publish.publish_first(options["file"], now=now)
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        if version is None:
            self.stdout.write(_("Nothing was published: a catalog is in force or announced."))
            return
        self.stdout.write(_("In force: %(version)s") % {"version": version})
        self.stdout.write(version.pk)

    def _publish(self, source: str, *, at: datetime | None, now: datetime) -> CatalogVersion:
        if at is None:
            version = publish.publish(source, now=now)
            self.stdout.write(_("In force: %(version)s") % {"version": version})
            return version
        version = publish.schedule(source, at=at, now=now).version
        self.stdout.write(
            _("In force from %(at)s on: %(version)s") % {"at": at.isoformat(), "version": version}
        )
        return version

    def _list(self) -> None:
        """Print what is announced, with the number by which it can be withdrawn."""
        for one in selectors.scheduled():
            self.stdout.write(
                _("Announced: %(version)s from %(at)s on (withdraw_catalog %(number)s)")
                % {
                    "version": one.version,
                    "at": one.effective_at.isoformat(),
                    "number": one.sequence,
                }
            )

    def _show(self, change: Change, path: Path | None) -> None:
        lines = publish.diff(change.old, change.new)
        if not lines:
            self.stdout.write(_("No changes: this content is in force already."))
        for line in lines:
            self.stdout.write(line)
        rows = publish.touched(change) if lines else iter(())
        counts, first = Counter[str](), list[Touched]()
        with ExitStack() as stack:
            if path is not None:
                rows = _written(rows, path, stack)
            for row in rows:
                counts[row.kind] += 1
                if len(first) < _SHOWN:
                    first.append(row)
        for row in first:
            self.stdout.write(_line(row))
        if (more := counts.total() - len(first)) > 0:
            self.stdout.write(_("… and %(more)s more (--touched FILE.csv).") % {"more": more})
        for kind, count in sorted(counts.items()):
            self.stdout.write(_("Touched: %(count)s * %(kind)s") % {"count": count, "kind": kind})


def _old(at: datetime | None) -> Catalog | None:
    try:
        return selectors.current(at=at).catalog
    except NoCatalog:
        return None


def _instant(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError(
            _("--at is an instant with its offset, such as 2026-07-29T09:00:00+08:00.")
        )
    return instant


def _line(row: Touched) -> str:
    plan = f" [{row.plan}]" if row.plan else ""
    return f"@ {row.account}{plan} {row.kind}: {row.before} → {row.after}"


def _written(rows: Iterator[Touched], path: Path, stack: ExitStack) -> Iterator[Touched]:
    """Yield the rows, each written to the file on its way: never all of them in memory."""
    try:
        file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_safe(value) for value in astuple(row)])
        yield row


def _safe(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: names come from outside."""
    return f"'{value}" if value[:1] in set("=+-@\t\r") else value
