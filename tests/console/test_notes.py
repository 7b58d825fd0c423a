"""Notes: who writes them, who reads them, and that none of them ever changes."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from billing.accounts.models import Account
from billing.notes.models import TEXT_LENGTH_MAX, AccountNote
from tests.console import affairs
from tests.matrix.operators import (
    CATALOG_MANAGER,
    FINANCE,
    STRANGER,
    SUPPORT,
    VIEWER,
    operator_of,
    signed_in,
)

pytestmark = pytest.mark.django_db


def written(browser: Client, account: Account, text: str) -> Any:  # noqa: ANN401 (Django's test response)
    return browser.post(f"/admin/console/accounts/{account.pk}/notes/", {"text": text})


def page_of(browser: Client, account: Account) -> str:
    text: str = browser.get(f"/admin/console/accounts/{account.pk}/").content.decode()
    return text


@pytest.mark.parametrize("role", [SUPPORT, FINANCE])
def test_support_and_finance_write_notes_that_every_reader_sees(ada: Account, role: str) -> None:
    user = operator_of(role)

    answer = written(signed_in(user), ada, "Called us.\r\nWants a refund.")

    assert answer.headers["Location"] == f"/admin/console/accounts/{ada.pk}/#notes"
    note = AccountNote.objects.get()
    assert (note.account, note.author, note.text) == (ada, user, "Called us.\nWants a refund.")
    shown = page_of(signed_in(operator_of(VIEWER)), ada)
    assert "Called us." in shown
    assert 'id="note-form"' not in shown


@pytest.mark.parametrize("role", [VIEWER, CATALOG_MANAGER, STRANGER])
def test_others_write_none(ada: Account, role: str) -> None:
    assert written(signed_in(operator_of(role)), ada, "x").status_code == 403
    assert written(Client(), ada, "x").status_code == 302
    assert not AccountNote.objects.exists()


def test_what_is_no_note_is_said_and_kept_in_the_form(ada: Account, sue: Client) -> None:
    too_long = "x" * (TEXT_LENGTH_MAX + 1)

    for text in ("", "   ", too_long, "a\0b"):
        answer = written(sue, ada, text)
        assert answer.status_code == 200
    assert too_long in written(sue, ada, too_long).content.decode()
    assert sue.get(f"/admin/console/accounts/{ada.pk}/notes/").status_code == 405
    assert not AccountNote.objects.exists()

    lines = "\r\n".join(["x" * 999] * 4)  # 4,000 characters to its author
    assert written(sue, ada, f"{lines}y").status_code == 302


def test_a_note_is_only_text(ada: Account, sue: Client) -> None:
    written(sue, ada, affairs.HOSTILE)

    for text in (page_of(sue, ada), sue.get("/admin/billing/accountnote/").content.decode()):
        assert "&lt;script&gt;" in text
        assert affairs.HOSTILE not in text
        assert "<script>document" not in text


def test_a_note_never_changes(ada: Account, sue: Client) -> None:
    written(sue, ada, "so it was")

    for statement in (
        "UPDATE billing_accountnote SET text = 'so it was not'",
        "DELETE FROM billing_accountnote",
        "TRUNCATE billing_accountnote",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert AccountNote.objects.get().text == "so it was"


def test_a_note_says_something(ada: Account) -> None:
    with pytest.raises(DatabaseError, match="account_note_says_something"), transaction.atomic():
        AccountNote.objects.create(
            account=ada, author=operator_of(SUPPORT), text="", written_at=ada.created_at
        )
