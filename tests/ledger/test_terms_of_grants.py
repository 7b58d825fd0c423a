"""Terms of grants as they stand in the database, and what they do there."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Entry, Grant, Hold
from billing.ledger.services import Cause
from plans import selectors as plans
from plans.catalog.policies import Conversion
from plans.credits import MICROS
from tests import factories
from tests.insights.telling import told
from tests.ledger.shop import WEB, customer, free, spend

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)


def test_a_grant_keeps_its_scope_and_its_locks_from_wallet_to_wallet() -> None:
    ada = customer()
    factories.give(ada, 100, scope=WEB, locked_while=("past_due",), pack="big", paid_micros=5,
                   paid_currency="CNY")  # fmt: skip
    entries = Entry.objects.count()

    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1, facts={"surface": "api"})
    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1, facts={"surface": "web"}, standing=["past_due"])

    assert Entry.objects.count() == entries
    assert not Hold.objects.exists()
    assert factories.hold(ada, 100, facts={"surface": "web"}).amount_micros == 100 * MICROS
    grant = Grant.objects.get()
    assert (grant.scope, grant.locked_while, grant.pack) == (
        {"surface": ["web"]},
        ["past_due"],
        "big",
    )


def test_the_catalog_says_which_of_two_grants_pays() -> None:
    ada = customer()
    factories.give(ada, 10, expires_in=DAY)
    web = factories.give(ada, 10, scope=WEB)

    spend(ada, 10, surface="web")

    web.refresh_from_db()
    assert web.captured_micros == 10 * MICROS


def test_what_comes_back_too_late_is_given_anew_where_the_catalog_says_so() -> None:
    ada = customer(keys='expiry_in_flight = "P7D"')
    first = factories.give(ada, 10, expires_in=DAY, scope=WEB, locked_while=("past_due",))
    held = factories.hold(ada, 10, facts={"surface": "web"})
    factories.later(ada, 2 * DAY)

    factories.capture(ada, held, 4 * MICROS)
    factories.release(ada, held)

    first.refresh_from_db()
    assert (first.captured_micros, first.expired_micros) == (4 * MICROS, 6 * MICROS)
    again = Grant.objects.get(fact=f"returned:{held.pk}:{first.pk}")
    assert again.amount_micros == again.available_micros == 6 * MICROS
    assert (again.scope, again.locked_while) == ({"surface": ["web"]}, ["past_due"])
    assert again.expires_at == again.effective_at + 7 * DAY
    assert free(ada) == 6


def test_what_comes_back_too_late_is_gone_where_the_catalog_says_nothing() -> None:
    ada = customer()
    factories.give(ada, 10, expires_in=DAY)
    held = factories.hold(ada, 10)
    factories.later(ada, 2 * DAY)

    factories.release(ada, held)

    assert Grant.objects.count() == 1
    assert free(ada) == 0


def test_an_order_that_costs_nothing_has_a_hold_that_ends() -> None:
    ada = customer()
    spent, given_back = (factories.hold(ada, 0) for _number in range(2))

    spent, given_back = factories.capture(ada, spent, 0), factories.release(ada, given_back)

    assert (spent.state, given_back.state) == ("captured", "released")
    assert factories.release(ada, spent).state == "captured"
    assert Entry.objects.count() == 0
    assert not spent.allocations.exists()


@transaction.atomic
def take_more(
    account: Account, credits_: int, *, reference: str = "job:x:overrun", **facts: str
) -> int:
    return (
        ledger.take_more(
            factories.lock(account),
            reference=reference,
            amount_micros=credits_ * MICROS,
            catalog=plans.current().catalog,
            facts=facts,
            standing=frozenset(),
            cause=Cause("job", "x"),
            actor=factories.SYSTEM,
        )
        // MICROS
    )


def test_more_is_taken_as_far_as_it_reaches_and_once() -> None:
    ada = customer()
    factories.give(ada, 10)
    factories.give(ada, 10, scope=WEB)

    assert take_more(ada, 15, reference="test:more") == 10
    assert take_more(ada, 15, reference="test:more") == 10
    assert take_more(ada, 1, reference="test:again") == 0

    assert free(ada) == 10
    assert Hold.objects.get().captured_micros == 10 * MICROS


SUNSET = Conversion.model_validate(
    {
        "code": "sora",
        "name": {"en": "Sora", "zh": "Sora"},
        "at": "2099-04-26T00:00:00+00:00",
        "from_sources": ["pack"],
        "match_scope": {"model": "sora"},
        "factor": "1/3",
        "source": "pack",
        "expiry": "P1Y",
    }
)


@transaction.atomic
def convert(account: Account) -> int:
    return ledger.convert(factories.lock(account), SUNSET, zone="UTC")


def test_what_is_left_of_a_product_becomes_other_credits_once() -> None:
    ada = customer()
    sora: dict[str, Any] = {"model": ("sora",)}
    old = factories.give(ada, 10, source="pack", scope=sora)
    factories.give(ada, 10, source="pack")
    factories.give(ada, 10, source="gift", scope=sora)

    assert convert(ada) == 3_333_333
    assert convert(ada) == 0

    old.refresh_from_db()
    assert (old.available_micros, old.revoked_micros) == (0, 10 * MICROS)
    new = Grant.objects.get(fact=f"conversion:sora:{old.pk}")
    assert (new.scope, new.source, new.amount_micros) == ({}, "pack", 3_333_333)
    assert new.expires_at is not None
    assert any("exchanged for others" in line for line in told(ada))


def test_what_was_held_at_the_end_of_a_product_is_converted_when_it_is_back() -> None:
    ada = customer()
    sora: dict[str, Any] = {"model": ("sora",)}
    old = factories.give(ada, 10, source="pack", scope=sora)
    held = factories.hold(ada, 4, facts={"model": "sora"})
    assert convert(ada) == 2 * MICROS

    factories.release(ada, held)

    assert convert(ada) == 1_333_333
    assert convert(ada) == 0
    old.refresh_from_db()
    assert old.revoked_micros == 10 * MICROS
    assert Grant.objects.filter(fact__startswith="conversion:sora:").count() == 2
