from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from billing.accounts import selectors, services
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import Account
from billing.ids import new_id
from plans.catalog import publish
from tests.http.racing import at_once
from tests.packs import shelf

pytestmark = pytest.mark.django_db
BOOKS = publish.read(shelf.shop_text()).catalog


def test_an_account_is_made_once_and_a_repeat_changes_nothing(now: datetime) -> None:
    first = services.ensure_account("ada", zone="Asia/Shanghai", now=now)
    second = services.ensure_account("ada", zone="Europe/Paris", now=now)

    assert first.pk == second.pk
    assert first.pk.startswith("acc_")
    assert (second.zone, second.is_sandbox) == ("Asia/Shanghai", False)
    assert Account.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(5))
def test_twenty_first_sights_at_once_make_one_account(_round: int, now: datetime) -> None:
    results = at_once(20, lambda _: services.ensure_account("ada", zone="UTC", now=now))

    assert len({account.pk for account in results if isinstance(account, Account)}) == 1
    assert all(isinstance(result, Account) for result in results), results
    assert Account.objects.count() == 1


def test_a_first_sight_inside_a_transaction_leaves_it_usable(now: datetime) -> None:
    with transaction.atomic():
        first = services.ensure_account("ada", zone="UTC", now=now)
        second = services.ensure_account("ada", zone="UTC", now=now)

    assert first == second


@pytest.mark.parametrize("external_id", ["", "a b", "a\n", "a\0b", "\ud800", "x" * 129, "\u200b"])
def test_a_name_that_cannot_be_seen_is_refused(external_id: str, now: datetime) -> None:
    with pytest.raises(InvalidAccount):
        services.ensure_account(external_id, zone="UTC", now=now)

    assert not Account.objects.exists()


def test_each_side_of_the_sandbox_sees_only_its_own(now: datetime) -> None:
    live = services.ensure_account("ada", zone="UTC", now=now)
    play = services.ensure_account("bob", zone="UTC", is_sandbox=True, now=now)

    assert selectors.find_account("ada", is_sandbox=False) == live
    assert selectors.find_account("bob", is_sandbox=True) == play
    assert selectors.find_account("ada", is_sandbox=True) is None
    assert selectors.find_account("bob", is_sandbox=False) is None
    assert selectors.find_account("a\0b", is_sandbox=False) is None


def test_a_name_may_be_taken_on_each_side_of_the_sandbox(now: datetime) -> None:
    play = services.ensure_account("ada", zone="UTC", is_sandbox=True, now=now)

    live = services.ensure_account("ada", zone="UTC", now=now)

    assert live != play
    assert selectors.find_account("ada", is_sandbox=False) == live
    assert selectors.find_account("ada", is_sandbox=True) == play


def test_notes_are_replaced_as_a_whole(now: datetime) -> None:
    ada = services.ensure_account("ada", zone="UTC", now=now)

    services.change_account(ada, metadata={"a": "1", "b": "2"}, catalog=BOOKS)
    services.change_account(ada, metadata={"c": "3"}, catalog=BOOKS)

    ada.refresh_from_db()
    assert ada.metadata == {"c": "3"}


@pytest.mark.parametrize(
    "metadata", [{str(n): "x" for n in range(21)}, {"k": "x" * 501}, {"x" * 501: "v"}]
)
def test_too_many_or_too_long_notes_are_refused(metadata: dict[str, str], now: datetime) -> None:
    ada = services.ensure_account("ada", zone="UTC", now=now)

    with pytest.raises(InvalidAccount):
        services.change_account(ada, metadata=metadata, region="cn", catalog=BOOKS)

    ada.refresh_from_db()
    assert (ada.metadata, ada.region) == ({}, "")


def test_what_is_not_said_stays(now: datetime) -> None:
    ada = services.ensure_account("ada", zone="UTC", now=now)
    services.change_account(ada, metadata={"a": "1"}, catalog=BOOKS)

    services.change_account(ada, region="cn", currency="CNY", catalog=BOOKS)
    services.change_account(ada, metadata={"b": "2"}, catalog=BOOKS)

    ada.refresh_from_db()
    assert (ada.region, ada.currency, ada.metadata) == ("cn", "CNY", {"b": "2"})


@pytest.mark.parametrize(
    ("region", "currency", "book", "pays_in"),
    [
        ("", "", "world", "USD"),
        ("cn", "CNY", "mainland", "CNY"),
        ("", "CNY", "mainland", "CNY"),
        ("fr", "USD", "world", "USD"),
        ("cn", "USD", "world", "USD"),
    ],
)
def test_an_account_pays_by_the_first_book_that_fits(
    region: str, currency: str, book: str, pays_in: str, now: datetime
) -> None:
    ada = services.ensure_account("ada", zone="UTC", now=now)

    ada = services.change_account(ada, region=region, currency=currency, catalog=BOOKS)

    found = selectors.book_of(ada, catalog=BOOKS)
    assert found is not None
    assert (found.code, selectors.currency_of(ada, catalog=BOOKS)) == (book, pays_in)


@pytest.mark.parametrize(
    ("change", "known"),
    [({"currency": "JPY"}, "USD CNY"), ({"region": "fr", "currency": "CNY"}, "mainland")],
)
def test_a_region_or_currency_without_prices_is_refused_with_those_that_have(
    change: dict[str, str], known: str, now: datetime
) -> None:
    ada = services.ensure_account("ada", zone="UTC", now=now)

    with pytest.raises(InvalidAccount, match=known):
        services.change_account(ada, **change, metadata={"a": "1"}, catalog=BOOKS)

    ada.refresh_from_db()
    assert (ada.region, ada.currency, ada.metadata) == ("", "", {})


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"external_id": "ada"}, "account_external_id_once"),
        ({"external_id": ""}, "account_external_id_named"),
        ({"zone": ""}, "account_zone_named"),
        ({"kind": "robot"}, "account_kind_known"),
        ({"currency": "usd"}, "account_currency_is_a_code"),
    ],
)
def test_the_database_refuses_what_the_service_would(
    wrong: dict[str, str], constraint: str, now: datetime
) -> None:
    services.ensure_account("ada", zone="UTC", now=now)
    row = {"external_id": "bob", "zone": "UTC", "kind": "person", **wrong}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Account.objects.create(id=new_id("acc"), created_at=now, **row)

    assert Account.objects.count() == 1
