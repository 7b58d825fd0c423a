"""Brings the cast on: Ada in earnest, whose wallet has lived, and her receipts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ledger.models import Entry
from plans.credits import MICROS
from tests import factories
from tests.cast import kling

__all__ = ["kling"]

Receipt = dict[str, str]
Show = Callable[..., tuple[int, bytes]]


@pytest.fixture
def ada(kling: None) -> Account:
    """Ada was given credits, spent some of them, and has some set aside."""
    account = factories.new_account("艾达", is_sandbox=False)
    factories.give(account, 100, expires_in=timedelta(days=5))
    factories.capture(account, factories.hold(account, 30), 20 * MICROS)
    factories.hold(account, 10)
    return account


@pytest.fixture
def show() -> Show:
    """Return what reads as a user: `show("/v1/receipt-keys")`, the status and the bytes."""
    client = Client(raise_request_exception=False)

    def get(path: str, *, name: str = "艾达", sandbox: bool = False) -> tuple[int, bytes]:
        token = tokens.sign(
            name, lifetime=timedelta(hours=1), is_sandbox=sandbox, now=datetime.now(UTC)
        )
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.content

    return get


@pytest.fixture
def receipts(ada: Account, show: Show) -> list[Receipt]:
    """Return the receipts of all of Ada's entries, in order."""
    entries = Entry.objects.filter(wallet__account=ada).order_by("seq")
    answers = [show(f"/v1/ledger/{entry.pk}/receipt") for entry in entries]
    assert {status for status, _content in answers} == {200}
    return [json.loads(content) for _status, content in answers]


@pytest.fixture
def folder(tmp_path: Path, receipts: list[Receipt], show: Show) -> Path:
    """Return a folder with `receipt-1.json` and so on, and `keys.json`."""
    for number, receipt in enumerate(receipts, start=1):
        (tmp_path / f"receipt-{number}.json").write_text(json.dumps(receipt))
    (tmp_path / "keys.json").write_bytes(show("/v1/receipt-keys")[1])
    return tmp_path
