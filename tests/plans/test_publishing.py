from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import DatabaseError, connection, transaction

from plans import selectors
from plans.catalog import publish
from plans.catalog.publish import diff
from plans.credits import MICROS
from plans.errors import CatalogInvalid, NoCatalog
from plans.models import CatalogVersion, Publication
from plans.rating import rate
from tests.plans.conftest import KLING
from tests.unit.shelf import NOON

pytestmark = pytest.mark.django_db
STD: dict[str, str | int | bool] = {"model": "kling-v1-6", "mode": "std", "seconds": 5}


def test_before_anything_is_published_nothing_is_for_sale() -> None:
    with pytest.raises(NoCatalog, match="load_catalog"):
        selectors.current()


def test_a_published_catalog_is_for_sale(now: datetime) -> None:
    version = publish.publish(KLING, now=now)

    published = selectors.current()
    assert published.version_id == version.pk
    assert published.catalog.slug == "kling"
    assert (version.slug, version.number, version.published_at) == ("kling", 1, now)
    assert version.pk.startswith("cat_")
    assert version.source == KLING.read_text()


def test_the_same_content_again_changes_nothing(now: datetime, kling: str) -> None:
    first = publish.publish(kling, now=now)

    again = publish.publish(f"# a comment\n{kling}", now=now + timedelta(days=1))

    assert again.pk == first.pk
    assert CatalogVersion.objects.count() == Publication.objects.count() == 1
    assert CatalogVersion.objects.get().published_at == now


def test_a_change_is_a_new_version_and_the_old_one_keeps_its_terms(
    now: datetime, kling: str, dearer: str
) -> None:
    old = publish.publish(kling, now=now)
    new = publish.publish(dearer, now=now)

    assert (old.number, new.number) == (1, 2)
    assert selectors.current().version_id == new.pk
    assert rate(selectors.current().catalog, STD, at=NOON).total_micros == 12 * MICROS
    assert rate(selectors.version(old.pk).catalog, STD, at=NOON).total_micros == 10 * MICROS


def test_an_old_content_comes_back_in_force_as_the_version_that_it_was(
    now: datetime, kling: str, dearer: str
) -> None:
    old = publish.publish(kling, now=now)
    publish.publish(dearer, now=now)

    back = publish.publish(kling, now=now)

    assert back.pk == old.pk == selectors.current().version_id
    assert CatalogVersion.objects.count() == 2
    assert Publication.objects.count() == 3


def test_a_first_catalog_is_put_in_force_where_there_is_none(now: datetime) -> None:
    version = publish.publish_first(KLING, now=now)

    assert version is not None
    assert selectors.current().version_id == version.pk


def test_a_first_catalog_brings_back_no_price_that_was_published_over(
    now: datetime, kling: str, dearer: str
) -> None:
    publish.publish_first(kling, now=now)
    dear = publish.publish(dearer, now=now)

    assert publish.publish_first(kling, now=now) is None

    assert selectors.current().version_id == dear.pk
    assert Publication.objects.count() == 2


def test_a_first_catalog_comes_not_before_the_one_that_is_announced(
    now: datetime, kling: str, dearer: str
) -> None:
    announced = publish.schedule(dearer, at=datetime(2099, 7, 29, 1, tzinfo=UTC), now=now)

    assert publish.publish_first(kling, now=now) is None
    with pytest.raises(NoCatalog):
        selectors.current()

    publish.withdraw(announced.pk, now=now)
    first = publish.publish_first(kling, now=now)

    assert first is not None
    assert selectors.current().version_id == first.pk


def test_an_invalid_first_catalog_is_refused_and_one_that_is_not_needed_is_not_read(
    now: datetime, kling: str
) -> None:
    wrong = kling.replace('zone = "Asia/Shanghai" ', 'zone = "Mars" ')
    with pytest.raises(CatalogInvalid):
        publish.publish_first(wrong, now=now)
    assert not Publication.objects.exists()
    publish.publish(kling, now=now)

    assert publish.publish_first(wrong, now=now) is None
    assert Publication.objects.count() == 1


def test_an_invalid_catalog_is_refused_and_nothing_is_published(now: datetime, kling: str) -> None:
    with pytest.raises(CatalogInvalid):
        publish.publish(kling.replace('zone = "Asia/Shanghai" ', 'zone = "Mars" '), now=now)

    assert not CatalogVersion.objects.exists()
    assert not Publication.objects.exists()


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(NoCatalog):
        selectors.version("cat_none")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE plans_catalogversion SET source = ''",
        "UPDATE plans_catalogversion SET published_at = now()",
        "DELETE FROM plans_catalogversion",
        "UPDATE plans_publication SET published_at = now()",
        "DELETE FROM plans_publication",
        "UPDATE plans_publication SET effective_at = now()",
    ],
)
def test_the_database_refuses_to_change_what_was_published(now: datetime, sql: str) -> None:
    version = publish.publish(KLING, now=now)

    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        connection.cursor().execute(sql)

    version.refresh_from_db()
    assert version.source == KLING.read_text()
    assert Publication.objects.get().published_at == now


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"number": 0}, "catalogversion_number_positive"),
        ({"number": 1}, "catalogversion_number_once"),
        ({"digest": "x" * 64}, "catalogversion_digest_is_sha256"),
    ],
)
def test_the_database_refuses_impossible_versions(
    now: datetime, fields: dict[str, object], constraint: str
) -> None:
    publish.publish(KLING, now=now)
    made = {"slug": "kling", "number": 2, "digest": "0" * 64, "source": "", "document": {}}

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        CatalogVersion.objects.create(id="cat_x", published_at=now, **(made | fields))

    assert CatalogVersion.objects.count() == 1


