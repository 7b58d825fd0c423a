"""What is for sale now, what was when something was sold, and what is announced."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import QuerySet
from django.db.models.functions import Now

from plans.asking import Prepared, Question
from plans.catalog.schema import Catalog
from plans.errors import NoCatalog
from plans.models import CatalogVersion, Publication
from plans.wording import gettext as _


@dataclass(frozen=True)
class Published:
    """A catalog and the name of the version that it is."""

    version_id: str
    catalog: Catalog


def current(*, at: datetime | None = None) -> Published:
    """Return the catalog in force; one small query, the catalog itself is kept by the process.

    Args:
        at: in force at that instant, as far as is announced now; None is the database's now.

    Raises:
        NoCatalog: nothing was published, or nothing has begun yet.
    """
    for (latest,) in _in_force() if at is None else begun(at=at).values_list("version_id")[:1]:
        return version(latest)
    raise NoCatalog(_("No catalog is in force yet; an operator must run load_catalog."))


def begun(*, at: datetime | None = None) -> QuerySet[Publication]:
    """Return what has begun at `at` (None: by the database's now), the one in force first."""
    return Publication.objects.filter(
        withdrawal=None, effective_at__lte=Now() if at is None else at
    ).order_by("-effective_at", "-sequence")


def question() -> Question:
    """Return what `current` asks, for who asks ahead."""
    return _in_force.question()


_in_force = Prepared(lambda: begun().values_list("version_id")[:1])


def scheduled() -> Sequence[Publication]:
    """Return the publications that will begin, the soonest first; none that was withdrawn."""
    return list(
        Publication.objects.filter(withdrawal=None, effective_at__gt=Now())
        .select_related("version")
        .defer("version__source", "version__document")
        .order_by("effective_at", "sequence")
    )


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
