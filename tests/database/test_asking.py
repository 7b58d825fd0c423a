"""What is asked for every order is prepared once a session, and a session that fails is no trap."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Model

from billing.accounts.models import Account
from billing.fleet.models import BackendState, Breaker
from billing.jobs.turns import LaneClock
from billing.ledger.models import Allowance, Wallet
from billing.ledger.services import open_wallet
from plans import asking
from plans import selectors as plans
from plans.asking import Given, PreparedRows
from tests import factories

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

    told = {field.attname: getattr(known, field.attname) for field in model._meta.concrete_fields}
    assert {name: getattr(found, name) for name in told} == told
    assert [type(getattr(found, name)) for name in told] == [type(one) for one in told.values()]
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
