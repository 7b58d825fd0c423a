"""An entry that does not fit its wallet, its past or its hold is not written."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.ledger.models import Entry, Hold
from tests import factories
from tests.ledger.refusing import refused


@pytest.fixture
def held(ada: Account) -> Hold:
    """Ada has 100 credits, 30 of them held."""
    factories.give(ada, 100, expires_in=timedelta(days=1))
    held = factories.hold(ada, 30)
    connection.check_constraints()
    return held


ENTRY_RULES = [
    ({"seq": 4}, "entry_continues_the_last"),
    ({"seq": 2}, "entry_seq_once"),
    ({"available_after_micros": 0}, "entry_continues_the_last"),
    ({"held_after_micros": 1}, "entry_continues_the_last"),
    ({"amount_micros": 0}, "entry_amount_in_range"),
    ({"amount_micros": -5}, "entry_amount_in_range"),
    ({"amount_micros": 10**18 + 1}, "entry_amount_in_range"),
    ({"target": "captured"}, "entry_follows_a_known_path"),
    ({"kind": "gift"}, "entry_follows_a_known_path"),
    ({"cause_type": "whim"}, "entry_has_a_cause"),
    ({"cause_id": ""}, "entry_has_a_cause"),
    ({"actor_type": "ghost"}, "entry_has_an_actor"),
    ({"actor_id": ""}, "entry_has_an_actor"),
    ({"kind": "expire", "target": "expired"}, "entry_names_its_hold"),
    ({"previous_id": ""}, "entry_continues_the_last"),
    ({"previous_id": "en_unheard_of"}, "entry_continues_the_last"),
    ({"id": "en_00000000001"}, "entry_continues_the_last"),  # as old as no hold is
    ({}, "entry_moves_its_wallet"),  # a perfect entry that the wallet knows nothing of
]


@pytest.mark.parametrize(("flaw", "rule"), ENTRY_RULES)
def test_an_entry_that_does_not_fit_is_not_written(
    held: Hold, flaw: dict[str, object], rule: str
) -> None:
    last = Entry.objects.order_by("seq").last()
    assert last is not None
    facts: dict[str, object] = {
        "wallet_id": last.wallet_id,
        "previous_id": last.pk,
        "seq": 3,
        "kind": "hold",
        "source": "available",
        "target": "held",
        "amount_micros": 5,
        "grant_id": last.grant_id,
        "hold_id": held.pk,
        "available_after_micros": last.available_after_micros - 5,
        "held_after_micros": last.held_after_micros + 5,
        "cause_type": "job",
        "cause_id": "job_x",
        "actor_type": "system",
        "actor_id": "test",
        "effective_at": last.effective_at,
        "created_at": last.created_at,
        "digest": b"0" * 32,
    }

    refused(lambda: Entry.objects.create(**(facts | flaw)), rule)

    assert Entry.objects.count() == 2


def test_an_entry_cannot_count_before_the_one_before_it(held: Hold) -> None:
    last = Entry.objects.order_by("seq").last()
    assert last is not None

    refused(
        lambda: Entry.objects.create(
            wallet_id=last.wallet_id,
            previous_id=last.pk,
            seq=3,
            kind="hold",
            source="available",
            target="held",
            amount_micros=5,
            grant_id=last.grant_id,
            hold_id=held.pk,
            available_after_micros=last.available_after_micros - 5,
            held_after_micros=last.held_after_micros + 5,
            cause_type="job",
            cause_id="job_x",
            actor_type="system",
            actor_id="test",
            effective_at=last.effective_at - timedelta(microseconds=1),
            created_at=last.created_at,
            digest=b"0" * 32,
        ),
        "entry_continues_the_last",
    )


def test_an_entry_cannot_name_the_hold_of_another_wallet(held: Hold) -> None:
    bob = factories.new_account("bob")
    factories.give(bob, 50)
    connection.check_constraints()
    last = Entry.objects.get(wallet__account=bob)

    refused(
        lambda: Entry.objects.create(
            wallet_id=last.wallet_id,
            previous_id=last.pk,
            seq=2,
            kind="hold",
            source="available",
            target="held",
            amount_micros=5,
            grant_id=last.grant_id,
            hold_id=held.pk,
            available_after_micros=last.available_after_micros - 5,
            held_after_micros=5,
            cause_type="job",
            cause_id="job_x",
            actor_type="system",
            actor_id="test",
            effective_at=last.effective_at,
            created_at=last.created_at,
            digest=b"0" * 32,
        ),
        "entry_continues_the_last",
    )
