"""What is asked for every order is prepared once a session, and a session that fails is no trap."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models import Model
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet.models import BackendState, Breaker
from billing.http.models import IdempotentAnswer
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending
from billing.jobs.turns import LaneClock
from billing.ledger.models import Allowance, Wallet
from billing.ledger.services import open_wallet
from billing.outbox.models import Message
from billing.webhooks.models import Event
from plans import asking
from plans import selectors as plans
from plans.asking import Given, PreparedRows
from tests import factories
from tests.jobs import shop

NOW = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
GUARDS = (
    "billing_allocation_takes_live_credit",
    "billing_entry_continues",
    "billing_hold_adds_up",
    "billing_wallet_follows_its_entries",
    "billing_wallet_is_balanced",
)


@pytest.fixture
def another(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A session of somebody else, to whom everything is allowed."""
    factories.publish_kling()
    own = connection.settings_dict
    names = {"user": own["USER"], "password": own["PASSWORD"], "dbname": own["NAME"]}
    with psycopg.connect(host=own["HOST"], port=own["PORT"], **names) as session:
        yield session
    connection.close()


def columns(row: Model) -> dict[str, tuple[type, Any]]:
    """Return what each column of a row is, and of which type."""
    said = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        name: (bytes, bytes(one)) if isinstance(one, memoryview) else (type(one), one)
        for name, one in said.items()
    }


def message(**more: object) -> Message:
    """Return an errand that nobody has written down."""
    known = {"task": "t", "queue": "q", "arguments": {"id": "é"}, "created_at": NOW, "ring_at": NOW}
    return Message(**known | more)


def answer() -> IdempotentAnswer:
    """Return an answer that nobody has written down."""
    said = {"body_hash": b"\x00" * 32, "body": b"\xff\x00", "status": 201, "created_at": NOW}
    return IdempotentAnswer(id="ans_1", caller="c", route="POST r", key="k", **said)


def test_a_time_out_leaves_no_session_that_knows_what_the_database_does_not(
    another: psycopg.Connection[Any],
) -> None:
    version = plans.current().version_id
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    another.execute("LOCK TABLE plans_publication")

    for _time in range(3):  # it is prepared when it is asked for the second time
        with pytest.raises(OperationalError):
            plans.current()
    another.rollback()

    assert [plans.current().version_id for _time in range(3)] == [version] * 3


def test_a_session_that_the_server_has_ended_is_replaced_before_it_is_asked(
    another: psycopg.Connection[Any],
) -> None:
    version = plans.current().version_id
    assert connection.connection is not None
    pid = connection.connection.info.backend_pid
    another.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    connection.close_if_unusable_or_obsolete()  # as at the beginning of each request

    assert plans.current().version_id == version


@pytest.mark.django_db
@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_looks_up_by_keys_and_by_one_plan_whatever_the_statistics_say(guard: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = %s", [guard])
        [(ways,)] = cursor.fetchall()

    keys = ["enable_hashjoin=off", "enable_mergejoin=off", "enable_seqscan=off"]
    assert sorted(ways) == [*keys, "plan_cache_mode=force_generic_plan"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Account, Wallet, Allowance, BackendState, Breaker, LaneClock])
def test_a_whole_row_is_read_as_django_reads_it(model: type[Model]) -> None:
    factories.publish_kling()
    account = factories.new_account("ada")
    open_wallet(account, catalog=plans.current().catalog)
    BackendState.objects.create(name="a")
    Breaker.objects.create(backend="a", model="m")
    LaneClock.objects.create(backend="a", lane="standard", turn=1, number=1, starts=1)
    known = model._default_manager.order_by("pk").first()
    assert known is not None
    rows = PreparedRows(lambda: model._default_manager.filter(pk=Given("key")))

    [found] = rows(key=known.pk)

    assert columns(found) == columns(known)
    assert not found._state.adding
    assert found._state.db == known._state.db


