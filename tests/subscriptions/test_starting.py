"""What an account is sold, and that it keeps it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.errors import (
    AlreadySubscribed,
    EndIsOver,
    NoSuchPrice,
    NotSubscribed,
    PlanNotOnSale,
    UnknownPlan,
)
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans import selectors as plans
from plans.credits import MICROS
from plans.models import CatalogVersion
from tests import factories
from tests.subscriptions.conftest import MONTHLY, PRICE, STANDARD, Vary

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TWO_PRICES = (
    PRICE,
    """{ currency = "CNY", interval = "P1M", list = "66", first = "33", renewal = "58" },
  { currency = "CNY", interval = "P1Y", list = "792" },
""",
)


def plan_code(account: Account) -> str | None:
    plan = selectors.plan_of(account, catalog=plans.current().catalog)
    return plan.code if plan else None


def untouched(account: Account) -> bool:
    """Say whether the account is as it was at first: on the free plan, told of nothing."""
    return plan_code(account) == "free" and not Event.objects.exists()


def test_what_was_sold_stays_in_the_row(ada: Account, vary: Vary) -> None:
    version = vary(TWO_PRICES)

    sold = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")

    assert (sold.plan, sold.interval, sold.currency, sold.book) == ("standard", "P1M", "CNY", "")
    assert (sold.price_micros, sold.renewal_micros) == (33 * MICROS, 58 * MICROS)
    assert sold.catalog_version_id == sold.terms_version_id == version.pk
    assert factories.free_micros(ada) == 660 * MICROS
    assert [event.type for event in Event.objects.all()] == ["subscription.activated"]


def test_a_plan_given_without_money_has_no_price(ada: Account) -> None:
    sold = services.start(account=ada, plan="standard")

    assert (sold.interval, sold.currency, sold.price_micros) == ("", "", None)
    assert selectors.standing_of(ada) == set()


def test_the_same_again_changes_nothing(ada: Account) -> None:
    first = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")

    again = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")
    unsaid = services.start(account=ada, plan="standard")

    assert first.pk == again.pk == unsaid.pk
    assert Event.objects.count() == 1
    assert factories.free_micros(ada) == 660 * MICROS


def test_a_year_instead_of_a_month_goes_on_in_the_same_windows(ada: Account, vary: Vary) -> None:
    vary(TWO_PRICES)
    month = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")
    factories.later(ada, 10 * DAY)

    year = services.start(account=ada, plan="standard", interval="P1Y", currency="CNY")

    month.refresh_from_db()
    assert month.ended_at == year.started_at
    assert year.price_micros == 792 * MICROS
    assert factories.free_micros(ada) == 660 * MICROS  # no second month at once
    factories.later(ada, 22 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS  # and the next one comes in time
    assert Grant.objects.filter(wallet__account=ada).count() == 2


def test_a_yearly_plan_drips_every_month(ada: Account, vary: Vary) -> None:
    vary(TWO_PRICES)
    services.start(account=ada, plan="standard", interval="P1Y", currency="CNY")

    for month in range(1, 13):
        factories.later(ada, 31 * DAY)
        assert factories.free_micros(ada) == 660 * MICROS, month

    assert Grant.objects.filter(wallet__account=ada).count() == 13


@pytest.mark.parametrize(
    ("plan", "interval", "currency", "refusal"),
    [
        ("gold", None, None, UnknownPlan),
        ("standard", "P1Y", "CNY", NoSuchPrice),
        ("standard", "P1M", "EUR", NoSuchPrice),
        ("standard", "P1M", None, NoSuchPrice),
        ("free", "P1M", "CNY", NoSuchPrice),
    ],
)
def test_what_is_not_sold_is_refused_and_nothing_moves(
    ada: Account, plan: str, interval: str | None, currency: str | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        services.start(account=ada, plan=plan, interval=interval, currency=currency)

    assert not Subscription.objects.exists()
    assert untouched(ada)


@pytest.mark.parametrize(
    "times", ["until = 2026-01-01T00:00:00Z\n", "from = 2099-01-01T00:00:00Z\n"]
)
def test_a_plan_is_sold_only_while_it_is_on_sale(ada: Account, vary: Vary, times: str) -> None:
    services.start(account=ada, plan="pro")
    vary((STANDARD, STANDARD + times))

    with pytest.raises(PlanNotOnSale):
        services.start(account=ada, plan="standard")

    assert plan_code(ada) == "pro"
    assert Subscription.objects.count() == 1


def test_who_is_on_a_plan_that_is_sold_no_more_stays(ada: Account, vary: Vary) -> None:
    sold = services.start(account=ada, plan="standard")
    vary((STANDARD, STANDARD + "until = 2026-01-01T00:00:00Z\n"))

    assert services.start(account=ada, plan="standard").pk == sold.pk
    assert plan_code(ada) == "standard"


def test_an_announced_price_is_asked_from_its_instant(ada: Account, vary: Vary) -> None:
    later = '{ currency = "CNY", interval = "P1M", list = "88", from = 2099-01-01T00:00:00Z },\n'
    vary((PRICE, PRICE + later))

    sold = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")

    assert sold.price_micros == 66 * MICROS


# -- an end of its own ---------------------------------------------------------------------------


def test_a_gift_ends_by_itself_to_the_instant(ada: Account) -> None:
    now = factories.later(ada, timedelta())
    services.start(account=ada, plan="standard", ends_at=now + 7 * DAY)
    assert plan_code(ada) == "standard"

    factories.later(ada, 7 * DAY)

    assert plan_code(ada) == "free"  # although nobody has written it down yet
    assert selectors.standing_of(ada) == {"unsubscribed"}
    assert services.end_due() == 1
    assert services.end_due() == 0
    assert Subscription.objects.get().ended_at is not None
    assert Allowance.objects.get(wallet__account=ada, ends_at=None).mode == "claimed"
    assert [one.type for one in Event.objects.order_by("sequence")] == [
        *("subscription.activated", "subscription.canceled")
    ]


def test_a_second_gift_prolongs_the_first(ada: Account) -> None:
    now = factories.later(ada, timedelta())
    first = services.start(account=ada, plan="standard", ends_at=now + 7 * DAY)

    second = services.start(account=ada, plan="standard", ends_at=now + 67 * DAY)

    assert first.pk == second.pk
    assert factories.free_micros(ada) == 660 * MICROS
    factories.later(ada, 40 * DAY)
    assert plan_code(ada) == "standard"
    assert factories.free_micros(ada) == 660 * MICROS  # the second month's


def test_a_gift_brings_nothing_after_its_end(ada: Account) -> None:
    now = factories.later(ada, timedelta())
    services.start(account=ada, plan="standard", ends_at=now + 7 * DAY)

    factories.later(ada, 40 * DAY)

    assert factories.free_micros(ada) == 0


def test_a_gift_does_not_end_what_goes_on(ada: Account) -> None:
    sold = services.start(account=ada, plan="pro", interval="P1M", currency="CNY")
    now = factories.later(ada, timedelta())

    for plan in ("standard", "pro"):
        with pytest.raises(AlreadySubscribed):
            services.start(account=ada, plan=plan, ends_at=now + 7 * DAY)

    assert Subscription.objects.get() == sold
    assert plan_code(ada) == "pro"


def test_an_end_lies_ahead(ada: Account) -> None:
    now = factories.later(ada, timedelta())

    with pytest.raises(EndIsOver):
        services.start(account=ada, plan="standard", ends_at=now)

    assert untouched(ada)


# -- ending and standing -------------------------------------------------------------------------


def test_an_ended_subscription_leaves_the_free_plan(ada: Account) -> None:
    services.start(account=ada, plan="standard")

    ended = services.end(account=ada)

    assert ended is not None
    assert ended.ended_at is not None
    assert plan_code(ada) == "free"
    assert services.end(account=ada) is None
    assert factories.free_micros(ada) == 660 * MICROS  # granted credits keep their terms


def test_what_lasts_as_long_as_the_subscription_goes_with_it(ada: Account, vary: Vary) -> None:
    vary(
        (MONTHLY, 'credits = "660"\n  expiry = "subscription_end"\n  rollover'),
        ('expiry = "window_end"\n  priority = 20', "priority = 20"),
    )
    services.start(account=ada, plan="standard")
    factories.give(ada, 5)
    services.start(account=ada, plan="pro")
    assert factories.free_micros(ada) == (660 + 3000 + 5) * MICROS  # another plan follows

    services.end(account=ada)

    assert factories.free_micros(ada) == 3005 * MICROS


def test_a_plan_comes_and_goes_where_there_is_no_free_one(ada: Account, vary: Vary) -> None:
    vary(("free = true\n", "unpriced = true\n"))
    services.start(account=ada, plan="standard")

    services.end(account=ada)

    assert plan_code(ada) is None
    assert not Allowance.objects.filter(wallet__account=ada, ends_at=None).exists()


def test_an_account_falls_behind_and_recovers(ada: Account) -> None:
    services.start(account=ada, plan="standard", interval="P1M", currency="CNY")
    assert selectors.standing_of(ada) == set()

    first = services.mark_past_due(account=ada).past_due_at
    assert services.mark_past_due(account=ada).past_due_at == first
    assert selectors.standing_of(ada) == {"past_due"}
    assert plan_code(ada) == "standard"

    services.recover(account=ada)
    services.recover(account=ada)
    assert selectors.standing_of(ada) == set()
    assert [one.type for one in Event.objects.order_by("sequence")] == [
        *("subscription.activated", "subscription.past_due", "subscription.changed")
    ]


@pytest.mark.parametrize("verb", [services.mark_past_due, services.recover])
def test_who_has_no_subscription_does_not_fall_behind(ada: Account, verb: object) -> None:
    assert callable(verb)
    with pytest.raises(NotSubscribed):
        verb(account=ada)

    assert untouched(ada)


# -- the database is the last reviewer -----------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("plan = 'pro'", "keeps_what_was_sold"),
        ("price_micros = 1", "keeps_what_was_sold"),
        ("catalog_version_id = 'cat_x'", "keeps_what_was_sold"),
        ("started_at = now()", "keeps_what_was_sold"),
        ("renewal_micros = NULL", "price_is_whole"),
        ("renewal_micros = -1", "price_is_whole"),
        ("ends_at = started_at", "lasts_a_while"),
        ("past_due_at = started_at - interval '1 s'", "past_due_after_it_starts"),
        ("moved_at = started_at - interval '1 s'", "keeps_its_terms_until_moved"),
    ],
)
def test_the_database_keeps_what_was_sold(ada: Account, column: str, constraint: str) -> None:
    sold = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        connection.cursor().execute(f"UPDATE billing_subscription SET {column}")

    assert Subscription.objects.get() == sold
    assert Subscription.objects.get().price_micros == 66 * MICROS


@pytest.mark.parametrize(
    "sql", ["UPDATE billing_subscription SET ended_at = now()", "DELETE FROM billing_subscription"]
)
def test_what_has_ended_is_history(ada: Account, sql: str) -> None:
    services.start(account=ada, plan="standard")
    services.end(account=ada)
    before = Subscription.objects.get().ended_at

    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute(sql)

    assert Subscription.objects.get().ended_at == before


def test_the_database_knows_no_terms_but_the_sold_ones_before_a_move(
    ada: Account, kling: CatalogVersion, vary: Vary
) -> None:
    sold = services.start(account=ada, plan="standard")
    other = vary((MONTHLY, 'credits = "661"\n  rollover'))

    with pytest.raises(IntegrityError, match="until_moved"), transaction.atomic():
        Subscription.objects.filter(pk=sold.pk).update(terms_version=other)

    assert Subscription.objects.get().terms_version_id == kling.pk
    assert timezone.now() >= sold.started_at