def test_versions_are_counted_for_each_catalog(now: datetime, kling: str, dearer: str) -> None:
    publish.publish(kling, now=now)
    other = publish.publish(kling.replace('slug = "kling"', 'slug = "other"'), now=now)
    second = publish.publish(dearer, now=now)

    assert (other.number, second.number) == (1, 2)


# -- races ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_eight_publishers_of_one_content_make_one_version(now: datetime, kling: str) -> None:
    ready = Barrier(8)

    def publish_together(_number: int) -> str:
        try:
            ready.wait(timeout=10)
            return publish.publish(kling, now=now).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(publish_together, range(8)))

    assert len(ids) == 1
    assert CatalogVersion.objects.count() == Publication.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_turns_only_the_database_stops_a_second_version(
    now: datetime, kling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that this setup can race at all, and that the unique digest is the second wall."""
    everyone_has_looked = Barrier(4)
    new_version = publish._new_version

    def wait_then_make(*given: object) -> CatalogVersion:
        everyone_has_looked.wait(timeout=10)
        return new_version(*given)  # type: ignore[arg-type]  # handed through as they came

    monkeypatch.setattr(publish, "take_turns", lambda: None)
    monkeypatch.setattr(publish, "_new_version", wait_then_make)

    def try_to_publish(_number: int) -> str:
        try:
            return publish.publish(kling, now=now).pk
        except DatabaseError:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(try_to_publish, range(4)))

    assert answers.count("refused") == 3
    assert CatalogVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_first_catalogs_at_once_one_is_published(
    now: datetime, kling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(_two_first(now, kling, monkeypatch)) == ["nothing", "published"]
    assert Publication.objects.count() == CatalogVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_turns_two_first_catalogs_are_both_published(
    now: datetime, kling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "take_turns", lambda: None)

    assert _two_first(now, kling, monkeypatch) == ["published", "published"]
    assert Publication.objects.count() == 2


def _two_first(now: datetime, kling: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what two starts did; who has looked waits a moment for the other to have looked."""
    ready, both_have_looked = Barrier(2), Barrier(2)
    put_in_force = publish._put_in_force

    def wait_then_put(*given: object) -> CatalogVersion:
        with suppress(BrokenBarrierError):
            both_have_looked.wait(timeout=1)
        return put_in_force(*given)  # type: ignore[arg-type]  # handed through as they came

    monkeypatch.setattr(publish, "_put_in_force", wait_then_put)

    def start(content: str) -> str:
        try:
            ready.wait(timeout=10)
            version = publish.publish_first(content, now=now)
            return "nothing" if version is None else "published"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(start, (kling, kling.replace('slug = "kling"', 'slug = "other"'))))


# -- diff ----------------------------------------------------------------------------------------


def test_a_diff_names_what_came_went_and_changed(kling: str) -> None:
    other = (
        kling.replace('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "20" }')
        .replace("concurrency = 3", "concurrency = 4")
        .replace('list = "66" }', 'list = "68" }')
        .replace('code = "credits-330"', 'code = "credits-333"')
        .replace('late_success = "deliver_free"', "")
        .replace("decimals = 2", "decimals = 3")
    )

    lines = diff(publish.read(kling).catalog, publish.read(other).catalog)

    assert sorted(lines) == sorted(
        [
            "- pack credits-330",
            "+ pack credits-333",
            "~ credit.decimals: 2 → 3",
            "~ plan free / entitlements.concurrency: 3 → 4",
            "~ plan standard / prices CNY P1M list: 66 → 68",
            "~ rate v1-6-std / table.5: 10 → 12",
        ]
    )


def test_a_first_catalog_is_all_new(kling: str) -> None:
    lines = diff(None, publish.read(kling).catalog)

    assert not any(line == "+ modifier" for line in lines)  # an empty list is nothing
    assert {"+ plan free", "+ pack credits-330", "+ rate v1-6-std", "+ model kling-v1-6"} <= {
        *lines
    }


def test_equal_catalogs_have_no_diff(kling: str) -> None:
    assert diff(publish.read(kling).catalog, publish.read(f"{kling}\n# more\n").catalog) == []
