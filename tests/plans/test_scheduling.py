"""Catalogs that begin later: announced, in force to the instant, or withdrawn before that."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from plans import selectors
from plans.catalog import publish
from plans.errors import NoCatalog, NotScheduled
from plans.models import Publication, Withdrawal
from tests.plans.conftest import KLING

pytestmark = pytest.mark.django_db
LATER = datetime(2099, 7, 29, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def begin(publication: Publication) -> None:
    """Let an announced instant come: only past the guard, for nobody waits so long."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE plans_publication SET effective_at = now() - interval '1 second',"
            " published_at = now() - interval '1 day' WHERE sequence = %s",
            [publication.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_an_announced_catalog_begins_at_its_instant(now: datetime, kling: str, dearer: str) -> None:
    old = publish.publish(kling, now=now)
    announced = publish.schedule(dearer, at=LATER, now=now)

    assert selectors.current().version_id == old.pk
    assert selectors.current(at=LATER - MINUTE).version_id == old.pk
    assert selectors.current(at=LATER).version_id == announced.version_id
    assert [one.pk for one in selectors.scheduled()] == [announced.pk]

    begin(announced)

    assert selectors.current().version_id == announced.version_id
    assert selectors.scheduled() == []


def test_what_is_only_announced_sells_nothing_yet(now: datetime, kling: str) -> None:
    publish.schedule(kling, at=LATER, now=now)

    with pytest.raises(NoCatalog, match="in force yet"):
        selectors.current()


def test_the_catalog_in_force_is_found_by_one_query(
    now: datetime, kling: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    publish.publish(kling, now=now)
    selectors.current()

    with django_assert_num_queries(1):
        selectors.current()


def test_announcing_the_same_again_changes_nothing(now: datetime, kling: str, dearer: str) -> None:
    publish.publish(kling, now=now)
    first = publish.schedule(dearer, at=LATER, now=now)

    again = publish.schedule(dearer, at=LATER, now=now + MINUTE)
    later = publish.schedule(dearer, at=LATER + MINUTE, now=now)  # it is in force by then

    assert first.pk == again.pk == later.pk
    assert Publication.objects.count() == 2


def test_a_catalog_may_hold_for_a_time_between_two_of_the_old_one(
    now: datetime, kling: str, dearer: str
) -> None:
    old = publish.publish(kling, now=now)
    new = publish.schedule(dearer, at=LATER, now=now)
    publish.schedule(kling, at=LATER + 2 * MINUTE, now=now)

    assert selectors.current(at=LATER + MINUTE).version_id == new.version_id
    assert selectors.current(at=LATER + 2 * MINUTE).version_id == old.pk


def test_of_two_for_one_instant_the_later_word_counts(
    now: datetime, kling: str, dearer: str
) -> None:
    publish.schedule(kling, at=LATER, now=now)
    second = publish.schedule(dearer, at=LATER, now=now)

    assert selectors.current(at=LATER).version_id == second.version_id


def test_a_withdrawn_catalog_never_begins_and_its_row_stays(
    now: datetime, kling: str, dearer: str
) -> None:
    old = publish.publish(kling, now=now)
    announced = publish.schedule(dearer, at=LATER, now=now)

    publish.withdraw(announced.pk, now=now)
    publish.withdraw(announced.pk, now=now + MINUTE)

    assert selectors.current(at=LATER).version_id == old.pk
    assert selectors.scheduled() == []
    assert Publication.objects.filter(pk=announced.pk).exists()
    assert Withdrawal.objects.get().withdrawn_at == now

    anew = publish.schedule(dearer, at=LATER, now=now)
    assert anew.pk != announced.pk
    assert selectors.current(at=LATER).version_id == anew.version_id


def test_what_has_begun_is_not_withdrawn(now: datetime, kling: str) -> None:
    publish.publish(kling, now=now)
    begun = Publication.objects.get()

    with pytest.raises(NotScheduled, match="began at"):
        publish.withdraw(begun.pk, now=now)
    with pytest.raises(DatabaseError, match="has begun"), transaction.atomic():
        Withdrawal.objects.create(publication=begun, withdrawn_at=now)

    assert not Withdrawal.objects.exists()
    assert selectors.current().version_id == begun.version_id


@pytest.mark.parametrize(
    "sql", ["UPDATE plans_withdrawal SET withdrawn_at = now()", "DELETE FROM plans_withdrawal"]
)
def test_the_database_keeps_a_withdrawal(now: datetime, kling: str, sql: str) -> None:
    publish.withdraw(publish.schedule(kling, at=LATER, now=now).pk, now=now)

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        connection.cursor().execute(sql)

    assert Withdrawal.objects.get().withdrawn_at == now


def test_nothing_is_announced_for_an_instant_that_is_over(now: datetime, kling: str) -> None:
    with pytest.raises(NotScheduled, match="is over"):
        publish.schedule(kling, at=now, now=now - MINUTE)

    assert not Publication.objects.exists()


def test_the_database_lets_nothing_begin_before_it_is_published(now: datetime) -> None:
    version = publish.publish(KLING, now=now)

    with pytest.raises(DatabaseError, match="begins_after_it_is_published"), transaction.atomic():
        Publication.objects.create(version=version, published_at=now, effective_at=now - MINUTE)


def test_a_publisher_whose_clock_is_behind_comes_after_those_before(
    now: datetime, kling: str, dearer: str
) -> None:
    publish.publish(kling, now=now)
    second = publish.publish(dearer, now=now - timedelta(hours=3))

    assert selectors.current().version_id == second.pk


def test_a_publisher_whose_clock_is_ahead_does_not_put_off_what_holds_at_once(kling: str) -> None:
    version = publish.publish(kling, now=LATER)

    assert selectors.current().version_id == version.pk


@pytest.mark.django_db(transaction=True)
def test_two_who_announce_the_same_make_one_publication(now: datetime, kling: str) -> None:
    ready = Barrier(8)

    def announce(_number: int) -> int:
        try:
            ready.wait(timeout=10)
            return publish.schedule(kling, at=LATER, now=now).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(announce, range(8)))

    assert len(made) == 1
    assert Publication.objects.count() == 1
