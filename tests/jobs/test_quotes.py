"""A quote promises a price: of its instant, to its way in, and for one order."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.jobs.errors import QuoteExpired
from billing.jobs.models import Job, Quote
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of


def test_the_price_of_a_quote_is_that_of_its_instant(ada: Account) -> None:
    promo = """
    [[modifier]]
    id = "promo"
    factor = "0.5"
    from = 2020-01-01T00:00:00+00:00
    until = 2099-01-01T00:00:00+00:00
    """
    shop.open_shop(promo)
    factories.give(ada, 100)
    told = shop.quote(ada)
    shop.open_shop()

    job = shop.submit(ada, order_of({}, quote_id=told.quote.pk))

    assert (told.quote.total_micros, job.quoted_micros) == (5 * MICROS, 5 * MICROS)
    assert job.rated_at == told.quote.rated_at <= job.ordered_at
    assert told.assessment.priced.whole.list_micros == 10 * MICROS
    assert shop.submit(ada).quoted_micros == 10 * MICROS


def test_a_quote_is_for_one_order(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)
    told = shop.quote(ada)
    first = shop.submit(ada, order_of({}, quote_id=told.quote.pk))
    shop.fail(first)
    before = shop.facts_of(ada)

    with pytest.raises(QuoteExpired):
        shop.submit(ada, order_of({}, quote_id=told.quote.pk))

    assert shop.facts_of(ada) == before


def test_a_quote_told_to_another_way_in_is_none(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)
    told = shop.quote(ada, order_of({}, surface="cli"))
    before = shop.facts_of(ada)

    with pytest.raises(QuoteExpired):
        shop.submit(ada, order_of({}, quote_id=told.quote.pk, surface="web"))

    assert shop.facts_of(ada) == before
    assert Quote.objects.get().context["surface"] == "cli"
    assert not Job.objects.exists()
    assert datetime.now(UTC) - told.quote.created_at < timedelta(minutes=15)
