"""Reads catalog files as a critic: what is wrong, what is odd, and what to do about it."""

import json
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from plans.lint.reading import lint_file


class Command(BaseCommand):
    """`lint_catalog FILE... [--strict] [--json]`: ends with 1 when a file cannot be published."""

    help = "Say what is wrong or odd in catalog files; needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the files, and how strict to be."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--strict", action="store_true", help="End with 1 for hints as well.")
        parser.add_argument("--json", action="store_true", help="Print one JSON list instead.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print a line for each finding, and their number; refuse what cannot be published."""
        now = timezone.now()
        found = [one for path in options["files"] for one in lint_file(path, at=now)]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], ensure_ascii=False))
        else:
            for one in found:
                self.stdout.write(str(one))
        counted = Counter(one.severity for one in found)
        # Numbers after their words: no language needs a plural here.
        summary = _("Files: %(files)s. Problems: %(problems)s. Hints: %(hints)s.") % {
            "files": len(options["files"]),
            "problems": counted["problem"],
            "hints": counted["hint"],
        }
        if counted["problem"] or (options["strict"] and counted["hint"]):
            raise CommandError(summary)
        if not options["json"]:
            self.stdout.write(summary)
