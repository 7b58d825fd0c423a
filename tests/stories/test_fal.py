"""fal: a coupon of a week, dollars of a year, tokens of pixels, and jobs at once by purchases."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
H3 = {"model": "minimax h3", "resolution": "768P"}
SEEDANCE = {"model": "seedance 2.0"}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}


def test_from_a_coupon_to_ten_jobs_at_once(opened: Open) -> None:
    fal = opened("fal")

    # A coupon of 5 dollars, once, for a week.
    fal.refused("insufficient_credits", **H3)
    fal.serve("post", "/v1/campaigns/welcome/grants", {}, status=201)
    again = fal.serve("post", "/v1/campaigns/welcome/grants", {}, status=409)
    assert again["code"] == "already_granted"
    assert fal.balance() == "5"

    # Dollars that are bought last a year, and what ends first is used first.
    assert fal.sell("balance", quantity=10) == "10.00 USD"
    assert fal.paid(**H3, seconds=10) == "0.6"
    [first] = fal.quote(**H3)["would_use"]
    assert first["source"] == "promo"

    # Tokens: 1280 x 720 pixels, 24 a second, 5 s; 480p counts the pixels that are really made.
    assert fal.paid(**SEEDANCE) == "1.512"
    assert fal.quote(**SEEDANCE, resolution="480P")["credits"] == "0.70308"
    assert fal.quote(**SEEDANCE, width=1280, height=720)["credits"] == "1.512"

    # With a video as input its seconds count too, and all of it costs 0.6 times as much.
    assert fal.quote(**SEEDANCE, feature="v2v", input_seconds=5, **VIDEO)["credits"] == "1.8144"

    # Failures of the server are never charged; a wrong input is.
    assert fal.failed("out of memory", **SEEDANCE)["credits"]["captured"] == "0"
    fal.cog.refuses = "seconds: too long"
    wrong = fal.order(**H3)
    fal.cog.refuses = ""
    assert (wrong["error"]["class"], wrong["credits"]["captured"]) == ("invalid_input", "0.3")

    # What the coupon has left after a week is gone.
    assert fal.balance() == "12.588"
    fal.pass_time(days=7)
    assert fal.balance() == "10"

    # A new account has two jobs at once, and a third waits; for 100 dollars bought ten run.
    jobs = fal.busy(2, **H3)
    waiting = fal.submit(**H3)
    assert (waiting["status"], waiting["queue"]["position"]) == ("queued", 1)
    fal.cog.resume()
    assert [fal.wait(job)["status"] for job in (*jobs, waiting)] == ["succeeded"] * 3
    assert fal.sell("balance", quantity=90) == "90.00 USD"
    jobs = fal.busy(3, **H3, seconds=60)
    fal.cog.resume()
    assert [fal.wait(job)["credits"]["captured"] for job in jobs] == ["3.6"] * 3

    # The rest goes with long clips of 4k; an edge of less than one of them is left.
    dear = {"model": "seedance 2.0", "resolution": "4K", "seconds": 60}
    assert fal.quote(**dear)["credits"] == "93.312"
    assert fal.refused("insufficient_credits", **dear)["available"] == "88.3"
    assert fal.paid(**dear | {"seconds": 56}) == "87.0912"
    assert fal.spend_all(model="minimax h3", resolution="2K", seconds=9) == 1
    assert fal.balance() == "0.0388"
    assert fal.paid(model="pixverse v6", seconds=1, audio=True) == "0.035"
    fal.refused("insufficient_credits", model="pixverse v6", seconds=1)
    fal.audit()


def test_what_was_bought_ends_365_days_later_each_purchase_by_itself(opened: Open) -> None:
    fal = opened("fal")
    assert fal.sell("balance", quantity=2) == "2.00 USD"
    fal.pass_time(days=364)
    assert fal.sell("balance") == "1.00 USD"

    assert fal.balance() == "3"
    fal.pass_time(days=1)
    assert fal.balance() == "1"
    fal.audit()
