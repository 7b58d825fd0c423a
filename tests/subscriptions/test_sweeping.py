"""One sweep does all that catalogs say for an instant, and finds the commands that call it."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from billing.accounts.models import Account
from billing.subscriptions import services, tasks
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import MONTHLY, MOVE, STANDARD, Vary

pytestmark = pytest.mark.django_db
FEWER = (MONTHLY, 'credits = "600"\n  rollover')
SUNSET = """
[[conversion]]
code = "sunset"
name = { en = "Sunset", zh = "下线" }
at = %(at)s
from_sources = ["sora"]
factor = "2"
"""


@pytest.fixture
def due(ada: Account, vary: Vary) -> None:
    """One to end, one to move, one to convert."""
    now = factories.later(ada, timedelta())
    services.start(account=ada, plan="pro", ends_at=now + timedelta(days=1))
    services.start(account=factories.new_account("eve"), plan="standard")
    factories.give(factories.new_account("bob"), 10, source="sora")
    factories.later(ada, timedelta(days=1))
    vary((STANDARD, MOVE), FEWER, more=SUNSET % {"at": datetime.now(UTC).isoformat()})


def _nothing_is_left() -> bool:
    return services.sweep(now=datetime.now(UTC)) == 0


def test_a_sweep_ends_moves_and_converts(due: None) -> None:
    assert services.sweep(now=datetime.now(UTC)) == 3

    assert _nothing_is_left()
    assert Subscription.objects.filter(ended_at=None).count() == 1
    assert Subscription.objects.exclude(moved_at=None).count() == 1
    bob = Account.objects.get(external_id="bob")
    assert factories.free_micros(bob) == 20 * MICROS


def test_the_scheduler_sweeps(due: None) -> None:
    tasks.sweep_subscriptions()

    assert _nothing_is_left()


def test_run_due_sweeps_until_nothing_is_left(due: None) -> None:
    out = StringIO()

    call_command("run_due", stdout=out)

    assert "subscriptions looked after: 3" in out.getvalue()
    assert _nothing_is_left()


def test_an_operator_subscribes_with_a_price_and_an_end(ada: Account) -> None:
    out = StringIO()
    words = ("subscribe", "ada", "standard", "--sandbox", "--interval", "P1M", "--currency", "CNY")

    call_command(*words, "--until", "2099-01-01T00:00:00+08:00", stdout=out)

    sold = Subscription.objects.get()
    assert out.getvalue().splitlines()[-1] == sold.pk
    assert (sold.price_micros, sold.ends_at) == (
        66 * MICROS,
        datetime(2098, 12, 31, 16, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--until", "tomorrow"], "--until is an instant with its offset"),
        (["--interval", "P1Y", "--currency", "CNY"], "has no such price"),
    ],
)
def test_an_operator_is_told_what_is_wrong(ada: Account, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("subscribe", "ada", "standard", "--sandbox", *words)

    assert not Subscription.objects.exists()


def test_subscriptions_of_before_keep_the_version_they_were_sold_by(ada: Account) -> None:
    """The migration runs over a row of its time, past its own guard, and back."""
    sold = services.start(account=ada, plan="standard")
    executor = MigrationExecutor(connection)
    name = next(
        name for app, name in executor.loader.graph.nodes if name.endswith("subscription_terms")
    )
    migration = executor.loader.get_migration("billing", name)
    before = executor.loader.project_state(migration.dependencies)

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.schema_editor(atomic=False) as editor:
        migration.unapply(before.clone(), editor)
        migration.apply(before.clone(), editor)

    again = Subscription.objects.get()
    assert again.pk == sold.pk
    assert again.terms_version_id == again.catalog_version_id == sold.catalog_version_id
    assert (again.interval, again.price_micros, again.moved_at) == ("", None, None)
