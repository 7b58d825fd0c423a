"""Writes what is made from the schema of catalogs: the reference for people, one for editors."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from plans.catalog import editor_schema, reference

FOLDER: Final = Path(__file__).resolve().parents[3] / "docs"


class Command(BaseCommand):
    """`export_catalog_docs [--check]`: docs/catalog.md below its mark, and catalog.schema.json."""

    help = "Write the reference of catalog files and their JSON Schema; needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to compare only, and another folder."""
        parser.add_argument("--check", action="store_true", help="Write nothing; 1 when stale.")
        parser.add_argument("--folder", type=Path, default=FOLDER, help="Instead of docs/.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Write both files, or refuse when they are not what the code says."""
        guide: Path = options["folder"] / "catalog.md"
        schema = json.dumps(editor_schema.schema(), ensure_ascii=False, indent=1)
        made = {
            guide: reference.renewed(guide.read_text(encoding="utf-8")),
            options["folder"] / "catalog.schema.json": f"{schema}\n",
        }
        stale = [
            path
            for path, text in made.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
        if options["check"] and stale:
            raise CommandError(
                _("Not what the code says: %(files)s. Call ./run manage export_catalog_docs.")
                % {"files": ", ".join(path.name for path in stale)}
            )
        for path in stale:
            path.write_text(made[path], encoding="utf-8")
            self.stdout.write(_("Written: %(file)s") % {"file": path.name})
