"""The only module that writes catalogs: published ones stay as they were, for ever."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import connection, transaction

from plans.catalog import loader
from plans.catalog.diff import diff
from plans.catalog.loader import Loaded
from plans.catalog.schema import Catalog
from plans.errors import NotScheduled
from plans.ids import id_of
from plans.models import CatalogVersion, Publication, Withdrawal
from plans.wording import gettext as _

__all__ = [
    "ASSESSORS",
    "Assessor",
    "Change",
    "Touched",
    "announce",
    "diff",
    "in_force",
    "publish",
    "publish_first",
    "read",
    "schedule",
    "take_back",
    "take_turns",
    "touched",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Change:
    """The step from one catalog to another.

    Attributes:
        old: what is in force when the new one begins; None at first.
        at: when the new one begins.
        now: when this is asked.
    """

    old: Catalog | None
    new: Catalog
    at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Touched:
    """One account that a new catalog touches, and one thing that changes for it.

    Attributes:
        account: its external id.
        subscription: the id of the one that is touched; "" where it is not about one.
        plan: the code of the plan that it is on; "" for none.
        kind: a stable word for what changes: "price", "model_retired" and so on.
        before, after: what is so now, and what will be.
    """

    account: str
    subscription: str
    plan: str
    kind: str
    before: str
    after: str


# An assessor yields whom a change touches, one row after the other: there may be millions.
# `plans` knows no account: whoever does adds an assessor when it starts.
Assessor = Callable[[Change], Iterable[Touched]]
ASSESSORS: Final[list[Assessor]] = []

# Publishers of one database take turns: "plans" in ASCII, as the key of an advisory lock.
_TURN: Final = 0x706C616E73


def read(catalog: str | Path) -> Loaded:
    """Return what a file (a Path) or a TOML text (a str) says.

    Raises:
        CatalogInvalid: with every problem, each with its line.
    """
    return loader.read_file(catalog) if isinstance(catalog, Path) else loader.read_text(catalog)


def touched(change: Change) -> Iterator[Touched]:
    """Yield every account and subscription that the change touches."""
    for assess in ASSESSORS:
        yield from assess(change)


@transaction.atomic(durable=True)
def publish(catalog: str | Path, *, now: datetime) -> CatalogVersion:
    """Put a file (a Path) or TOML text (a str) in force at once; a repeat changes nothing.

    A content that was published before keeps its version: publishing it again after another
    brings that same version back in force. What is announced for later still begins then.

    Raises:
        CatalogInvalid: nothing was published.
    """
    loaded = read(catalog)
    take_turns()
    return _put_in_force(loaded, now)


@transaction.atomic(durable=True)
def publish_first(catalog: str | Path, *, now: datetime) -> CatalogVersion | None:
    """Put a file or text in force where none is and none is announced; None: nothing changed.

    What starts by itself publishes by this: a restart must not bring back the prices of its file
    over those that somebody published since. The file of a later start is not even read.

    Raises:
        CatalogInvalid: nothing was published.
    """
    take_turns()
    if Publication.objects.filter(withdrawal=None).exists():
        return None
    return _put_in_force(read(catalog), now)


def _put_in_force(loaded: Loaded, now: datetime) -> CatalogVersion:
    """Return the version of that content, which is in force from here on; this has the turn."""
    instant = _database_now()
    version = _version(loaded, now)
    latest = in_force(instant)
    if latest is None or latest.version_id != version.pk:
        # A publisher whose clock is behind comes after those whose turn was before; one whose
        # clock is ahead does not put off what shall hold at once.
        published_at = min(now, instant)
        Publication.objects.create(
            version=version,
            published_at=published_at,
            effective_at=published_at if latest is None else max(published_at, latest.effective_at),
        )
    return version


@transaction.atomic(durable=True)
def schedule(catalog: str | Path, *, at: datetime, now: datetime) -> Publication:
    """Announce a file or text: it will be in force from `at` on. A repeat changes nothing.

    Nothing changes either where the same content is in force at that instant anyway. Returns
    the publication that stands for it.

    Raises:
        CatalogInvalid, NotScheduled: nothing was announced; the instant is over.
    """
    return announce(read(catalog), at=at, now=now)


def announce(loaded: Loaded, *, at: datetime, now: datetime) -> Publication:
    """As `schedule`, as a step of a transaction that does more: who decides, and who is told.

    Raises:
        NotScheduled: nothing was announced; the instant is over.
    """
    take_turns()
    instant = _database_now()
    if at <= instant:
        raise NotScheduled(_("%(at)s is over; publish it at once instead.") % {"at": at})
    version = _version(loaded, now)
    before = in_force(at)
    if before is not None and before.version_id == version.pk:
        return before
    return Publication.objects.create(
        version=version, published_at=min(now, instant), effective_at=at
    )


@transaction.atomic(durable=True)
def withdraw(sequence: int, *, now: datetime) -> Publication:
    """Take an announced publication back before it begins; a repeat changes nothing.

    Raises:
        NotScheduled: there is no such publication, or it has begun.
    """
    return take_back(sequence, now=now)


def take_back(sequence: int, *, now: datetime) -> Publication:
    """As `withdraw`, as a step of a transaction that does more.

    Raises:
        NotScheduled: there is no such publication, or it has begun.
    """
    take_turns()
    publication = Publication.objects.filter(pk=sequence).first()
    if publication is None:
        raise NotScheduled(_("There is no publication %(number)s.") % {"number": sequence})
    if Withdrawal.objects.filter(publication=publication).exists():
        return publication
    if publication.effective_at <= _database_now():
        raise NotScheduled(
            _("Publication %(number)s began at %(at)s; publish what shall hold instead.")
            % {"number": sequence, "at": publication.effective_at}
        )
    Withdrawal.objects.create(publication=publication, withdrawn_at=now)
    return publication


def take_turns() -> None:
    """Wait for another publisher; what is read from here on includes what it wrote."""
    assert connection.in_atomic_block, "a turn lasts as long as a transaction"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])


def _database_now() -> datetime:
    """Return the database's instant: the clock by which `selectors.current` decides."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def in_force(at: datetime) -> Publication | None:
    """Return what will be in force at an instant, as far as is announced; None: nothing."""
    return (
        Publication.objects.filter(withdrawal=None, effective_at__lte=at)
        .order_by("-effective_at", "-sequence")
        .first()
    )


def _version(loaded: Loaded, now: datetime) -> CatalogVersion:
    """Return the version of that content; made here if nobody published it before."""
    known = CatalogVersion.objects.filter(digest=loaded.digest).first()
    return known or _new_version(loaded, now)


def _new_version(loaded: Loaded, now: datetime) -> CatalogVersion:
    slug = loaded.catalog.slug
    last = CatalogVersion.objects.filter(slug=slug).order_by("-number").first()
    return CatalogVersion.objects.create(
        id=id_of("cat", int(now.timestamp() * 1000)),
        slug=slug,
        number=1 if last is None else last.number + 1,
        digest=loaded.digest,
        source=loaded.source,
        document=loaded.document,
        published_at=now,
    )
