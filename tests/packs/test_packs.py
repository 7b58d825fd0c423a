"""Packs: what arrives, on what terms, once; and what is refused without a trace."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.ledger import selectors as ledger
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.models import Entry, Grant
from billing.packs import selectors, services
from billing.packs.api import coming_of
from billing.packs.errors import NoPrice, NotIncluded, NotOnSale, QuantityOutOfRange, UnknownPack
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def credits_of(account: Account) -> int:
    return factories.free_micros(account) // MICROS


def test_a_pack_brings_its_credits_and_its_bonus_each_on_terms_of_its_own(ada: Account) -> None:
    bought = shelf.give(ada, "plain", quantity=3)

    credits_, bonus = Grant.objects.order_by("id")
    assert (bought.grant, bought.bonus_grant) == (credits_, bonus)
    assert (credits_.amount_micros, bonus.amount_micros) == (300 * MICROS, 15 * MICROS)
    assert (credits_.source, credits_.priority) == ("pack", 30)
    assert (bonus.source, bonus.priority) == ("present", 5)
    assert credits_.expires_at == bought.bought_at + 30 * DAY == bought.expires_at
    assert bonus.expires_at == bought.bought_at + 7 * DAY
    assert set(Entry.objects.values_list("cause_type", "cause_id")) == {("pack", bought.pk)}


def test_both_grants_know_their_pack_and_only_the_first_was_paid_for(ada: Account) -> None:
    shelf.give(ada, "plain", paid=Paid(7 * MICROS, "USD"))

    credits_, bonus = Grant.objects.order_by("id")
    assert (credits_.pack, bonus.pack) == ("plain", "plain")
    assert (credits_.paid_micros, credits_.paid_currency) == (7 * MICROS, "USD")
    assert (bonus.paid_micros, bonus.paid_currency) == (0, "")
    assert credits_.locked_while == ["past_due"]
    assert (credits_.scope, bonus.scope) != ({}, {})


def test_a_repeat_with_the_same_fact_changes_nothing(ada: Account) -> None:
    first = shelf.give(ada, "plain")
    again = shelf.give(ada, "plain", quantity=5)

    assert again == first
    assert PackPurchase.objects.count() == 1
    assert credits_of(ada) == 105


def test_two_facts_are_two_purchases(ada: Account) -> None:
    for fact in ("order:1", "order:2"):
        shelf.give(ada, "plain", fact=fact)

    assert credits_of(ada) == 210


@pytest.mark.parametrize(
    ("pack", "quantity", "refusal"),
    [
        ("none", 1, UnknownPack),
        ("gone", 1, NotOnSale),
        ("dozen", 11, QuantityOutOfRange),
        ("dozen", 25, QuantityOutOfRange),
        ("dozen", 0, QuantityOutOfRange),
        ("dozen", -12, QuantityOutOfRange),
    ],
)
def test_a_pack_that_is_not_sold_so_is_refused_and_nothing_moves(
    ada: Account, pack: str, quantity: int, refusal: type[DomainError]
) -> None:
    factories.settle(ada)

    with pytest.raises(refusal):
        shelf.give(ada, pack, quantity=quantity)

    assert not PackPurchase.objects.exists()
    assert not Grant.objects.exists()


def test_more_than_a_wallet_may_hold_is_refused_and_nothing_moves(ada: Account) -> None:
    factories.give(ada, 10**12 - 100)

    with pytest.raises(AmountOutOfRange):
        shelf.give(ada, "plain")

    assert not PackPurchase.objects.exists()
    assert credits_of(ada) == 10**12 - 100


@pytest.mark.parametrize("allowed", ["false", '["fast"]'])
def test_a_plan_without_the_right_buys_nothing_and_is_told_which_plan_may(
    ada: Account, allowed: str
) -> None:
    shelf.publish_shop(shelf.shop_text(free_packs=allowed))

    with pytest.raises(NotIncluded) as refused:
        shelf.give(ada, "plain")

    assert (refused.value.code, refused.value.facts["required_plan"]) == (
        "not_entitled",
        "standard",
    )
    assert not PackPurchase.objects.exists()
    assert not Grant.objects.exists()


def test_a_plan_may_buy_the_packs_that_it_names(ada: Account) -> None:
    shelf.publish_shop(shelf.shop_text(free_packs='["fast"]'))

    assert shelf.give(ada, "fast").pack == "fast"


def test_what_was_paid_is_what_the_platform_says(ada: Account) -> None:
    bought = shelf.give(ada, "plain", quantity=2, paid=Paid(123_456_789, "EUR"))

    assert (bought.paid_micros, bought.paid_currency) == (123_456_789, "EUR")


def test_else_it_is_what_the_catalog_asks_and_the_first_time_the_first_price(ada: Account) -> None:
    first = shelf.give(ada, "plain", quantity=2, fact="order:1")
    second = shelf.give(ada, "plain", quantity=2, fact="order:2")

    assert (first.paid_micros, first.paid_currency) == (17 * MICROS, "USD")
    assert (second.paid_micros, second.paid_currency) == (20 * MICROS, "USD")


def test_the_price_is_that_of_the_accounts_book(ada: Account) -> None:
    cn = accounts.change_account(ada, region="cn", currency="CNY", catalog=plans.current().catalog)

    bought = shelf.give(cn, "plain")

    assert (bought.paid_micros, bought.paid_currency) == (66 * MICROS, "CNY")


def test_a_price_of_the_accounts_book_counts_before_one_of_no_book(ada: Account) -> None:
    text = shelf.shop_text()
    shelf.publish_shop(
        text.replace('book = "world", until = 2020-01-01T00:00:00Z', 'book = "world"')
    )

    assert shelf.give(ada, "plain").paid_micros == 9 * MICROS


def test_without_a_price_in_the_accounts_currency_the_sale_must_say_one(ada: Account) -> None:
    cn = accounts.change_account(ada, region="cn", currency="CNY", catalog=plans.current().catalog)

    with pytest.raises(NoPrice) as refused:
        shelf.give(cn, "credits-330")

    assert refused.value.facts["known"] == ["USD"]
    assert not PackPurchase.objects.exists()
    assert shelf.give(cn, "credits-330", paid=Paid(MICROS, "CNY")).is_active


def test_a_pack_without_any_price_counts_as_paid_by_nothing(ada: Account) -> None:
    bought = shelf.give(ada, "fast")

    assert (bought.paid_micros, bought.paid_currency) == (0, "")


def test_what_was_sold_keeps_the_terms_it_was_sold_with(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    shelf.publish_shop(shelf.shop_text().replace('credits = "50"', 'credits = "1"'))

    shelf.activate(ada, bought)

    assert credits_of(ada) == 50


def test_the_first_price_is_for_one_alone(ada: Account) -> None:
    assert shelf.give(ada, "plain", quantity=10).paid_micros == (7 + 9 * 10) * MICROS


def test_a_present_leaves_the_first_price_to_its_owner(ada: Account) -> None:
    version = shelf.publish_shop()
    with transaction.atomic():
        services.present(
            account=ada,
            pack="plain",
            version_id=version.pk,
            quantity=1,
            fact="code:1",
            actor=shelf.ADA,
        )

    assert shelf.give(ada, "plain").paid_micros == 7 * MICROS


def vast(old: str, new: str) -> None:
    """Put a shop in force that sells one pack otherwise."""
    text = shelf.shop_text()
    assert text.count(old) == 1
    shelf.publish_shop(text.replace(old, new))


def test_more_than_can_be_counted_is_refused_also_where_it_would_wait(ada: Account) -> None:
    vast('credits = "50"', 'credits = "999999999"')

    with pytest.raises(AmountOutOfRange):
        shelf.give(ada, "later", quantity=10_000)

    assert not PackPurchase.objects.exists()


def test_more_money_than_can_be_written_is_refused_and_nothing_moves(ada: Account) -> None:
    vast('list = "10", first = "7"', 'list = "999999999"')

    with pytest.raises(QuantityOutOfRange) as refused:
        shelf.give(ada, "plain", quantity=10_000)

    assert refused.value.facts["max"] == 1000
    assert not PackPurchase.objects.exists()
    assert not Grant.objects.exists()


def test_more_jobs_at_once_than_can_be_counted_are_as_many_as_can(ada: Account) -> None:
    vast("perks = { concurrency_more = 2 }", "perks = { concurrency_more = 1000000 }")

    bought = shelf.give(ada, "fast", quantity=10_000)

    assert bought.concurrency_more == 2**31 - 1


# -- activation ----------------------------------------------------------------------------------


def test_a_pack_to_be_activated_brings_nothing_before_that(ada: Account) -> None:
    bought = shelf.give(ada, "later")

    assert (bought.is_active, bought.grant, bought.expires_at) == (False, None, None)
    assert bought.activate_by == bought.bought_at + 20 * DAY
    assert credits_of(ada) == 0
    assert [one.pk for one in selectors.waiting(ada, at=bought.bought_at)] == [bought.pk]


def test_its_validity_counts_from_its_activation(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 15 * DAY)

    begun = shelf.activate(ada, bought)
    again = shelf.activate(ada, bought)

    assert begun.activated_at is not None
    assert begun.activated_at >= bought.bought_at + 15 * DAY
    assert begun.expires_at == begun.activated_at + 10 * DAY
    assert (again.activated_at, Grant.objects.count()) == (begun.activated_at, 1)
    assert credits_of(ada) == 50
    factories.later(ada, 10 * DAY)
    assert credits_of(ada) == 0


def test_on_its_last_day_it_begins_by_itself_and_no_day_is_won_by_a_late_sweep(
    ada: Account,
) -> None:
    bought = shelf.give(ada, "later")
    now = factories.later(ada, 19 * DAY)
    assert services.activate_due(now=bought.bought_at) == 0

    factories.later(ada, 5 * DAY)

    assert services.activate_due(now=bought.bought_at) == 1
    assert services.activate_due(now=bought.bought_at) == 0
    bought.refresh_from_db()
    assert bought.activated_at == bought.activate_by
    assert bought.activate_by is not None
    assert bought.expires_at == bought.activate_by + 10 * DAY
    assert now < bought.activate_by
    assert credits_of(ada) == 50


def test_a_sweep_that_comes_after_the_end_leaves_an_expired_grant(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 40 * DAY)

    assert services.activate_due(now=bought.bought_at) == 1

    assert credits_of(ada) == 0
    assert Grant.objects.get().expired_micros == 50 * MICROS


def test_who_activates_after_the_last_day_has_had_it_since_that_day(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 22 * DAY)

    begun = shelf.activate(ada, bought)

    assert begun.activated_at == bought.activate_by
    assert credits_of(ada) == 50


def test_another_account_cannot_activate_it(ada: Account) -> None:
    bob = factories.new_account("bob")
    bought = shelf.give(ada, "later")

    with pytest.raises(DomainError) as refused:
        shelf.activate(bob, bought)

    bought.refresh_from_db()
    assert (refused.value.code, bought.is_active) == ("not_found", False)
    assert not Grant.objects.exists()


def test_a_present_needs_no_right_and_counts_as_paid_by_nothing(ada: Account) -> None:
    version = shelf.publish_shop(shelf.shop_text(free_packs="false"))

    with transaction.atomic():
        given = services.present(
            account=ada,
            pack="plain",
            version_id=version.pk,
            quantity=1,
            fact="code:1",
            actor=shelf.ADA,
        )

    assert (given.is_active, given.paid_micros, given.paid_currency) == (True, 0, "")
    assert credits_of(ada) == 105


# -- what nobody has begun yet, although its last day has come ------------------------------------


def test_a_pack_is_in_the_balance_from_its_last_day_on_whether_that_is_written_or_not(
    ada: Account,
) -> None:
    bought = shelf.give(ada, "later")
    after = bought.activate_by or bought.bought_at
    asked = (after - DAY, after, after + 10 * DAY)
    foretold = [shown(ada, at) for at in asked]
    now = factories.later(ada, 21 * DAY)

    assert (credits_of(ada), shown(ada, now)) == (0, (50, 0))
    services.activate_due(now=bought.bought_at)

    assert (credits_of(ada), shown(ada, now)) == (50, (50, 0))
    assert [shown(ada, at) for at in asked] == foretold
    assert foretold == [(0, 1), (50, 0), (0, 0)]


def shown(ada: Account, at: datetime) -> tuple[int, int]:
    """Return the credits of a balance at an instant, and how many packs wait beside it."""
    balance = ledger.balance(factories.wallet_of(ada), as_of=at, coming=partial(coming_of, ada))
    return balance.available_micros // MICROS, len(selectors.waiting(ada, at=at))
