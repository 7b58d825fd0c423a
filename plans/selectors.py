"""What is for sale now, and what was when something was sold."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache

from plans.catalog.schema import Catalog
from plans.errors import NoCatalog
from plans.models import CatalogVersion, Publication
from plans.wording import gettext as _


@dataclass(frozen=True)
class Published:
    """A catalog and the name of the version that it is."""

    version_id: str
    catalog: Catalog


def current() -> Published:
    """Return the catalog in force; one small query, the catalog itself is kept by the process.

    Raises:
        NoCatalog: nothing was published yet.
    """
    newest = Publication.objects.order_by("-sequence").values_list("version_id", flat=True).first()
    if newest is None:
        raise NoCatalog(_("No catalog is published yet; an operator must run load_catalog."))
    return version(newest)


def version(version_id: str) -> Published:
    """Return a version, in force or not; what was sold keeps the terms it was sold with.

    Raises:
        NoCatalog: there is no such version.
    """
    return Published(version_id, _catalog(version_id))


@lru_cache(maxsize=64)
def _catalog(version_id: str) -> Catalog:
    """Versions never change, so a copy in the process is never stale."""
    source = CatalogVersion.objects.filter(pk=version_id).values_list("source", flat=True).first()
    if source is None:
        raise NoCatalog(_("There is no catalog version %(id)s.") % {"id": version_id})
    return Catalog.model_validate(tomllib.loads(source))
