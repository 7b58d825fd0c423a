"""A session that keeps a row of the database for itself, and does nothing with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from tests.faults.field import Field

_WALLET: Final = """
    SELECT wallet.id FROM billing_wallet AS wallet JOIN billing_account AS account
    ON account.id = wallet.account_id WHERE account.external_id = %s FOR UPDATE OF wallet
"""


@contextmanager
def wallet_kept(field: Field, owner: str) -> Iterator[None]:
    """Hold a customer's wallet in a transaction that idles while the block runs."""
    with psycopg.connect(field.postgres.url) as session:
        found = session.execute(_WALLET, [owner]).fetchone()
        assert found is not None, owner
        yield
        session.rollback()
