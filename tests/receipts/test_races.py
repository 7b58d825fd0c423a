"""Processes that meet a new key at once begin one after the other; unlocked, they would race."""

import secrets
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError

from billing.receipts import services
from billing.receipts.form import kid_of
from billing.receipts.keys import SigningKey
from billing.receipts.models import ReceiptKey
from tests.http.racing import at_once

NOW = datetime(2026, 11, 26, tzinfo=UTC)
PROCESSES = 4


def begin_all() -> list[ReceiptKey | Exception]:
    def key(_place: int) -> SigningKey:
        private = Ed25519PrivateKey.from_private_bytes(secrets.token_bytes(32))
        public = private.public_key().public_bytes_raw()
        return SigningKey(kid_of(public), public, private)

    return at_once(PROCESSES, lambda place: services._begin(key(place), NOW))


@pytest.mark.django_db(transaction=True)
def test_different_keys_that_begin_at_once_leave_one_present() -> None:
    begun = begin_all()

    assert all(isinstance(one, ReceiptKey) for one in begun)
    assert ReceiptKey.objects.count() == PROCESSES
    assert ReceiptKey.objects.filter(not_after=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_only_the_database_leaves_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everyone_has_looked = Barrier(PROCESSES)
    create = ReceiptKey.objects.create

    def create_together(**facts: Any) -> ReceiptKey:  # noqa: ANN401 (passed on as they are)
        everyone_has_looked.wait(timeout=10)
        return create(**facts)

    monkeypatch.setattr(services, "_lock_keys", lambda: None)
    monkeypatch.setattr(ReceiptKey.objects, "create", create_together)
    begun = begin_all()

    refused = [one for one in begun if isinstance(one, IntegrityError)]
    assert len(refused) == PROCESSES - 1
    assert all("receipt_key_present_once" in str(one) for one in refused)
    assert ReceiptKey.objects.count() == 1
