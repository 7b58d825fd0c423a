"""Qingying: money paid in, one price a call whatever is called for, and levels of an account."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
V3 = {"model": "cogvideox-3"}


def test_a_balance_of_yuan_is_spent_call_by_call(opened: Open) -> None:
    qingying = opened("qingying")

    # Nothing is free: a price is told, and no order is taken.
    assert qingying.quote(**V3)["credits"] == "1"
    assert qingying.refused("insufficient_credits", **V3)["available"] == "0"

    # Eight yuan are paid in at par. In dollars this account buys nothing.
    qingying.not_sold("no_price", "balance-usd")
    assert qingying.sell("balance-cny", quantity=8) == "8.00 CNY"

    # A call costs a yuan: of 10 s in 4K, and of 5 s in 720p from an image.
    assert qingying.paid(**V3, resolution="4k", seconds=10) == "1"
    assert qingying.quote(**V3, feature="i2v", resolution="720P", seconds=5)["credits"] == "1"
    assert qingying.quote(model="cogvideox-2")["credits"] == "0.5"

    # What fails costs nothing.
    assert qingying.failed("out of memory", **V3)["credits"]["captured"] == "0"
    assert qingying.balance() == "7"

    # Level V0 makes five at once, and refuses a sixth; level V1 takes it.
    jobs = qingying.busy(5, **V3)
    assert qingying.refused("concurrency_limit", **V3)["limit"] == 5
    told = qingying.quote(**V3)
    assert ("plan", "v1") in [(one["kind"], one["plan"]) for one in told["alternatives"]]
    qingying.subscribe("v1")
    jobs += qingying.busy(1, **V3)
    qingying.cog.resume()
    assert [qingying.wait(job)["credits"]["captured"] for job in jobs] == ["1"] * 6

    # The last yuan makes two of the older model.
    assert qingying.spend_all(model="cogvideox-2") == 2
    assert qingying.balance() == "0"
    qingying.audit()


def test_abroad_the_same_call_costs_dollars(opened: Open) -> None:
    qingying = opened("qingying")
    assert qingying.sell("balance-cny") == "1.00 CNY"
    qingying.live_in("intl")

    # A yuan that was paid in before the account moved is no dollar.
    problem = qingying.refused("insufficient_credits", **V3)
    assert (problem["available"], problem["unusable"]) == ("0", "1")

    # In the book of z.ai a call costs 0.2 dollars, and the older model has no price.
    assert qingying.quote(**V3)["credits"] == "0.2"
    qingying.unpriced(model="cogvideox-2")
    qingying.not_sold("no_price", "balance-cny")
    assert qingying.sell("balance-usd") == "1.00 USD"

    # The dollar makes five; the yuan is there for who comes back.
    assert qingying.spend_all(**V3) == 5
    qingying.live_in("cn")
    assert qingying.spend_all(**V3) == 1
    assert qingying.balance() == "0"
    qingying.audit()
