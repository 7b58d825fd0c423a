"""Rows of an older version are carried to this one by the owner, who is not the application."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest
from django.db import connection, transaction
from psycopg import sql

from billing.accounts.models import Account
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery, Endpoint
from config.embedded.environment import ROOT
from tests import factories, operators
from tests.egress.receiver import Receiver
from tests.payments import plans_till
from tests.payments.plans_till import Desk
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, Peer

Rows = dict[str, list[dict[str, Any]]]
# Where the payments began, the last one before plan changes said until when they are paid, and the
# last one before messages stood in lines.
VERSIONS: Final = [
    "0034_customer_clocks",
    "0039_changes_say_what_they_carry",
    "0041_refunds_that_cross",
]
TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relname ~ '^(auth_user$|billing_|plans_)'
"""
LEFT_OPEN: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@dataclass(frozen=True)
class Copy:
    """A copy of the test's database: its owner and the application are two, as in production."""

    name: str
    owner: str
    application: str

    def manage(self, *words: str) -> str:
        """Run a command in a process of its own, as `serve` has the database prepared."""
        roles = {"DATABASE_URL": self.application, "DATABASE_OWNER_URL": self.owner}
        done = subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=os.environ | roles,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self) -> Rows:
        """Return all that is written down, by table."""
        with psycopg.connect(self.owner) as session:
            return {
                table: [row for (row,) in session.execute(f"SELECT to_jsonb(t) FROM {table} t")]
                for (table,) in session.execute(TABLES).fetchall()
            }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return who takes every message."""
    with Receiver() as listening:
        yield listening


@pytest.fixture
def desk(transactional_db: None, peer: Peer) -> Desk:
    """Ada, at a shop where a dearer plan is added to what she has, so that nothing is held."""
    plans_till.open_plans("add")
    return Desk(Till(peer, is_sandbox=True), factories.new_account("ada"))


def endpoint(receiver: Receiver, account: Account) -> Endpoint:
    """Return an endpoint that is told of what happens to accounts such as this one."""
    with transaction.atomic():
        return webhooks.create_endpoint(
            account=None, url=receiver.url, is_sandbox=account.is_sandbox, now=datetime.now(UTC)
        )


@pytest.fixture
def copy(desk: Desk, receiver: Receiver) -> Iterator[Copy]:
    """Her subscription, her purchase of which a part went back, and a change that waits for money.

    One endpoint was told of it, another was not yet; an operator has come in. Made by the present
    version, for an older one's code is not here.
    """
    operators.make_rows()
    told, _waiting = (endpoint(receiver, desk.account) for _number in range(2))
    desk.subscribe(number=CHALLENGED)
    [bought] = desk.till.peer.objects()["payment_intent"]
    desk.till.peer.refund(bought["id"], amount=300)
    desk.hear()
    assert desk.ask().json()["status"] == "billed"
    assert desk.money() == [("plan", 10, 100, 3)]
    for delivery in Delivery.objects.filter(endpoint=told).order_by("event__sequence"):
        webhooks.deliver(delivery.pk, now=datetime.now(UTC))
    here = connection.settings_dict
    name = f"{here['NAME']}_of_before"
    place = f"{here['HOST']}:{here['PORT']}"
    owner = f"postgres://{here['USER']}:{here['PASSWORD']}@{place}"
    connection.close()
    with psycopg.connect(f"{owner}/postgres", autocommit=True) as session:
        # What threads of earlier tests have left open: a database in use is not copied.
        session.execute(LEFT_OPEN, [here["NAME"]])
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        session.execute(words.format(sql.Identifier(name), sql.Identifier(here["NAME"])))
        try:
            yield Copy(name, f"{owner}/{name}", f"postgres://{name}:a-password@{place}/{name}")
        finally:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.mark.parametrize("version", VERSIONS)
def test_rows_of_an_older_version_are_all_there_and_clean(copy: Copy, version: str) -> None:
    copy.manage("migrate", "billing", version)
    before = copy.rows()

    copy.manage("migrate")

    assert " 0 breaches." in copy.manage("audit")
    after = copy.rows()
    assert len(before["billing_purchase"]) == len(before["billing_planchange"]) == 1
    assert before.keys() <= after.keys(), "a table is gone"
    for table, rows in before.items():
        assert kept(rows, after[table]) == kept(after[table], rows), table
    [change] = after["billing_planchange"]
    assert change["to_be_paid_by"] == change["paid_until"]
    assert_messages_stand_in_line(after)


def assert_messages_stand_in_line(rows: Rows) -> None:
    """Each message has its event's place, and an endpoint that took some knows since when."""
    events = {event["id"]: event for event in rows["billing_event"]}
    took = {endpoint["id"]: endpoint["took_at"] for endpoint in rows["billing_endpoint"]}
    assert sorted(at is None for at in took.values()) == [False, True]
    for endpoint, at in took.items():
        sent = [each for each in rows["billing_delivery"] if each["endpoint_id"] == endpoint]
        assert sent
        assert at == max((each["delivered_at"] for each in sent if at), default=None)
        for each in sent:
            event = events[each["event_id"]]
            assert (each["account_id"], each["sequence"]) == (
                event["account_id"],
                event["sequence"],
            )


def kept(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[str]:
    """Return the rows in one order, without the columns that the others have not."""
    shared = set.intersection(*map(set, others)) if others else set()
    return sorted(str(sorted((name, row[name]) for name in shared & row.keys())) for row in rows)