@pytest.mark.django_db
def test_within_the_block_the_same_question_has_the_same_answer_and_after_it_a_new_one() -> None:
    tick: asking.Question = ("SELECT clock_timestamp()", {})

    with asking.same_answers():
        [first], [second, other] = (
            asking.ask(tick),
            asking.ask(tick, ("SELECT clock_timestamp(), %(one)s", {"one": 1})),
        )
        assert second == first
        assert other[0][0] > first[0][0]
    [third] = asking.ask(tick)

    assert third[0][0] > other[0][0]


@pytest.mark.django_db
def test_a_block_that_fails_remembers_nothing_for_who_comes_after() -> None:
    count: asking.Question = ("SELECT count(*) FROM billing_backendstate", {})
    with pytest.raises(ValueError, match="no"), asking.same_answers():
        assert asking.ask(count) == [[(0,)]]
        raise ValueError("no")

    with transaction.atomic():
        BackendState.objects.create(name="a")

    assert asking.ask(count) == [[(1,)]]


@pytest.mark.django_db
@pytest.mark.parametrize("make", [message, answer, lambda: BackendState(name="a", slots=None)])
def test_a_row_is_written_as_django_writes_it(make: Callable[[], Model]) -> None:
    by_us, by_django = make(), make()
    with transaction.atomic():
        by_django.pk = by_us.pk
        by_django.save(force_insert=True)
        told = type(by_django)._default_manager.get(pk=by_us.pk)
        transaction.set_rollback(True)

    asking.create(by_us)

    found = type(by_us)._default_manager.get(pk=by_us.pk)
    assert columns(found) == columns(told)
    assert not by_us._state.adding
    assert by_us._state.db == found._state.db


@pytest.mark.django_db
def test_an_order_and_what_comes_of_it_are_in_the_rows_as_they_are_in_hand(
    settings: Settings,
) -> None:
    settings.BACKENDS = {"away": {"kind": "cog", "url": "http://127.0.0.1:9", "secret": "x" * 16}}
    settings.BACKENDS["away"] |= {"models": ["m"], "sandbox": True}
    shop.open_shop()
    ada = factories.new_account("ada", is_sandbox=True)
    factories.give(ada, 1000)

    job = shop.submit(ada)

    stored = columns(Job.objects.get(pk=job.pk))
    assert {name: one for name, (_type, one) in stored.items()} == {
        name: one for name, (_type, one) in columns(job).items()
    }
    attempt = Attempt(
        job=job, number=1, backend="away", lease_until=NOW, check_at=NOW, created_at=NOW
    )
    attempt.context, attempt.usage = {"a": "火"}, {"seconds": 5}
    asking.create(attempt)
    with transaction.atomic():
        locked, its_attempt = ending.lock_attempt(attempt.pk)
    known = Attempt.objects.select_related("job__account", "job__hold").get(pk=attempt.pk)
    assert columns(its_attempt) == columns(known)
    assert columns(locked) == columns(known.job)
    assert columns(locked.account) == columns(known.job.account)
    assert columns(locked.hold) == columns(known.job.hold)
    [event] = Event.objects.filter(type="job.queued")
    assert job.pk in event.payload
    assert Message.objects.filter(arguments__job_id=job.pk).count() == 1


@pytest.mark.django_db
def test_several_rows_are_written_in_one_round_trip_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trips: list[list[str]] = []
    run = asking._run

    def watched(statements: Any) -> Any:  # noqa: ANN401 (as it is there)
        trips.append([statement.split('"')[1] for statement, _facts in statements])
        return run(statements)

    monkeypatch.setattr(asking, "_run", watched)
    asking.create(message(), answer())

    assert trips == [["billing_message", "billing_idempotentanswer"]]
    assert [Message.objects.count(), IdempotentAnswer.objects.count()] == [1, 1]


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 2])
def test_a_row_that_the_database_refuses_is_djangos_error_and_leaves_nothing(number: int) -> None:
    rows = [message() for _row in range(number - 1)] + [message(task="")]

    with pytest.raises(IntegrityError, match="message_names_task_and_queue"), transaction.atomic():
        asking.create(*rows)

    assert not Message.objects.exists()
    assert all(row._state.adding for row in rows)


