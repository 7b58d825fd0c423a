"""After a test that committed, nothing of it is there, whoever wrote it and however much it was."""

import threading

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import TransactionTestCase

from billing.accounts.models import Account
from tests import emptying, factories

pytestmark = pytest.mark.django_db(transaction=True)


class _Test(TransactionTestCase):
    databases = {"default"}


def _empty() -> None:
    emptying.empty(_Test("__init__"))


def _made_of_code() -> tuple[int, int, int]:
    migrations = MigrationRecorder(connection).migration_qs
    return ContentType.objects.count(), Permission.objects.count(), migrations.count()


def test_what_was_committed_is_gone_and_what_follows_from_the_code_stays() -> None:
    before = _made_of_code()
    factories.new_account("ada")

    _empty()

    assert not Account.objects.exists()
    assert before == _made_of_code()
    assert min(before) > 0


def test_what_another_has_yet_to_commit_is_waited_for_and_gone_as_well() -> None:
    is_written, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        connection.set_autocommit(False)
        factories.new_account("ada")
        is_written.set()
        may_commit.wait(10)
        connection.commit()
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert is_written.wait(10)
    threading.Timer(0.3, may_commit.set).start()

    _empty()

    writer.join()
    assert not Account.objects.exists()


def test_much_is_gone_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.new_account("ada")
    monkeypatch.setattr(emptying, "_FEW_BYTES", 0)

    _empty()

    assert not Account.objects.exists()
    assert min(_made_of_code()) > 0
