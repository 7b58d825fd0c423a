"""Parts of grants that are set aside by name: held, given back, or given up (I6, I9, I16)."""

from datetime import timedelta

import pytest

from billing.accounts.models import Account
from billing.ledger.errors import InDebt
from billing.ledger.models import Entry, Grant, Hold
from plans.credits import MICROS
from tests import factories
from tests.ledger.shop import allowance, customer, free

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)


def parts(grant: Grant) -> tuple[int, int, int, int]:
    """Return what of a grant is free, held, taken back and expired, in whole credits."""
    grant.refresh_from_db()
    found = (grant.available_micros, grant.held_micros, grant.revoked_micros, grant.expired_micros)
    return tuple(micros // MICROS for micros in found)  # type: ignore[return-value]  # four of them


def debt_of(account: Account) -> int:
    return factories.wallet_of(account).debt_micros // MICROS


def test_exactly_what_is_named_is_set_aside_and_comes_back_to_where_it_was() -> None:
    ada = customer()
    first, second, third = (factories.give(ada, credits_) for credits_ in (10, 20, 30))

    held = factories.set_aside(ada, {third: 30, first: 4})

    assert (parts(first), parts(second), parts(third)) == (
        (6, 4, 0, 0),
        (20, 0, 0, 0),
        (0, 30, 0, 0),
    )
    assert (held.amount_micros, held.expires_at) == (34 * MICROS, None)

    factories.release(ada, held)
    assert (parts(first), parts(third)) == ((10, 0, 0, 0), (30, 0, 0, 0))


def test_what_is_given_up_is_taken_back_of_the_very_grants_once() -> None:
    ada = customer()
    first, second = factories.give(ada, 10), factories.give(ada, 20)
    held = factories.set_aside(ada, {first: 4, second: 20})

    factories.forfeit(ada, held)
    entries = Entry.objects.count()
    again = factories.forfeit(ada, held)

    assert (parts(first), parts(second)) == ((6, 0, 4, 0), (0, 0, 20, 0))
    assert (again.state, again.captured_micros) == (Hold.State.RELEASED, 0)
    assert Entry.objects.count() == entries


def test_what_was_given_back_cannot_be_given_up() -> None:
    ada = customer()
    grant = factories.give(ada, 10)
    held = factories.set_aside(ada, {grant: 10})
    factories.release(ada, held)

    factories.forfeit(ada, held)

    assert parts(grant) == (10, 0, 0, 0)


def test_what_is_given_up_pays_no_debt_on_its_way() -> None:
    ada = customer()
    grant = factories.give(ada, 10)
    held = factories.set_aside(ada, {grant: 10})
    factories.owe(ada, 3)

    factories.forfeit(ada, held)

    assert (parts(grant), debt_of(ada)) == ((0, 0, 10, 0), 3)


def test_what_ended_meanwhile_has_lapsed_and_is_given_to_nobody_anew() -> None:
    ada = customer(keys='expiry_in_flight = "P7D"')
    grant = factories.give(ada, 10, expires_in=DAY)
    held = factories.set_aside(ada, {grant: 10})
    factories.later(ada, 2 * DAY)

    factories.forfeit(ada, held)

    assert (parts(grant), free(ada)) == ((0, 0, 0, 10), 0)
    assert Grant.objects.count() == 1


def test_who_owes_sets_nothing_aside() -> None:
    ada = customer()
    grant = factories.give(ada, 10)
    factories.owe(ada, 3)
    entries = Entry.objects.count()

    with pytest.raises(InDebt):
        factories.set_aside(ada, {grant: 5})

    assert (parts(grant), Entry.objects.count()) == ((10, 0, 0, 0), entries)
    assert not Hold.objects.exists()


def test_more_than_is_free_is_a_mistake_of_who_asks() -> None:
    ada = customer()
    grant = factories.give(ada, 10)

    with pytest.raises(AssertionError):
        factories.set_aside(ada, {grant: 11})

    assert (parts(grant), free(ada)) == ((10, 0, 0, 0), 10)


def test_it_uses_nothing_so_that_no_window_begins() -> None:
    ada = customer(free=allowance(cadence="rolling", period="PT24H", credits="10"))
    [grant] = Grant.objects.all()

    factories.set_aside(ada, {grant: 10})
    factories.later(ada, timedelta(hours=30))

    assert Grant.objects.count() == 1
    assert parts(grant)[1] == 10
