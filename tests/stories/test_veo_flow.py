"""Flow with Veo: fifty credits a day that do not gather, and a higher plan that pays less."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
LITE, FAST, QUALITY = (
    {"model": f"veo-3.1-{name}", "seconds": 8} for name in ("lite", "fast", "quality")
)


def test_from_fifty_a_day_to_ultra(opened: Open) -> None:
    flow = opened("veo-flow")

    # Fifty are there unasked: two clips of Fast and one of Lite.
    assert flow.balance() == "50"
    assert [flow.paid(**FAST), flow.paid(**FAST), flow.paid(**LITE)] == ["20", "20", "10"]
    assert flow.balance() == "0"
    flow.refused("insufficient_credits", **LITE)

    # Two days later they are fifty again, not a hundred; Quality is dearer than a day.
    flow.pass_time(days=2)
    assert flow.balance() == "50"
    assert flow.refused("insufficient_credits", **QUALITY)["need"] == "100"

    # A short clip needs Ultra; 8 s would fit. Credits cannot be bought on this plan.
    told = flow.quote(**FAST | {"seconds": 4})
    assert [one["code"] for one in told["reasons"]] == ["not_entitled"]
    ways = [(one["kind"], one["change"], one["plan"]) for one in told["alternatives"]]
    assert ways == [("change", {"seconds": 8}, None), ("plan", {}, "ultra-1")]
    flow.not_sold("not_entitled", "credits-2500")

    # Plus: 200 a month. Four of one request cost four times as much, and what came is paid.
    flow.subscribe("plus", "P1M", "USD")
    assert flow.balance() == "250"
    assert flow.quote(**FAST, count=4)["credits"] == "80"
    flow.cog.makes = 3
    assert flow.paid(**FAST, count=4) == "60"
    flow.cog.makes = None
    assert flow.paid(**QUALITY) == "100"

    # A clip by its exact length: 10 s cost 15, and 15 s of the next model 60.
    assert flow.quote(model="omni-flash", seconds=10)["credits"] == "15"
    assert flow.paid(model="omni-flash-1.2", seconds=15) == "60"
    assert flow.spend_all(**LITE) == 3
    assert flow.balance() == "0"

    # The next month brings 200 anew.
    told = flow.quote(**LITE)
    assert [one["kind"] for one in told["alternatives"]] == ["grant"]
    flow.pass_time(days=31)
    assert flow.balance() == "200"

    # Ultra pays half for the same clip, makes short ones, and waits for no credits at all.
    flow.subscribe("ultra", "P1M", "USD")
    assert flow.sell("credits-2500") == ""
    before = flow.balance()
    assert flow.quote(**FAST | {"seconds": 4})["credits"] == "10"
    assert flow.paid(**FAST, lane="relaxed") == "0"
    assert flow.paid(model="veo-3.1-lite-low-priority") == "0"
    assert flow.balance() == before
    flow.audit()


def test_an_account_of_the_api_pays_dollars_and_has_no_credits_of_flow(opened: Open) -> None:
    flow = opened("veo-flow")
    flow.live_in("api")
    flow.surface = "api"

    # Fifty credits of Flow a day are no fifty dollars.
    veo = {"model": "veo-3", "seconds": 8, "resolution": "720P"}
    assert flow.quote(**veo)["credits"] == "3.2"
    problem = flow.refused("insufficient_credits", **veo)
    assert (problem["available"], problem["unusable"]) == ("0", "50")
    assert flow.sell("api-usd", quantity=6) == "6.00 USD"

    # Without sound it costs half; 4k costs 0.60 a second.
    assert flow.paid(model="veo-3.1", seconds=8, audio=False) == "1.6"
    assert flow.paid(model="veo-3.1", seconds=4, resolution="4K") == "2.4"
    assert flow.spend_all(model="veo-3.1-fast", resolution="1080p", seconds=8) == 2
    told = flow.quote(model="veo-3.1-fast", resolution="1080p", seconds=8)
    assert {"seconds": 1} not in [one["change"] for one in told["alternatives"]]
    assert flow.paid(model="veo-3.1-lite", resolution="1080p", seconds=1) == "0.08"
    assert flow.has("pack") == "0"
    flow.audit()
