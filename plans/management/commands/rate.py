"""Prices one order by a catalog file, without a database: for those who write catalogs."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from plans import orders, rating
from plans.catalog import loader
from plans.credits import format_micros
from plans.errors import CatalogInvalid, InvalidSpec, Unpriced


class Command(BaseCommand):
    """`rate CATALOG_FILE SPEC_JSON`: the last line is `{"total", "unit", "lines"}`."""

    help = "Price one order, given as a flat JSON object of dimensions, by a catalog file."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file and the order."""
        parser.add_argument("file", type=Path)
        parser.add_argument("spec", help='such as {"model": "kling-v1-6", "seconds": 5}')

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the price alone on the last line; refuse in one sentence on standard error."""
        try:
            catalog = loader.load(options["file"])
            order = orders.read_order(catalog, _spec(options["spec"]))
            price = rating.rate(catalog, order.dimensions)
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        except InvalidSpec as refusal:
            raise CommandError(" ".join(error["detail"] for error in refusal.errors)) from refusal
        except Unpriced as refusal:
            raise CommandError(refusal.message) from refusal
        answer = {
            "total": format_micros(price.total_micros),
            "unit": catalog.credit.name.said(),
            "lines": [
                {"label": line.label, "credits": format_micros(line.micros)} for line in price.lines
            ],
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False))


def _spec(text: str) -> dict[str, object]:
    try:
        spec = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise CommandError(_("The order is not JSON: %(why)s.") % {"why": error}) from error
    if not isinstance(spec, dict):
        raise CommandError(_("The order must be a JSON object of dimensions."))
    return spec


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(_("a key stands twice"))
    return dict(pairs)


def _refuse(word: str) -> NoReturn:
    raise ValueError(_("%(word)s is no number") % {"word": word})
