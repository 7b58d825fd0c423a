"""Counts tries before they are judged, so that parallel ones cannot slip through together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from billing.operators.models import TryCount

WINDOW: Final = timedelta(minutes=15)
_SALT: Final = "billing.operators.tries"
_FORGOTTEN_AT_ONCE: Final = 500
_COUNT: Final = """
    INSERT INTO billing_trycount AS counted (key, tries, begun_at) VALUES (%(key)s, 1, %(now)s)
    ON CONFLICT (key) DO UPDATE SET
        tries = CASE WHEN counted.begun_at <= %(long_ago)s THEN 1 ELSE counted.tries + 1 END,
        begun_at = CASE WHEN counted.begun_at <= %(long_ago)s THEN %(now)s
                        ELSE counted.begun_at END
    RETURNING tries
"""


@dataclass(frozen=True)
class Limit:
    """At most so many wrong tries in a window.

    Attributes:
        key: a seal of whose they are, for what is typed may be a password in the wrong field.
        tries_max: the last one that is judged.
    """

    key: str
    tries_max: int


def limit(purpose: str, whose: str, tries_max: int) -> Limit:
    """Return the limit of what somebody tries."""
    return Limit(
        salted_hmac(_SALT, f"{purpose}\n{whose}", algorithm="sha256").hexdigest(), tries_max
    )


@transaction.atomic(durable=True)
def take(limits: Sequence[Limit], *, now: datetime) -> int:
    """The try is counted against each limit; return by how many it is over the strictest.

    Zero and less: it may be judged.
    """
    over: list[int] = []
    with connection.cursor() as cursor:
        # In one order, so that two tries that share several keys wait and never deadlock.
        for one in sorted(limits, key=lambda one: one.key):
            said: dict[str, str | datetime] = {"key": one.key, "now": now, "long_ago": now - WINDOW}
            cursor.execute(_COUNT, said)
            [tries] = cursor.fetchone()
            over.append(tries - one.tries_max)
    return max(over)


@transaction.atomic(durable=True)
def give_back(*, forget: Sequence[Limit], lower: Sequence[Limit] = (), now: datetime) -> None:
    """The try was right: what it used is free again.

    Args:
        forget: whose tries are all forgotten.
        lower: where others count too, so that only this one try is.
    """
    TryCount.objects.filter(key__in=[one.key for one in forget]).delete()
    for one in sorted(lower, key=lambda one: one.key):
        TryCount.objects.filter(key=one.key, tries__gt=0).update(tries=F("tries") - 1)
    stale = TryCount.objects.filter(begun_at__lte=now - WINDOW).select_for_update(skip_locked=True)
    keys = list(stale.values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE])
    TryCount.objects.filter(pk__in=keys).delete()
