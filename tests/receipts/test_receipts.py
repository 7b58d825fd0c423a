"""A receipt is the entry, signed: the same whenever asked for, by keys that come and go."""

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http.errors import Unavailable
from billing.ledger.models import Entry
from billing.receipts import services, verification
from billing.receipts.models import ReceiptKey
from tests import factories
from tests.receipts.conftest import Receipt, Show

NOW = datetime(2035, 1, 1, tzinfo=UTC)  # later than any entry of a test


def a_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def first_entry(account: Account) -> Entry:
    return Entry.objects.filter(wallet__account=account).earliest("seq")


def issue(account: Account, *, now: datetime = NOW) -> Receipt:
    return services.issue(account=account, entry_id=first_entry(account).pk, now=now)


def keys(show: Show) -> dict[str, verification.Key]:
    return verification.read_keys(show("/v1/receipt-keys")[1].decode())


def test_a_receipt_says_what_the_entry_says(ada: Account, receipts: list[Receipt]) -> None:
    entry = Entry.objects.get(wallet__account=ada, seq=3)
    receipt = receipts[2]

    assert json.loads(receipt["facts"])[:6] == [
        *(entry.wallet_id, 3, "capture", 20_000_000, entry.grant_id, entry.hold_id)
    ]
    assert receipt["digest"] == bytes(entry.digest).hex()
    assert receipt["previous_digest"] == receipts[1]["digest"]
    assert (receipt["account"], receipt["realm"], receipt["entry"]) == ("艾达", "live", entry.pk)


def test_every_receipt_of_a_wallet_is_proven(receipts: list[Receipt], show: Show) -> None:
    assert len(receipts) == 5
    assert [flaw for one in receipts for flaw in verification.flaws(one, keys(show))] == []
    assert list(verification.flaws_between(receipts)) == []


def test_the_same_entry_gives_the_same_bytes(ada: Account, show: Show) -> None:
    path = f"/v1/ledger/{first_entry(ada).pk}/receipt"

    assert show(path) == show(path)


def test_anothers_entry_is_absent(ada: Account, show: Show) -> None:
    foreign = show(f"/v1/ledger/{first_entry(ada).pk}/receipt", name="eve")
    absent = show("/v1/ledger/en_0/receipt", name="eve")
    sandbox = show(f"/v1/ledger/{first_entry(ada).pk}/receipt", sandbox=True)

    assert foreign[0] == absent[0] == sandbox[0] == 404
    assert json.loads(foreign[1])["detail"] == json.loads(absent[1])["detail"]


def test_the_keys_are_public_and_cacheable(kling: None) -> None:
    first = Client().get("/v1/receipt-keys")
    again = Client().get("/v1/receipt-keys", headers={"If-None-Match": first["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    [key] = first.json()["data"]
    assert (key["alg"], key["not_after"], key["revoked_at"]) == ("Ed25519", None, None)
    assert "PRIVATE" not in first.content.decode()


def test_a_replaced_key_still_proves_what_it_signed_in_its_time(
    ada: Account, show: Show, settings: Settings
) -> None:
    old = issue(ada)
    settings.RECEIPT_KEY = a_key()
    new = issue(ada, now=NOW + timedelta(days=10))

    assert old["kid"] != new["kid"]
    assert new["issued_at"] == (NOW + timedelta(days=10)).isoformat(timespec="microseconds")
    known = keys(show)
    assert [*verification.flaws(old, known), *verification.flaws(new, known)] == []
    retired = ReceiptKey.objects.get(pk=old["kid"])
    assert retired.not_after == NOW + timedelta(days=10) + services.OVERLAP


def test_a_retired_key_signs_nothing_that_is_later_than_its_end(
    ada: Account, show: Show, settings: Settings
) -> None:
    before = settings.RECEIPT_KEY
    old = services.present_key(now=NOW - timedelta(days=3650))
    settings.RECEIPT_KEY = a_key()
    services.present_key(now=NOW - timedelta(days=3640))
    settings.RECEIPT_KEY = before

    assert old.not_before < first_entry(ada).created_at
    with pytest.raises(Unavailable):
        issue(ada)
    status, content = show(f"/v1/ledger/{first_entry(ada).pk}/receipt")
    assert (status, json.loads(content)["code"]) == (503, "unavailable")


def test_a_revoked_key_proves_nothing_and_signs_nothing(
    ada: Account, show: Show, settings: Settings
) -> None:
    receipt = issue(ada)

    call_command("revoke_receipt_key", receipt["kid"], reason="stolen")

    [flaw] = verification.flaws(receipt, keys(show))
    assert "revoked" in flaw
    with pytest.raises(Unavailable):
        issue(ada)
    settings.RECEIPT_KEY = a_key()
    assert list(verification.flaws(issue(ada), keys(show))) == []


def test_a_key_that_nobody_knows_cannot_be_revoked(db: None) -> None:
    with pytest.raises(CommandError, match="no key rk_0"):
        call_command("revoke_receipt_key", "rk_0", reason="stolen")


def test_a_sandboxs_clock_does_not_date_a_receipt(show: Show, kling: None) -> None:
    account = factories.new_account("ada")
    factories.later(account, timedelta(days=4000))
    factories.give(account, 5)
    receipt = services.issue(
        account=account,
        entry_id=Entry.objects.filter(wallet__account=account).latest("seq").pk,
        now=NOW,
    )

    assert (receipt["realm"], receipt["issued_at"][:10]) == ("sandbox", "2035-01-01")
    assert list(verification.flaws(receipt, keys(show))) == []


@pytest.mark.parametrize(
    "change", ["not_before = now()", "public_key = '\\x00'", "not_after = now()"]
)
def test_the_database_keeps_a_keys_word(ada: Account, settings: Settings, change: str) -> None:
    kid = issue(ada)["kid"]
    settings.RECEIPT_KEY = a_key()
    issue(ada, now=NOW + timedelta(days=1))

    with (
        pytest.raises(IntegrityError, match="receipt_key_keeps_its_word"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE billing_receiptkey SET {change} WHERE id = %s", [kid])


@pytest.mark.parametrize("statement", ["DELETE FROM", "TRUNCATE"])
def test_the_database_forgets_no_key(ada: Account, statement: str) -> None:
    issue(ada)

    with (
        pytest.raises(IntegrityError, match="receipt_key_is_never"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{statement} billing_receiptkey")


def test_the_database_has_one_present_key(ada: Account) -> None:
    issue(ada)

    with pytest.raises(IntegrityError, match="receipt_key_present_once"), transaction.atomic():
        ReceiptKey.objects.create(pk="rk_other", public_key=bytes(32), not_before=NOW)


@pytest.mark.parametrize("wrong", ["x" * 43, base64.b64encode(bytes(31)).decode() + "="])
def test_a_key_that_can_sign_nothing_is_named_at_the_start(settings: Settings, wrong: str) -> None:
    settings.RECEIPT_KEY = wrong

    [error] = checks.run_checks()

    assert (error.id, error.msg.split()[0]) == ("billing.E002", "RECEIPT_KEY")


def test_a_key_may_be_written_as_pem(settings: Settings, ada: Account) -> None:
    settings.RECEIPT_KEY = settings.JWT_PRIVATE_KEY

    assert issue(ada)["kid"].startswith("rk_")
