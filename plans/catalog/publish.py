"""The only module that writes catalogs: published ones stay as they were, for ever."""

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from plans.catalog import loader
from plans.catalog.diff import diff
from plans.catalog.loader import Loaded
from plans.catalog.schema import Catalog
from plans.models import CatalogVersion, Publication

__all__ = ["ASSESSORS", "Assessor", "diff", "publish", "read"]

# An assessor says whom a change touches, line by line; the old catalog is None at first.
# `plans` knows no account: whoever does adds an assessor when it starts.
Assessor = Callable[[Catalog | None, Catalog], list[str]]
ASSESSORS: Final[list[Assessor]] = []

# Publishers of one database take turns: "plans" in ASCII, as the key of an advisory lock.
_TURN: Final = 0x706C616E73
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def read(catalog: str | Path) -> Loaded:
    """Return what a file (a Path) or a TOML text (a str) says.

    Raises:
        CatalogInvalid: with every problem, each with its line.
    """
    return loader.read_file(catalog) if isinstance(catalog, Path) else loader.read_text(catalog)


@transaction.atomic(durable=True)
def publish(catalog: str | Path, *, now: datetime) -> CatalogVersion:
    """Put a file (a Path) or TOML text (a str) in force; a repeat changes nothing.

    A content that was published before keeps its version: publishing it again after another
    brings that same version back in force.

    Raises:
        CatalogInvalid: nothing was published.
    """
    loaded = read(catalog)
    _take_turns()
    version = CatalogVersion.objects.filter(digest=loaded.digest).first()
    if version is None:
        version = _new_version(loaded, now)
    newest = Publication.objects.order_by("-sequence").first()
    if newest is None or newest.version_id != version.pk:
        Publication.objects.create(version=version, published_at=now)
    return version


def _take_turns() -> None:
    """Wait for another publisher; what is read from here on includes what it wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def _new_version(loaded: Loaded, now: datetime) -> CatalogVersion:
    slug = loaded.catalog.slug
    last = CatalogVersion.objects.filter(slug=slug).order_by("-number").first()
    return CatalogVersion.objects.create(
        id=_new_id(now),
        slug=slug,
        number=1 if last is None else last.number + 1,
        digest=loaded.digest,
        source=loaded.source,
        document=loaded.document,
        published_at=now,
    )


def _new_id(now: datetime) -> str:
    """Return an id as `billing.ids` makes them; `plans` stands below it and cannot ask it."""
    number = (int(now.timestamp() * 1000) << 125) | secrets.randbits(125)
    return "cat_" + "".join(
        _ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(35))
    )
