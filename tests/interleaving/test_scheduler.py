"""The interleaver bites: without the lock it finds the lost update, and it sees a deadlock."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection, transaction

from billing.insights import audit
from billing.ledger import statements
from billing.ledger.models import Wallet
from tests import factories
from tests.everything import customer
from tests.interleaving import pairs_of_credits
from tests.interleaving.scenes import Pair, Scene, allowed, balance, told
from tests.interleaving.scheduler import Interleaver
from tests.interleaving.test_interleavings import outcomes

pytestmark = pytest.mark.django_db(transaction=True)
PAIRS = {pair.name: pair for pair in pairs_of_credits.PAIRS}


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locking a wallet reads it, and locks nothing."""
    monkeypatch.setattr(statements, "LOCK", statements.LOCK.replace("FOR UPDATE", ""))


@pytest.fixture
def unguarded(transactional_db: None) -> Iterator[None]:
    """New connections ask no trigger, and entries may have the same number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'entry_seq_once%'"
        )
        keys = cursor.fetchall()
        for name, _made in keys:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("ALTER ROLE CURRENT_USER SET session_replication_role = replica")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER RESET session_replication_role")
        cursor.execute("SET session_replication_role = replica; TRUNCATE billing_entry")
        cursor.execute("SET session_replication_role = DEFAULT")
        for _name, made in keys:
            cursor.execute(made)


def test_control_without_the_lock_only_the_database_refuses(
    interleaver: Interleaver, unlocked: None
) -> None:
    pair = PAIRS["hold/hold, credit for one"]

    seen, _ran = outcomes(interleaver, pair, most=1000)

    assert not interleaver.left_out
    assert {outcome[:2] for outcome in seen.keys() - pair.allowed} == {
        ("open 0", "IntegrityError"),
        ("IntegrityError", "open 0"),
    }
    assert list(audit.breaches()) == []


def test_control_without_lock_and_database_the_lost_update_is_found_and_named(
    unlocked: None, unguarded: None, interleaver: Interleaver
) -> None:
    def scene(name: str) -> Scene:
        ada = customer(name, has=20)
        return Scene(
            lambda: factories.hold(ada, 10), lambda: factories.hold(ada, 10), lambda: balance(ada)
        )

    pair = Pair("hold/hold", scene, allowed("open 0 / open 0 / 0+20"))

    seen, _ran = outcomes(interleaver, pair, most=1000)

    lost = {seen for _left, _right, seen in seen.keys() - pair.allowed}
    assert lost == {"0+10"}, "two holds of 10, and the wallet says that 10 are held"
    held_once = set(Wallet.objects.filter(held_micros=10_000_000).values_list("pk", flat=True))
    assert held_once <= {breach.row for breach in audit.breaches()}


def test_control_locks_in_opposite_orders_are_seen_to_deadlock(interleaver: Interleaver) -> None:
    def scene(name: str) -> Scene:
        ada, bob = customer(name), customer(f"{name}-too")

        @transaction.atomic
        def lock(*names: object) -> None:
            for one in names:
                factories.lock(one)  # type: ignore[arg-type]  # accounts

        return Scene(lambda: lock(ada, bob), lambda: lock(bob, ada), lambda: "")

    seen, _ran = outcomes(interleaver, Pair("lock/lock", scene, allowed("- / - / ")), most=500)

    assert not interleaver.left_out
    victims = [
        one
        for schedule in seen.values()
        for one in schedule.outcomes
        if isinstance(one, OperationalError)
    ]
    assert victims
    assert all("deadlock detected" in str(one) for one in victims)


@pytest.mark.parametrize("name", ["hold/grant", "capture/release"])
def test_orders_that_are_left_out_come_to_nothing_else(interleaver: Interleaver, name: str) -> None:
    few, ran_few = outcomes(interleaver, PAIRS[name], most=1000)
    assert not interleaver.left_out

    every, ran_every = outcomes(interleaver, PAIRS[name], most=1000, reduced=False)

    assert not interleaver.left_out
    assert few.keys() == every.keys()
    assert ran_few < ran_every


def test_a_schedule_can_be_run_again(interleaver: Interleaver) -> None:
    pair = PAIRS["hold/hold, credit for one"]

    def run(name: str) -> tuple[str, str, str]:
        scene = pair.scene(name)
        schedule = interleaver.run((scene.left, scene.right), [0] * 3 + [1] * 2)
        return told(schedule.outcomes[0]), told(schedule.outcomes[1]), str(schedule)

    assert run("once") == run("twice")
