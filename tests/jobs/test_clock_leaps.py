"""The database's clock leaps ahead between a wallet's lock and the writing of an order."""

import time
from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.models import Account
from billing.http.models import IdempotentAnswer
from billing.jobs.models import Job
from billing.ledger import statements, store
from billing.ledger.models import CountedUse, Entry, Hold
from tests import factories
from tests.jobs.conftest import Ask
from tests.jobs.test_ordering import SPEC as ORDER
from tests.rules import acts

HOUR = timedelta(hours=1)


def behind(patch: pytest.MonkeyPatch) -> None:
    """Let each lock tell what the clock said before it leapt by an hour."""
    now = store.database_now
    early = statements.LOCK.replace("clock_timestamp()", "clock_timestamp() - interval '1 hour'")
    patch.setattr(statements, "LOCK", early)
    patch.setattr(store, "database_now", lambda: now() - HOUR)


def test_an_order_across_a_leap_is_told_to_come_again_and_then_taken(
    ada: Account, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        behind(patch)
        factories.give(ada, 100)
        before = what_stands()
        refused = ask("post", "/v1/jobs", ORDER, key="k")

        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["Retry-After"] == "5"
        assert "with the same key" in refused.json()["detail"]
        assert what_stands() == before

    taken = ask("post", "/v1/jobs", ORDER, key="k")
    again = ask("post", "/v1/jobs", ORDER, key="k")

    assert (taken.status_code, again.status_code) == (201, 201)
    assert taken.json()["id"] == again.json()["id"]
    assert Hold.objects.count() == 1


def test_the_same_rule_is_a_mistake_of_ours_while_the_clock_goes_on(
    ada: Account, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = factories.give(ada, 100, expires_in=timedelta(seconds=1))
    acts.nothing_comes_due(monkeypatch)
    assert grant.expires_at is not None
    while grant.expires_at > store.database_now():
        time.sleep(0.05)
    before = what_stands()

    assert ask("post", "/v1/jobs", ORDER).status_code == 500
    assert what_stands() == before


def what_stands() -> list[Any]:
    """Return all that an order would have moved."""
    rows = [model.objects.count() for model in (Entry, Hold, Job, CountedUse, IdempotentAnswer)]
    return [*rows, Entry.objects.order_by("seq").values_list("available_after_micros").last()]
