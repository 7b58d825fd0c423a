"""The one statement of the hot path: number an event, and find who is to be told of it."""

from collections.abc import Sequence
from typing import Final

from django.db import connection

from billing.accounts.models import Account

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
        ORDER BY id)
    FROM numbered
"""


def number_event(account: Account, event_type: str) -> tuple[int, Sequence[str]]:
    """Return the next number of the account's events, and the ids of endpoints that want it."""
    with connection.cursor() as cursor:
        cursor.execute(
            _NUMBER, {"account": account.pk, "is_sandbox": account.is_sandbox, "type": event_type}
        )
        row = cursor.fetchone()
    assert row is not None
    sequence, endpoint_ids = row
    return int(sequence), list(endpoint_ids)
