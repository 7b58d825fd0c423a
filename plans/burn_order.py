"""Which grant is spent first: the catalog's list of keys, made into a sort key. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from plans.wording import gettext as _

# No grant carries a later instant, so what never expires comes last.
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_SOURCES: Final = "source:"

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

    @property
    def scope(self) -> Mapping[str, object]:
        """Which orders it pays, by dimension; empty: all."""

    @property
    def is_bought(self) -> bool:
        """Whether money was paid for it."""

    @property
    def available_micros(self) -> int:
        """What is left of it to spend."""


_READERS: Final[Mapping[str, Callable[[Burnable], int | datetime]]] = {
    "priority": lambda grant: grant.priority,
    "expires_at": lambda grant: grant.expires_at or _NEVER,
    "effective_at": lambda grant: grant.effective_at,
    "scope": lambda grant: -len(grant.scope),
    "free_first": lambda grant: int(grant.is_bought),
    "amount": lambda grant: grant.available_micros,
}


def check_key(key: str) -> None:
    """Raise ValueError unless `key` is one that `rank` understands."""
    if key in _READERS:
        return
    if key.startswith(_SOURCES):
        names = key.removeprefix(_SOURCES).split(",")
        if all(names) and len(set(names)) == len(names):
            return
    raise ValueError(
        _("must be %(keys)s or source:first,second,third.") % {"keys": ", ".join(_READERS)}
    )


def rank(keys: Sequence[str]) -> Callable[[Burnable], Rank]:
    """Return the sort key by which grants are spent; the grant's id decides what is left.

    Lower priority first, earlier expiry first and never last, older first; the narrower scope
    first (by the dimensions that it names) and grants for all orders last; the smallest rest
    first; what was given before what was bought; of sources the listed ones in their order,
    then all others.
    """
    readers = [_reader(key) for key in keys]

    def place(grant: Burnable) -> Rank:
        return (*(read(grant) for read in readers), grant.id)

    return place


def _reader(key: str) -> Callable[[Burnable], int | datetime]:
    check_key(key)
    if key in _READERS:
        return _READERS[key]
    places = {name: place for place, name in enumerate(key.removeprefix(_SOURCES).split(","))}
    return lambda grant: places.get(grant.source, len(places))
