"""Reports are read from a standby where there is one, and say as of when.

Nothing that decides about money reads it: a standby is always a little in the past. Within
`reading` every statement goes to it, and it refuses to write: whoever forgot so is told by the
database. Where it is away, or follows nobody, reports are read where everything is.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from billing.transactions import forbid_transaction

ALIAS: Final = "reports"
# The workers' heartbeat leaves a mark every five seconds, so that silence is no age.
BEHIND_SECONDS: Final = 60
_AS_OF: Final = """
    SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp(),
        extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::bigint
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a report was read.

    Attributes:
        as_of: all that was committed until then is in it; None: it was read where everything is.
        age_seconds: how long ago that was when reading began.
        is_away: whether there should be a standby that could be read.
    """

    as_of: datetime | None = None
    age_seconds: int = 0
    is_away: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether it is so old that somebody should look at it."""
        return self.age_seconds > BEHIND_SECONDS

    def __str__(self) -> str:
        if self.is_away:
            return str(_("The replica is away: this was read from the primary."))
        if self.as_of is None:
            return ""
        said = {"instant": f"{self.as_of:%Y-%m-%d %H:%M:%S} UTC", "seconds": self.age_seconds}
        return str(_("Read from the replica, as of %(instant)s (%(seconds)s s ago).") % said)


def is_there() -> bool:
    """Say whether a standby was named at all."""
    return ALIAS in connections.settings


@contextmanager
def reading() -> Iterator[Reading]:
    """Have each statement of the block read the standby, if it can be read.

    The default connection of this thread is another one meanwhile, so that no query can be
    forgotten, whoever makes it and however.
    """
    forbid_transaction("replica.reading")
    found = look()
    if found.as_of is None:
        yield found
        return
    primary = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = connections[ALIAS]
    try:
        yield found
    finally:
        connections[DEFAULT_DB_ALIAS] = primary


def look() -> Reading:
    """Return how far the standby is."""
    if not is_there():
        return Reading()
    try:
        return _asked(connections[ALIAS])
    except Error as problem:
        _log.warning("replica_is_away", exc_info=problem)
        connections[ALIAS].close()
        return Reading(is_away=True)


def _asked(standby: BaseDatabaseWrapper) -> Reading:
    with standby.cursor() as cursor:
        cursor.execute(_AS_OF)
        follows, as_of, age_seconds = cursor.fetchone()
    if not follows or as_of is None:  # promoted by somebody: what it has may be nobody's truth
        _log.warning("replica_is_away", extra={"follows": follows})
        return Reading(is_away=True)
    return Reading(as_of, max(0, age_seconds))
