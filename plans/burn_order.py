"""Which grant is spent first: the catalog's list of keys, made into a sort key. Pure."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

_PLAIN: Final = ("priority", "expires_at", "effective_at")
_SOURCES: Final = "source:"
# No grant carries a later instant, so what never expires comes last.
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

Rank = tuple[int | str | datetime, ...]


class Burnable(Protocol):
    """What the order looks at in a grant."""

    @property
    def id(self) -> str:
        """The grant's name: the last key, so that two orders never differ."""

    @property
    def source(self) -> str:
        """Where the credits came from, in the catalog's words."""

    @property
    def priority(self) -> int:
        """The catalog's number; lower is spent first."""

    @property
    def expires_at(self) -> datetime | None:
        """The instant from which the grant cannot be spent; None is never."""

    @property
    def effective_at(self) -> datetime:
        """The instant from which the grant can be spent."""


def check_key(key: str) -> None:
    """Raise ValueError unless `key` is one that `rank` understands."""
    if key in _PLAIN:
        return
    if key.startswith(_SOURCES):
        names = key.removeprefix(_SOURCES).split(",")
        if all(names) and len(set(names)) == len(names):
            return
    raise ValueError("must be priority, expires_at, effective_at or source:first,second,third.")


def rank(keys: Sequence[str]) -> Callable[[Burnable], Rank]:
    """Return the sort key by which grants are spent; the grant's id decides what is left.

    Lower priority first, earlier expiry first and never last, older first; of sources the
    listed ones in their order, then all others.
    """
    readers = [_reader(key) for key in keys]

    def place(grant: Burnable) -> Rank:
        return (*(read(grant) for read in readers), grant.id)

    return place


def _reader(key: str) -> Callable[[Burnable], int | datetime]:
    check_key(key)
    if key == "priority":
        return lambda grant: grant.priority
    if key == "expires_at":
        return lambda grant: grant.expires_at or _NEVER
    if key == "effective_at":
        return lambda grant: grant.effective_at
    places = {name: place for place, name in enumerate(key.removeprefix(_SOURCES).split(","))}
    return lambda grant: places.get(grant.source, len(places))
