"""What an order, a grant or a look needs of the database is one wallet's: it says which.

So the tables can be spread over several servers by wallet, and each statement has one to ask
(docs/adr/0073). Recorded is what the services say while a customer lives; the few statements that
do not say whose rows they want stand below, each with its reason.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger.models import Grant, Wallet
from billing.outbox import gateway
from billing.packs.models import PackPurchase
from tests import everything, factories
from tests.drift import traffic
from tests.scale.recording import Said, recorded
from tests.scale.statements import touches

Call = Callable[..., Any]
OWNERS: Final = {"wallet_id", "account_id"}
_OF_WALLET: Final = (
    'SELECT 1 FROM "billing_entry" INNER JOIN "billing_wallet" '
    'ON ("billing_entry"."wallet_id" = "billing_wallet"."id")'
)
_OPEN: Final = "(SELECT 1 FROM billing_hold h WHERE h.wallet_id = w.id)"
# By table and what its rows are bound to, where that is no owner.
CROSS_SHARD: Final = {
    ("hold", "job.hold_id"): "read beside its job",
    ("membership", "account.id job.member_id"): "as hold",
    ("grant", "packpurchase.grant_id"): "read beside its purchase, whose account is said",
    ("packpurchase", "update by id"): "saved by its key while the wallet is locked",
    ("adjustment", "id"): "told beside a debt, whose wallet is said",
    # A transfer is of two wallets, and is kept with the sender's.
    ("transfer", "fact sender_id"): "the sender's wallet is said",
    ("transfer", "insert"): "as the one above",
    ("transferpart", "insert"): "as transfers: they lie with theirs",
    ("transferpart", "source_id"): "what was lent and came home, from whomever",
    ("grant", "transferpart.target_id"): "as the one above",
    # A worker's message, and a backend's word, name a job or an attempt, and nothing else.
    ("job", "id"): "named by a message",
    ("job", "update by id"): "saved by its key while it is locked",
    ("attempt", "id"): "named by a backend; attempts have no owner of their own",
    ("attempt", "update by id"): "as the one above",
    ("attempt", "job_id outcome"): "attempts lie with their job",
    ("output", "job_id"): "outputs lie with their job",
    ("output", "insert"): "as the one above",
    # The queue is one for all: who is next, how full a backend is, how long such jobs take.
    ("attempt", "backend state"): "how much is at work at a backend",
    ("job", "attempt.job_id"): "as the one above",
    ("job", "model status turn"): "who is before whom",
    ("job", "status"): "as the one above",
    ("job", "model status"): "how long such jobs took of late",
}


def wallet_tables() -> dict[str, set[str]]:
    """Return the tables whose rows belong to one account, each with the columns that say whose.

    A table belongs to whom a column of its own says, or to whom the row belongs that it cannot be
    without. An account itself is what names are looked up in.
    """
    found: dict[str, set[str]] = {}
    rows = list(apps.get_app_config("billing").get_models())
    for model in rows:
        columns = {str(f.column) for f in model._meta.local_fields} & OWNERS
        if columns and model is not Account:
            found[model._meta.db_table] = columns
    found[Wallet._meta.db_table].add("id")
    while more := {
        model._meta.db_table: set[str]()
        for model in rows
        if model._meta.db_table not in found
        for f in model._meta.local_fields
        if isinstance(f, models.ForeignKey)
        and not f.null
        and f.remote_field.model._meta.db_table in found
    }:
        found |= more
    return found


def strays(said: list[Said]) -> dict[tuple[str, str], set[str]]:
    """Return what was asked of a wallet's tables without its owner, and from where."""
    tables = wallet_tables()
    found: dict[tuple[str, str], set[str]] = {}
    for place, sql in said:
        for touch in touches(sql):
            if touch.table in tables and not touch.columns & (tables[touch.table] or OWNERS):
                columns = " ".join(sorted(touch.columns)).replace("billing_", "")
                how = {"insert": "insert", "update": f"update by {columns}", "read": columns}
                by = (touch.table.removeprefix("billing_"), how[touch.verb])
                found.setdefault(by, set()).add(place)
    return found


