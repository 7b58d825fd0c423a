"""Who orders cannot set the price of what is only measured afterwards."""

import pytest

from billing.accounts.models import Account
from billing.jobs.errors import PriceAboveMaximum, QuoteExpired
from billing.jobs.models import Quote
from billing.jobs.orders import JobOrder
from plans.credits import MICROS
from plans.errors import InvalidSpec
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of

USAGE = """
[overrun]
settle_by = "usage"
measured = { active = "predict_time", input_seconds = "watched" }
policy = "more"
"""
MODEL = shop.MODEL.replace(
    "  seconds =",
    """  active = { min = 1, max = 3600, default = 60, estimated = true }
  input_seconds = { min = 0, max = 60, default = 0, input = "video_url", estimated = true }
  seconds =""",
)
RATE = """
[[rate]]
id = "active"
form = "per_unit"
basis = "active"
price = "1"
also = [{ basis = "input_seconds", price = "10" }]
"""
VIDEO = {"prompt": "a kite", "video_url": "https://example.com/clip.mp4"}
HIGHEST = 3600 * MICROS


@pytest.fixture
def metered(ada: Account) -> Account:
    """Ada, where a run costs a credit a second, and up to an hour can be measured."""
    shop.open_shop(USAGE, models=MODEL, rates=RATE)
    return ada


def test_a_guess_is_quoted_and_the_most_that_it_can_be_is_held(metered: Account) -> None:
    factories.give(metered, 5000)
    told = shop.quote(metered, active=1)

    done = shop.finish(shop.submit(metered, active=1), usage={"predict_time": 90})

    assert (told.quote.total_micros, told.quote.max_micros) == (MICROS, HIGHEST)
    assert done.hold.amount_micros == HIGHEST
    assert done.charged_micros == 90 * MICROS
    assert factories.free_micros(metered) == 4910 * MICROS


def test_a_maximum_below_what_a_guess_can_cost_is_refused(metered: Account) -> None:
    factories.give(metered, 5000)
    before = shop.facts_of(metered)

    with pytest.raises(PriceAboveMaximum):
        shop.submit(metered, order_of({"active": 1}, max_micros=HIGHEST - 1))

    assert shop.facts_of(metered) == before
    assert shop.submit(metered, order_of({"active": 1}, max_micros=HIGHEST)).max_micros == HIGHEST


def test_a_quote_of_a_low_guess_pays_what_it_really_took(metered: Account) -> None:
    factories.give(metered, 5000)
    told = shop.quote(metered, active=1)
    job = shop.submit(metered, order_of({"active": 1}, quote_id=told.quote.pk))

    assert shop.finish(job, usage={"predict_time": 3600}).charged_micros == HIGHEST


def test_a_quote_told_to_an_empty_wallet_is_not_a_low_price_for_a_full_one(
    metered: Account,
) -> None:
    factories.give(metered, 1)
    told = shop.quote(metered, active=1)
    factories.give(metered, 5000)
    job = shop.submit(metered, order_of({"active": 1}, quote_id=told.quote.pk))

    assert told.quote.max_micros == HIGHEST
    assert shop.finish(job, usage={"predict_time": 3600}).charged_micros == HIGHEST


def test_a_quote_that_agreed_to_less_than_it_can_cost_is_asked_for_anew(metered: Account) -> None:
    factories.give(metered, 5000)
    told = shop.quote(metered, active=1)
    Quote.objects.filter(pk=told.quote.pk).update(max_micros=HIGHEST - 1)
    before = shop.facts_of(metered)

    with pytest.raises(QuoteExpired):
        shop.submit(metered, order_of({"active": 1}, quote_id=told.quote.pk))

    assert shop.facts_of(metered) == before


def test_who_can_pay_the_guess_is_not_refused_and_all_that_he_has_is_held(metered: Account) -> None:
    factories.give(metered, 70)
    job = shop.submit(metered, active=60)

    done = shop.finish(job, usage={"predict_time": 3600})

    assert done.hold.amount_micros == 70 * MICROS
    assert done.charged_micros == 70 * MICROS
    assert factories.free_micros(metered) == 0


def test_what_did_not_go_in_is_neither_guessed_nor_asked_for(metered: Account) -> None:
    factories.give(metered, 5000)
    job = shop.submit(metered, active=5)

    done = shop.finish(job, usage={"predict_time": 7})

    assert done.hold.amount_micros == HIGHEST
    assert done.charged_micros == 7 * MICROS


def test_a_video_that_went_in_costs_its_real_length(metered: Account) -> None:
    factories.give(metered, 5000)
    order = JobOrder(spec={"model": "m", "active": 5, "input_seconds": 1}, inputs=VIDEO)
    told = shop.quote(metered, order)
    job = shop.submit(metered, order)

    done = shop.finish(job, usage={"predict_time": 5, "watched": 40})

    assert told.quote.total_micros == 15 * MICROS
    assert done.hold.amount_micros == HIGHEST + 600 * MICROS
    assert done.charged_micros == 405 * MICROS


FREE_SECONDS = shop.FREE.replace(
    "  [plan.entitlements]",
    """  [[plan.allowance]]
  code = "free-seconds"
  cadence = "once"
  unit = "second"
  amount = 100
  expiry = "never"
  [plan.entitlements]""",
)
SPEECH = shop.MODEL.replace(
    "seconds = { min = 1, max = 30, default = 5 }",
    "seconds = { min = 1, max = 30, default = 5, estimated = true }",
)


def test_counted_seconds_do_not_hide_what_a_low_guess_can_cost(ada: Account) -> None:
    usage = '[overrun]\nsettle_by = "usage"\nmeasured = { seconds = "length" }\npolicy = "more"\n'
    shop.open_shop(usage, models=SPEECH, plans=FREE_SECONDS)
    factories.give(ada, 100)
    told = shop.quote(ada, seconds=1)
    job = shop.submit(ada, order_of({"seconds": 1}, quote_id=told.quote.pk))

    done = shop.finish(job, usage={"length": 30})

    assert (told.quote.total_micros, told.quote.max_micros) == (0, 58 * MICROS)
    assert done.charged_micros == 58 * MICROS


def test_a_video_that_no_price_looks_at_is_refused(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(InvalidSpec) as caught:
        shop.submit(ada, JobOrder(spec={"model": "m"}, inputs=VIDEO))

    assert [error["pointer"] for error in caught.value.errors] == ["/inputs/video_url"]
    assert shop.facts_of(ada) == before


def test_a_video_sent_and_denied_is_refused_and_nothing_moves(metered: Account) -> None:
    factories.give(metered, 5000)
    before = shop.facts_of(metered)

    with pytest.raises(InvalidSpec) as caught:
        shop.submit(metered, JobOrder(spec={"model": "m", "input_seconds": 0}, inputs=VIDEO))

    assert [error["pointer"] for error in caught.value.errors] == ["/input_seconds"]
    assert shop.facts_of(metered) == before
