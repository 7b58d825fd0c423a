"""What a job costs in the end: as measured, as far as agreed, for what came, or nothing at all."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from billing.accounts.models import Account
from billing.jobs.errors import PriceAboveMaximum, QuoteExpired
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import CountedUse, Entry, Hold
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of

USAGE = """
[overrun]
settle_by = "usage"
measured = { tokens = "total_tokens" }
hold_factor = "1.5"
policy = "cap"
"""
MORE = USAGE.replace('policy = "cap"', 'policy = "more"')
# An estimate by seconds, the real price by the tokens that the backend counts.
BY_TOKENS = """
[[rate]]
id = "tokens"
form = "tokens"
price = "1"
per = 1000
width = "width"
height = "height"
fps = "fps"
"""
WIDE = shop.MODEL.replace(
    "  seconds =",
    """  width = { values = [1024], default = 1024 }
  height = { values = [100], default = 100 }
  fps = { values = [20], default = 20 }
  seconds =""",
)


def open_metered(overrun: str = USAGE) -> None:
    """Sell by tokens: 5 s are estimated at 10,000 tokens, and so at 10 credits."""
    shop.open_shop(overrun, models=WIDE, rates=BY_TOKENS)


def test_what_was_measured_is_what_is_paid_and_the_rest_comes_back(ada: Account) -> None:
    open_metered()
    factories.give(ada, 100)
    told = shop.quote(ada)
    job = shop.submit(ada)

    done = shop.finish(job, usage={"total_tokens": 7250})

    assert (told.quote.total_micros, told.quote.max_micros) == (10 * MICROS, 15 * MICROS)
    assert (job.quoted_micros, done.hold.amount_micros) == (10 * MICROS, 15 * MICROS)
    assert (done.charged_micros, done.overrun_micros) == (7_250_000, 0)
    assert sum(micros for _label, micros in shop.lines(done)) == 7_250_000
    assert factories.free_micros(ada) == 92_750_000


def test_an_estimate_that_is_too_high_blocks_nobody_who_can_pay_the_price(ada: Account) -> None:
    open_metered()
    factories.give(ada, 12)

    done = shop.finish(shop.submit(ada), usage={"total_tokens": 9000})

    assert done.hold.amount_micros == 12 * MICROS
    assert done.charged_micros == 9 * MICROS
    assert factories.free_micros(ada) == 3 * MICROS


def test_the_ceiling_is_no_reason_to_refuse_but_the_price_is(ada: Account) -> None:
    open_metered()
    factories.give(ada, 9)
    before = shop.facts_of(ada)

    with pytest.raises(InsufficientCredits):
        shop.submit(ada)

    assert shop.facts_of(ada) == before


def test_what_is_above_the_hold_is_not_taken_where_the_catalog_caps(ada: Account) -> None:
    open_metered()
    factories.give(ada, 100)

    done = shop.finish(shop.submit(ada), usage={"total_tokens": 40_000})

    assert done.charged_micros == 15 * MICROS
    assert shop.lines(done)[-1] == ("No more than was agreed", -25 * MICROS)
    assert factories.free_micros(ada) == 85 * MICROS


def test_what_is_above_the_hold_is_taken_of_what_is_free_where_the_catalog_says_so(
    ada: Account,
) -> None:
    open_metered(MORE)
    factories.give(ada, 30)

    done = shop.finish(shop.submit(ada), usage={"total_tokens": 22_000})

    assert (done.charged_micros, done.overrun_micros) == (22 * MICROS, 7 * MICROS)
    assert Hold.objects.get(reference=f"job:{done.pk}:overrun").captured_micros == 7 * MICROS
    assert factories.free_micros(ada) == 8 * MICROS


def test_more_is_taken_only_as_far_as_it_reaches(ada: Account) -> None:
    open_metered(MORE)
    factories.give(ada, 20)

    done = shop.finish(shop.submit(ada), usage={"total_tokens": 99_000})

    assert (done.charged_micros, done.overrun_micros) == (20 * MICROS, 5 * MICROS)
    assert factories.free_micros(ada) == 0


@pytest.mark.parametrize("overrun", [USAGE, MORE])
def test_what_its_sender_pays_at_most_is_never_exceeded(ada: Account, overrun: str) -> None:
    open_metered(overrun)
    factories.give(ada, 100)
    job = shop.submit(ada, order_of({}, max_micros=12 * MICROS))

    done = shop.finish(job, usage={"total_tokens": 99_000})

    assert done.hold.amount_micros == 12 * MICROS
    assert done.charged_micros == 12 * MICROS


@pytest.mark.parametrize("overrun", [USAGE, MORE])
def test_an_order_by_a_quote_never_pays_more_than_it_said(ada: Account, overrun: str) -> None:
    open_metered(overrun)
    factories.give(ada, 100)
    told = shop.quote(ada)
    job = shop.submit(ada, order_of({}, quote_id=told.quote.pk))

    done = shop.finish(job, usage={"total_tokens": 99_000})

    assert done.charged_micros == told.quote.max_micros == 15 * MICROS


def test_a_price_above_the_senders_maximum_moves_nothing(ada: Account) -> None:
    open_metered()
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(PriceAboveMaximum):
        shop.submit(ada, order_of({}, max_micros=10 * MICROS - 1))

    assert shop.facts_of(ada) == before


@pytest.mark.parametrize(
    "usage",
    [
        *({}, {"other": 1}, {"total_tokens": None}, {"total_tokens": "many"}),
        *({"total_tokens": -1}, {"total_tokens": float("nan")}, {"total_tokens": float("inf")}),
        *({"total_tokens": "1e999"}, {"total_tokens": "1e16"}, {"total_tokens": True}),
        *({"total_tokens": "9" * 400}, {"total_tokens": [7000]}, {"total_tokens": 0}),
        *({"total_tokens": "1e-999999"}, {"total_tokens": "sNaN"}, {"total_tokens": ""}),
    ],
)
def test_a_usage_that_cannot_be_costs_what_was_quoted(
    ada: Account, usage: dict[str, object]
) -> None:
    open_metered()
    factories.give(ada, 100)

    done = shop.finish(shop.submit(ada), usage=usage)

    assert done.charged_micros == 10 * MICROS
    assert factories.free_micros(ada) == 90 * MICROS


def test_a_newer_catalog_changes_nothing_of_what_was_sold(ada: Account) -> None:
    open_metered()
    factories.give(ada, 100)
    job = shop.submit(ada)
    shop.open_shop(USAGE, models=WIDE, rates=BY_TOKENS.replace('price = "1"', 'price = "9"'))

    done = shop.finish(job, usage={"total_tokens": 8000})

    assert done.charged_micros == 8 * MICROS
    assert shop.submit(ada).quoted_micros == 90 * MICROS


# -- part of what was ordered --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("policy", "charged"), [("per_output", 20), ("all", 30), ("none", 0), (None, 20)]
)
def test_two_of_three_cost_what_the_catalog_says(
    ada: Account, policy: str | None, charged: int
) -> None:
    shop.open_shop(head=f'partial_success = "{policy}"' if policy else "")
    factories.give(ada, 100)
    job = shop.submit(ada, count=3)

    done = shop.finish(job, made=2)

    assert (job.quoted_micros, done.charged_micros) == (30 * MICROS, charged * MICROS)
    assert (done.outputs_ordered, done.outputs_made, done.outputs.count()) == (3, 2, 2)
    assert sum(micros for _label, micros in shop.lines(done)) == charged * MICROS
    assert factories.free_micros(ada) == (100 - charged) * MICROS


def test_a_film_of_two_seconds_is_not_paid_as_one_of_five_and_operators_read_of_it(
    ada: Account,
) -> None:
    shop.open_shop()
    factories.give(ada, 100)
    job = shop.submit(ada, seconds=5)

    with capture_logs() as logs:
        done = shop.finish(job, plays=timedelta(seconds=2))

    assert (done.quoted_micros, done.charged_micros) == (10 * MICROS, 4 * MICROS)
    assert shop.lines(done)[-1] == ("2 of 5 seconds came", -6 * MICROS)
    assert factories.free_micros(ada) == 96 * MICROS
    [told] = [line for line in logs if line["event"] == "film_is_short"]
    assert (told["job_id"], told["milliseconds"]) == (job.pk, [2000])


@pytest.mark.parametrize(("rounding_at", "quoted", "charged"), [("output", 3, 2), ("order", 1, 1)])
def test_a_part_is_rounded_where_the_whole_was(
    ada: Account, rounding_at: str, quoted: int, charged: int
) -> None:
    credit = shop.CREDIT.replace("decimals = 2", f'decimals = 0\nrounding_at = "{rounding_at}"')
    rate = shop.RATE.replace('price = "2"', 'price = "0.06"')  # 0.3 for an output, 0.9 for three
    shop.open_shop(credit=credit, rates=rate)
    factories.give(ada, 100)
    job = shop.submit(ada, count=3)

    done = shop.finish(job, made=2)

    assert (job.quoted_micros, done.charged_micros) == (quoted * MICROS, charged * MICROS)


def test_usage_is_of_all_outputs_that_came(ada: Account) -> None:
    open_metered()
    factories.give(ada, 100)
    job = shop.submit(ada, count=4)

    done = shop.finish(job, made=2, usage={"total_tokens": 16_000})

    assert job.quoted_micros == 40 * MICROS
    assert done.charged_micros == 16 * MICROS


# -- counted units -------------------------------------------------------------------------------
COUNTED = shop.FREE.replace(
    "  [plan.entitlements]",
    """
  [[plan.allowance]]
  code = "videos"
  cadence = "monthly"
  anchor = "calendar"
  unit = "output"
  amount = 3
  [plan.entitlements]""",
)


def test_counted_units_pay_first_and_credits_the_rest(ada: Account) -> None:
    shop.open_shop(plans=COUNTED)
    factories.give(ada, 100)
    told = shop.quote(ada, count=4)

    job = shop.submit(ada, count=4)

    assert [str(cover.share) for cover in told.assessment.priced.covers] == ["3/4"]
    assert job.covers == [
        {"allowance": "videos", "unit": "output", "units_micros": 3 * MICROS, "share": "3/4"}
    ]
    assert job.quoted_micros == 10 * MICROS
    assert factories.free_micros(ada) == 90 * MICROS


def test_what_counted_units_pay_wholly_costs_no_credits(ada: Account) -> None:
    shop.open_shop(plans=COUNTED)

    done = shop.finish(shop.submit(ada, count=2))

    assert (done.quoted_micros, done.charged_micros) == (0, 0)
    assert done.hold.state == "captured"
    assert CountedUse.objects.get().kept_micros == 2 * MICROS
    assert not Entry.objects.exists()


def test_a_failure_gives_counted_units_back_by_the_same_share_as_credits(ada: Account) -> None:
    policy = '[failure_policy.charge]\ntimeout = "0.5"'
    shop.open_shop(policy, plans=COUNTED)
    factories.give(ada, 100)

    done = shop.fail(shop.submit(ada, count=4), "timeout")

    assert done.charged_micros == 5 * MICROS
    assert CountedUse.objects.get().kept_micros == 3 * MICROS // 2
    assert shop.lines(done)[-1] == ("Given back", -5 * MICROS)


def test_units_of_what_did_not_come_go_back(ada: Account) -> None:
    shop.open_shop(plans=COUNTED)

    done = shop.finish(shop.submit(ada, count=3), made=1)

    assert done.charged_micros == 0
    assert CountedUse.objects.get().kept_micros == MICROS
    assert shop.submit(ada, count=2).quoted_micros == 0


def test_a_quote_whose_counted_units_are_gone_is_asked_for_anew(ada: Account) -> None:
    shop.open_shop(plans=COUNTED)
    factories.give(ada, 100)
    told = shop.quote(ada, count=3)
    shop.submit(ada, count=2)
    before = shop.facts_of(ada)

    with pytest.raises(QuoteExpired):
        shop.submit(ada, order_of({"count": 3}, quote_id=told.quote.pk))

    assert told.quote.max_micros == 0
    assert shop.facts_of(ada) == before


# -- nothing to pay ------------------------------------------------------------------------------
FREE_LANE = """
[[lane]]
code = "relaxed"
name = { en = "Relaxed", zh = "慢速" }
priority = 200
[[rate]]
id = "relaxed"
match = { lane = "relaxed" }
form = "flat"
price = "0"
free = true
"""


@pytest.mark.parametrize("end", ["success", "failure", "cancel"])
def test_what_is_free_has_a_hold_of_nothing_that_ends_with_it(ada: Account, end: str) -> None:
    shop.open_shop(FREE_LANE)

    job = shop.submit(ada, lane="relaxed")
    done = shop.finish(job) if end == "success" else shop.fail(job, "canceled_running")

    assert done.hold.amount_micros == done.charged_micros == 0
    assert done.hold.state == ("captured" if end == "success" else "released")
    assert not Entry.objects.exists()


def test_what_is_free_uses_no_counted_units(ada: Account) -> None:
    shop.open_shop(FREE_LANE, plans=COUNTED)

    job = shop.submit(ada, lane="relaxed")

    assert job.covers == []
    assert not CountedUse.objects.exists()


def test_a_quote_of_nothing_can_be_ordered_by(ada: Account) -> None:
    shop.open_shop(FREE_LANE)
    told = shop.quote(ada, lane="relaxed")

    job = shop.submit(ada, order_of({"lane": "relaxed"}, quote_id=told.quote.pk))

    assert (job.quoted_micros, job.max_micros) == (0, 0)
