"""The one statement of the hot path: number an event, and find who is to be told of it.

And what a test clock brings nearer, locked.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.webhooks.models import Delivery
from plans import asking

# The counter's row stays locked until the transaction ends: numbers have no gaps, because a
# number that is rolled back is given to the next. One round trip, since every change to an
# account's credits makes it.
_NUMBER: Final = """
    WITH numbered AS (
        INSERT INTO billing_eventcounter AS counter (account_id, last_sequence)
        VALUES (%(account)s, 1)
        ON CONFLICT (account_id) DO UPDATE SET last_sequence = counter.last_sequence + 1
        RETURNING last_sequence
    )
    SELECT numbered.last_sequence, ARRAY(
        SELECT id FROM billing_endpoint
        WHERE disabled_at IS NULL
          AND (account_id = %(account)s OR (account_id IS NULL AND is_sandbox = %(is_sandbox)s))
          AND (events = '{}' OR %(type)s = ANY(events))
        ORDER BY id), clock_timestamp()
    FROM numbered
"""


def number_event(account: Account, event_type: str) -> tuple[int, Sequence[str], datetime]:
    """Return the next number of the account's events, the ids of endpoints that want it, and now.

    The database's own instant: a sandbox's may be ahead of it.
    """
    facts = {"account": account.pk, "is_sandbox": account.is_sandbox, "type": event_type}
    [[(sequence, endpoint_ids, real_now)]] = asking.ask((_NUMBER, facts))
    return int(sequence), list(endpoint_ids), real_now


def to_try_again(account_ids: Sequence[str]) -> QuerySet[Delivery]:
    """Lock what is to be tried again for these sandbox accounts; of live ones it finds nothing."""
    return (
        Delivery.objects.select_for_update(of=("self",))
        .filter(
            event__account__in=account_ids,
            event__account__is_sandbox=True,
            next_at__isnull=False,
            attempts__gt=0,
        )
        .order_by("pk")
    )
