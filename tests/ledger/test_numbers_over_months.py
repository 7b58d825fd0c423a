"""No index keeps an entry's number single over all months; every way to double one is refused."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.db import connection, transaction

from billing.accounts.models import Account
from billing.ledger.models import Entry, Wallet
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused

NEXT_MONTH: Final = timedelta(days=31)
STEP: Final = 5 * MICROS
# One statement, as the ledger writes: entries made from the last one, and the wallet's row.
WRITE: Final = """
    WITH written AS (
        INSERT INTO billing_entry
        SELECT (jsonb_populate_record(NULL::billing_entry, to_jsonb(e) || fact)).*
        FROM billing_entry AS e, jsonb_array_elements(%(rows)s::jsonb) AS fact
        WHERE e.id = %(like)s)
    UPDATE billing_wallet SET seq = %(seq)s, last_entry_id = %(last)s,
        available_micros = available_micros - %(moved)s, held_micros = held_micros + %(moved)s
"""


@pytest.fixture
def chain(ada: Account) -> list[Entry]:
    """Ada's wallet has two entries: 100 credits came, 30 are held."""
    factories.give(ada, 100)
    factories.hold(ada, 30)
    connection.check_constraints()
    return list(Entry.objects.order_by("seq"))


def entry_id(name: str, *, later: timedelta = timedelta(0)) -> str:
    """Return an id of now, or of another month."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_entry_floor(%s)", [datetime.now(UTC) + later])
        (floor,) = cursor.fetchone()
    return f"{floor}{name}"


def row(seq: int, key: str, previous: str, *, steps: int = 1) -> dict[str, Any]:
    """Return what an entry says that holds 5 credits more, for the `steps`-th time."""
    return {
        "id": key,
        "previous_id": previous,
        "seq": seq,
        "amount_micros": STEP,
        "available_after_micros": 70 * MICROS - steps * STEP,
        "held_after_micros": 30 * MICROS + steps * STEP,
    }


def write(rows: Iterable[dict[str, Any]], *, like: Entry, seq: int, last: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            {"rows": json.dumps([*rows]), "like": like.pk, "seq": seq, "last": last, "moved": STEP},
        )


def test_no_number_is_given_twice_whatever_the_month(chain: list[Entry]) -> None:
    first, last = chain
    here, there = entry_id("here"), entry_id("there", later=NEXT_MONTH)
    third = entry_id("third", later=NEXT_MONTH)
    before = Wallet.objects.values().get()
    doubled = row(2, there, first.pk) | {
        "available_after_micros": 95 * MICROS,
        "held_after_micros": STEP,
    }
    attempts: list[tuple[str, list[dict[str, Any]], int, str]] = [
        # rule, what is written, and what the wallet says then: its number and its last entry
        ("entry_seq_once", [doubled | {"id": here}], 2, last.pk),
        ("entry_moves_its_wallet", [doubled], 2, last.pk),
        ("wallet_follows_its_entries", [doubled], 2, there),
        ("entry_continues_the_last", [row(3, here, last.pk), row(3, there, last.pk)], 3, there),
        (
            "entry_continues_the_last",
            [row(3, here, last.pk), row(3, there, last.pk), row(4, third, there, steps=2)],
            *(4, third),
        ),
        (  # as many as the wallet has moved on by, and one of them doubled
            "wallet_follows_its_entries",
            [
                doubled,
                row(3, here, there)
                | {"available_after_micros": 90 * MICROS}
                | {"held_after_micros": 2 * STEP},
            ],
            *(3, here),
        ),
        ("entry_continues_the_last", [row(4, here, last.pk)], 2, last.pk),
        ("wallet_follows_its_entries", [row(4, here, last.pk)], 4, here),
        ("entry_moves_its_wallet", [row(3, here, last.pk)], 2, last.pk),
        ("wallet_follows_its_entries", [row(3, here, last.pk)], 4, here),
        ("wallet_follows_its_entries", [], 3, last.pk),
    ]

    for rule, rows, seq, head in attempts:
        refused(lambda r=rows, s=seq, h=head: write(r, like=last, seq=s, last=h), rule)  # type: ignore[misc]

    assert list(Entry.objects.order_by("seq")) == chain
    assert Wallet.objects.values().get() == before


def test_what_follows_in_another_month_is_written(chain: list[Entry]) -> None:
    """The control: the same statement, with nothing wrong in it, passes those rules."""
    last, there = chain[-1], entry_id("there", later=NEXT_MONTH)

    with transaction.atomic():
        write([row(3, there, last.pk)], like=last, seq=3, last=there)

        assert Entry.objects.order_by("seq").values_list("pk", flat=True).last() == there
        transaction.set_rollback(True)  # its digest is another's


def test_a_second_statement_cannot_start_from_the_same_entry(chain: list[Entry]) -> None:
    last, here = chain[-1], entry_id("here")
    there = entry_id("there", later=NEXT_MONTH)
    with transaction.atomic():
        write([row(3, here, last.pk)], like=last, seq=3, last=here)

        refused(
            lambda: write([row(3, there, last.pk)], like=last, seq=3, last=there),
            "wallet_follows_its_entries",
        )

        assert Entry.objects.count() == 3
        transaction.set_rollback(True)
