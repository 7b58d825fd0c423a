"""Prints the contract as one OpenAPI document."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import translation

from billing.http import openapi


class Command(BaseCommand):
    """`manage.py export_openapi`: the document alone on the last line of standard output."""

    help = "Prints the OpenAPI document; the same code gives the same bytes."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a file to write to, for people who want to read it."""
        parser.add_argument("--output", type=Path, help="write it there, indented, instead")
        parser.add_argument("--json", action="store_true", help="the default; for symmetry")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Print or write the document, in English whatever the operator speaks."""
        with translation.override("en"):
            document = openapi.document()
        output: Path | None = options["output"]
        if output is None:
            self.stdout.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        else:
            text = json.dumps(document, ensure_ascii=False, indent=2)
            output.write_text(f"{text}\n", encoding="utf-8")
