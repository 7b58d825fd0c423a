"""Prices one order by a catalog file, without a database: for those who write catalogs."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from plans import orders, rating
from plans.catalog import loader
from plans.catalog.policies import CONTEXT, Book
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.credits import format_micros
from plans.errors import CatalogInvalid, InvalidSpec, Unpriced
from plans.rating import Price


class Command(BaseCommand):
    """`rate CATALOG_FILE SPEC_JSON`: the last line is `{"total", "unit", "lines"}`.

    Beside dimensions the order may say what is known of its account: `plan` (else the free one),
    `surface` (else the file's first), `region` and `currency` (else any), `book`, and
    `month_count` (else 0). Without a book each that fits is tried, in the order of the file,
    until one prices the order. Whether the plan allows the order is not looked at: this is the
    price alone.

    Where a catalog does not round, `total` is exact, its lines are whole millionths, and
    `charged` is what is taken: the total rounded up to a millionth.
    """

    help = (
        "Price one order, given as a flat JSON object of dimensions, by a catalog file. "
        "Whether the plan allows it is not looked at."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, the order, and when it is placed."""
        parser.add_argument("file", type=Path)
        parser.add_argument("spec", help='such as {"model": "kling-v1-6", "seconds": 5}')
        parser.add_argument(
            "--at", type=_instant, help="when it is placed: 2026-07-29T09:00:00+08:00; now"
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the price alone on the last line; refuse in one sentence on standard error."""
        try:
            catalog = loader.load(options["file"])
            price, book = _priced(catalog, _spec(options["spec"]), options["at"] or timezone.now())
        except CatalogInvalid as invalid:
            raise CommandError(str(invalid)) from invalid
        except InvalidSpec as refusal:
            raise CommandError(" ".join(error["detail"] for error in refusal.errors)) from refusal
        except Unpriced as refusal:
            raise CommandError(refusal.message) from refusal
        exact = catalog.credit.rounding == "none"
        answer = {
            "total": rating.exact_text(price) if exact else format_micros(price.total_micros),
            "unit": (book.unit if book and book.unit else catalog.credit.name).said(),
            "lines": [
                {"label": line.label, "credits": format_micros(line.micros)} for line in price.lines
            ],
        }
        if exact and price.exact_micros != price.total_micros:
            answer["charged"] = format_micros(price.total_micros)
        if price.list_micros != price.total_micros:
            answer["list"] = format_micros(price.list_micros)
        self.stdout.write(json.dumps(answer, ensure_ascii=False))


def _priced(
    catalog: Catalog, spec: Mapping[str, object], at: datetime
) -> tuple[Price, Book | None]:
    """Return the price of an order, and the book that it is of; the first that prices it.

    Raises:
        InvalidSpec, Unpriced: as the order or the first book says.
    """
    spec = orders.translated(catalog, spec)
    context = _context(catalog, spec)
    spec = {name: value for name, value in spec.items() if name not in CONTEXT}
    dimensions = orders.read_order(catalog, spec).dimensions
    refusal: Unpriced | None = None
    for book in _books(catalog, context):
        code = {"book": book.code} if book is not None else {}
        try:
            return rating.rate(catalog, {**dimensions, **context, **code}, at=at), book
        except Unpriced as unpriced:
            refusal = refusal or unpriced
    assert refusal is not None, "there is at least one try"
    raise refusal


def _context(catalog: Catalog, spec: Mapping[str, object]) -> dict[str, Scalar]:
    """Return what the order says of its account; a surface is the catalog's first by default.

    Raises:
        InvalidSpec: it names what the catalog does not have.
    """
    found: dict[str, Scalar] = {"surface": catalog.surfaces[0], "month_count": 0}
    if catalog.free_plan is not None:
        found["plan"] = catalog.free_plan.code
    known = {
        "plan": [plan.code for plan in catalog.plans],
        "surface": list(catalog.surfaces),
        "book": [book.code for book in catalog.books],
        "region": [region for book in catalog.books for region in book.regions],
        "currency": [currency for book in catalog.books for currency in book.currencies],
    }
    for name in CONTEXT:
        value = spec.get(name)
        if value is None:
            continue
        whole = type(value) is int and value >= 0
        fits = whole if name == "month_count" else value in known[name]
        if not fits or not isinstance(value, (str, int)):
            choices = ", ".join(known.get(name, ["0, 1, 2, …"]))
            detail = _("%(name)s must be one of %(known)s.") % {"name": name, "known": choices}
            if not choices:
                detail = _("No book of this catalog names a %(name)s; leave it out.")
                detail %= {"name": name}
            raise InvalidSpec([{"pointer": f"/{name}", "code": "not_allowed", "detail": detail}])
        found[name] = value
    return found


def _books(catalog: Catalog, context: Mapping[str, Scalar]) -> Iterator[Book | None]:
    """Yield the books that an account of this context may pay by; None where there are none."""
    region, currency = context.get("region"), context.get("currency")
    tried = False
    for book in catalog.books:
        if context.get("book", book.code) == book.code and book.fits(
            region=None if region is None else str(region),
            currency=None if currency is None else str(currency),
        ):
            tried = True
            yield book
    if not tried:
        yield None


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            _("must be an instant with its offset, such as 2026-07-29T09:00:00+08:00.")
        ) from error
    if instant.tzinfo is None:
        example = instant.isoformat(timespec="seconds")
        raise ArgumentTypeError(
            _("lacks its offset: write %(example)s+08:00, for instance.") % {"example": example}
        )
    return instant


def _spec(text: str) -> dict[str, object]:
    try:
        # A number with decimal places is kept as it is written: no float touches a price.
        spec = json.loads(text, parse_float=str, parse_constant=_refuse, object_pairs_hook=_once)
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
