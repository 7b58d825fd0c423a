"""Nothing of a test clock touches a live account: not by the code, and not by the database."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.ledger.models import Wallet
from billing.packs import services as packs
from billing.sandbox import services
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions import services as subscriptions
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery
from tests import factories
from tests.ledger.refusing import refused
from tests.sandbox.conftest import advance, clock_of
from tests.sandbox.test_walking import ORDER, USER


def live_rows() -> dict[str, list[str]]:
    """Return every row of every table that names no sandbox account, byte for byte.

    Nor anything that names one: its wallet, its wallet's grants, a message about its delivery.
    """
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("billing").get_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY 1")
            found[table] = [row for (row,) in cursor.fetchall()]
    strange = set(Account.objects.filter(is_sandbox=True).values_list("pk", flat=True))
    strange |= set(TestClock.objects.values_list("pk", flat=True))
    known = 0
    while known < len(strange):
        known = len(strange)
        for rows in found.values():
            named = (row for row in rows if any(one in row for one in strange))
            strange |= {pk for row in named if isinstance(pk := json.loads(row).get("id"), str)}
    return {
        table: [row for row in rows if not any(one in row for one in strange)]
        for table, rows in found.items()
    }


def furnish(account: Account) -> None:
    """Let the account have something of everything that time changes."""
    now = timezone.now()
    factories.settle(account)
    factories.give(account, 100, expires_in=timedelta(days=5))
    with transaction.atomic():
        webhooks.create_endpoint(account=account, url="https://example.com/hook", now=now)
        packs.give(account=account, pack="later", fact="order:1", actor=factories.OPERATOR)
    subscriptions.start(
        account=account,
        plan="standard",
        interval="P1M",
        currency="CNY",
        ends_at=now + timedelta(days=40),
    )
    with transaction.atomic():
        jobs.submit(account=account, order=ORDER, actor=USER, now=now)
    Delivery.objects.filter(event__account=account).update(
        attempts=3, next_at=now + timedelta(hours=1)
    )


def test_two_years_pass_beside_live_accounts_and_not_one_byte_of_theirs_changes(
    ada: Account,
    settings: Any,  # noqa: ANN401 (pytest-django's)
) -> None:
    settings.BACKENDS["near"] = {**settings.BACKENDS["away"], "sandbox": False}
    live = [factories.new_account(f"live-{place}", is_sandbox=False) for place in range(2)]
    for one in (ada, *live):
        furnish(one)
    clock = clock_of(ada)
    before = live_rows()

    advance(clock, timedelta(days=365))
    advance(clock, timedelta(days=365))

    assert live_rows() == before
    assert sum(map(len, before.values())) > 20
    assert Wallet.objects.filter(account__in=live, clock_offset=timedelta(0)).count() == 2


def test_webhooks_of_live_accounts_come_no_nearer_whoever_asks(settings: Any) -> None:  # noqa: ANN401 (as above)
    settings.BACKENDS["near"] = {**settings.BACKENDS["away"], "sandbox": False}
    live = factories.new_account("live", is_sandbox=False)
    furnish(live)
    before = live_rows()

    with transaction.atomic():
        found = webhooks.pass_time(account_ids=[live.pk], by=timedelta(days=9), now=timezone.now())

    assert found == 0
    assert live_rows() == before


def test_the_database_keeps_live_accounts_off_every_clock(ada: Account) -> None:
    live = factories.new_account("live", is_sandbox=False)
    factories.settle(live)
    clock, now = clock_of(ada), timezone.now()

    refused(
        lambda: TestClockAccount.objects.create(clock=clock, account=live, joined_at=now),
        "test_clock_is_for_the_sandbox",
    )
    refused(
        lambda: TestClock.objects.create(owner=live, created_at=now),
        "test_clock_is_for_the_sandbox",
    )
    refused(
        lambda: Wallet.objects.filter(account=live).update(clock_offset=timedelta(days=1)),
        "wallet_clock_moves_in_sandbox_only",
    )
    refused(
        lambda: Account.objects.filter(pk=live.pk).update(is_sandbox=True), "account_keeps_its_side"
    )
    refused(
        lambda: Wallet.objects.filter(account=live).update(is_sandbox=True),
        "wallet_keeps_its_owner_and_its_past",
    )
    with pytest.raises(AssertionError), transaction.atomic():
        services.join(clock=clock, accounts=[live], now=now)
    assert list(TestClockAccount.objects.values_list("account", flat=True)) == [ada.pk]


def test_the_database_lets_no_clock_run_back(ada: Account) -> None:
    clock, empty = clock_of(ada), clock_of()
    advance(clock, timedelta(days=2))
    back = {"offset": timedelta(days=1), "moved_offset": timedelta(0)}

    refused(
        lambda: Wallet.objects.filter(account=ada).update(clock_offset=timedelta(days=1)),
        "wallet_keeps_its_owner_and_its_past",
    )
    refused(
        lambda: TestClock.objects.filter(pk=clock.pk).update(**back), "test_clock_never_runs_back"
    )
    refused(empty.delete, "test_clock_is_never_deleted")