@pytest.fixture
def platform(settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """A platform that sells everything, whose worker nobody calls."""
    settings.BACKENDS = everything.BACKENDS
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    everything.open_platform()


@pytest.fixture
def calls() -> Call:
    """Return what calls the API as Ada."""
    token = tokens.sign("ada", lifetime=timedelta(hours=1), is_sandbox=True, now=everything.now())

    def call(method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (JSON)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id("key")}
        content = {"data": body, "content_type": "application/json"} if body is not None else {}
        response = getattr(Client(), method)(path, headers=headers, **content)
        assert response.status_code < 300, response.content
        return response.json()

    return call


def test_every_statement_of_a_customers_life_says_whose_rows_it_wants(
    platform: None, calls: Call
) -> None:
    with recorded() as said:
        factories.give(traffic.live("ada"), 100)
        for path in ("balance", "ledger", "jobs", "grants", "subscription", "debts"):
            calls("get", f"/v1/{path}")
        spec = {"model": "m", "inputs": {"prompt": "a kite"}}
        calls("post", "/v1/quotes", spec)
        job = calls("post", "/v1/jobs", spec)
        calls("get", f"/v1/jobs/{job['id']}")
        calls("post", f"/v1/jobs/{job['id']}/cancel", {})

    assert len(said) > 300
    found = strays(said)
    assert {by: places for by, places in found.items() if by not in CROSS_SHARD} == {}
    assert CROSS_SHARD.keys() - found.keys() == set(), "an exception that nothing needs"


@pytest.mark.parametrize(
    ("sql", "is_astray"),
    [
        ("SELECT id FROM billing_grant WHERE fact = %s", True),
        ("SELECT id FROM billing_grant WHERE wallet_id = %s AND fact = %s", False),
        ("UPDATE billing_entry SET seq = 1 WHERE id = %s", True),
        ("INSERT INTO billing_hold (id, amount_micros) VALUES (%s, %s)", True),
        ("INSERT INTO billing_hold (id, wallet_id) SELECT i.id, %(wallet)s FROM x AS i", False),
        (f'{_OF_WALLET} WHERE "billing_wallet"."account_id" = %s', False),
        (_OF_WALLET, True),
        ("WITH a AS (DELETE FROM billing_grant AS g WHERE g.id = %s) SELECT 1", True),
        (f"SELECT 1 FROM billing_wallet w WHERE w.id = %s AND NOT EXISTS {_OPEN}", False),
        ("SELECT 1 FROM billing_job WHERE wallet_id IN (%s, %s)", False),
        ("SELECT 1 FROM billing_job WHERE id = ANY(%s) ORDER BY wallet_id", True),
        ("SELECT wallet_id = %s FROM billing_job WHERE id = %s", True),
    ],
)
@pytest.mark.django_db
def test_a_statement_that_says_no_owner_is_seen(sql: str, is_astray: bool) -> None:  # noqa: FBT001 (a case)
    assert bool(strays([Said("here", sql)])) == is_astray


def test_recorded_is_what_the_product_says_and_not_what_a_test_asks(platform: None) -> None:
    ada = everything.customer("ada", has=5)

    with recorded() as said:
        Grant.objects.filter(fact="x").count()
        factories.settle(ada)

    assert said
    assert not any("COUNT(*)" in sql for _place, sql in said)
    assert all(place.startswith(("billing/", "plans/")) for place, _sql in said)


def test_attempts_have_no_owner_and_entries_have() -> None:
    tables = wallet_tables()

    assert tables["billing_attempt"] == set()
    assert tables["billing_entry"] == {"wallet_id"}
    assert tables[PackPurchase._meta.db_table] == {"account_id"}
    assert "billing_message" not in tables
    assert "billing_account" not in tables