@pytest.mark.django_db
def test_whoever_watches_statements_sees_each_of_one_and_of_several() -> None:
    seen: list[str] = []

    def watch(execute: Any, sql: Any, *more: Any) -> Any:  # noqa: ANN401 (as in Django)
        seen.append(str(sql).split('"')[1])
        return execute(sql, *more)

    with connection.execute_wrapper(watch):
        asking.create(message())
        asking.create(message(), answer())

    assert seen == ["billing_message", "billing_message", "billing_idempotentanswer"]


@pytest.mark.django_db(transaction=True)
def test_a_row_is_found_by_its_key_and_locked_until_the_transaction_ends(
    another: psycopg.Connection[Any],
) -> None:
    BackendState.objects.create(name="a")
    ask = "SELECT name FROM billing_backendstate WHERE name = 'a' FOR UPDATE NOWAIT"

    assert asking.row(BackendState, "a").name == "a"
    another.execute(ask)
    another.rollback()
    with transaction.atomic():
        assert asking.row(BackendState, "a", locked=True).name == "a"
        with pytest.raises(psycopg.errors.LockNotAvailable):
            another.execute(ask)
    another.rollback()
    assert another.execute(ask).fetchall() == [("a",)]


@pytest.mark.django_db
def test_a_row_that_is_not_there_is_djangos_own_error() -> None:
    with pytest.raises(BackendState.DoesNotExist, match="BackendState a"):
        asking.row(BackendState, "a")


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_would_end_as_it_begins_is_not_asked_for() -> None:
    with pytest.raises(AssertionError, match="ends as it begins"):
        asking.row(BackendState, "a", locked=True)


@pytest.mark.django_db
def test_what_is_changed_is_what_was_named_of_that_row_alone() -> None:
    BackendState.objects.create(name="a", fulls=1, slots=3)
    BackendState.objects.create(name="b", fulls=1, slots=3)
    state = asking.row(BackendState, "a")
    state.fulls, state.slots, state.good_ends = 2, None, 7

    asking.change(state, "fulls", "slots")

    found = BackendState.objects.values_list("name", "fulls", "slots", "good_ends")
    assert sorted(found) == [("a", 2, None, 0), ("b", 1, 3, 0)]


@pytest.mark.django_db
def test_what_is_changed_comes_back_as_django_writes_it() -> None:
    row = message()
    asking.create(row)
    row.arguments, row.ring_at, row.done_at = {"id": [1, "\u706b"]}, None, NOW

    asking.change(row, "arguments", "ring_at", "done_at")

    assert columns(Message.objects.get()) == columns(row)


@pytest.mark.django_db
def test_a_row_that_stands_no_more_cannot_be_changed() -> None:
    state = BackendState.objects.create(name="a")
    BackendState.objects.all().delete()

    with pytest.raises(DatabaseError, match="stands no more"):
        asking.change(state, "fulls")


@pytest.mark.django_db
def test_a_change_that_the_database_refuses_is_djangos_error_and_changes_nothing() -> None:
    state = BackendState.objects.create(name="a")
    state.slots = 0

    with pytest.raises(IntegrityError, match="backend_state_keeps_a_slot"), transaction.atomic():
        asking.change(state, "slots")

    assert BackendState.objects.get().slots is None


@pytest.mark.django_db
def test_what_is_known_already_is_left_as_it_is_and_said_to_be_known() -> None:
    assert asking.create_unless_known(BackendState(name="a", fulls=1))

    again = BackendState(name="a", fulls=2)
    assert not asking.create_unless_known(again)

    assert again._state.adding
    assert BackendState.objects.get().fulls == 1


@pytest.mark.django_db
def test_nothing_is_changed_where_answers_are_remembered() -> None:
    state = BackendState.objects.create(name="a")
    state.fulls = 1

    with asking.same_answers(), pytest.raises(AssertionError, match="would not be seen"):
        asking.change(state, "fulls")

    assert BackendState.objects.get().fulls == 0
