"""Seedance: tokens, settled by what was used; packs of one model; one price list a region."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
CLIP = {"model": "seedance-2-5", "feature": "t2v", "seconds": 5}  # 108,000 tokens at 24 frames


def test_tokens_are_held_with_a_margin_and_paid_as_they_were_used(opened: Open) -> None:
    seedance = opened("seedance")
    seedance.live_in("cn", "CNY")

    # 70 CNY for a million tokens; of pixels and of their names the price is the same.
    assert seedance.quote(**CLIP)["credits"] == "7.56"
    assert seedance.quote(**CLIP, width=1280, height=720)["credits"] == "7.56"
    assert seedance.quote(**CLIP, resolution="480p")["credits"] == "3.5154"
    assert seedance.refused("insufficient_credits", **CLIP)["short"] == "7.56"

    # Where the balance has it, 5 % more is held; the tokens that were used are paid.
    assert seedance.sell("balance-cny", 40) == "40.00 CNY"
    assert seedance.quote(**CLIP)["max_credits"] == "7.938"
    seedance.cog.metrics = {"completion_tokens": 100_000}
    assert seedance.paid(**CLIP) == "7"
    seedance.cog.metrics = {"completion_tokens": 120_000}
    assert seedance.paid(**CLIP) == "8.4"
    seedance.cog.metrics = {}
    assert seedance.paid(**CLIP) == "7.56"
    assert seedance.balance() == "17.04"

    # Of two that were ordered one came: its tokens alone. What was blocked costs nothing.
    seedance.cog.makes, seedance.cog.metrics = 1, {"completion_tokens": 108_000}
    assert seedance.paid(**CLIP, count=2) == "7.56"
    seedance.cog.makes = None
    assert seedance.failed("NSFW content", **CLIP)["credits"]["captured"] == "0"
    assert seedance.balance() == "9.48"

    # An estimate that is dearer than the wallet by its margin alone is no refusal.
    assert seedance.quote(**CLIP | {"seconds": 6})["max_credits"] == "9.48"

    # The pack of the model pays first, then the savings plan, then the balance.
    seedance.sell("pack-2-5")
    seedance.sell("savings-plan")
    seedance.cog.metrics = {}
    film = CLIP | {"seconds": 60, "resolution": "1080p"}
    assert seedance.paid(**film, count=4) == "898.128"
    assert seedance.has("resource_pack") == "101.872"
    assert seedance.paid(model="seedance-2-0", seconds=60) == "59.616"
    assert seedance.has("savings_plan") == "940.384"
    assert seedance.paid(**film, count=4) == "898.128"
    assert [seedance.has(one) for one in ("resource_pack", "savings_plan", "balance")] == [
        "0",
        "144.128",
        "9.48",
    ]

    # To the end: the last seconds that fit.
    assert seedance.spend_all(model="seedance-2-0", seconds=60) == 2
    assert seedance.spend_all(**CLIP) == 4
    assert seedance.balance() == "4.136"
    assert seedance.paid(**CLIP, resolution="480p") == "3.5154"
    seedance.refused("insufficient_credits", **CLIP, resolution="480p")

    seedance.audit()


def test_each_region_has_its_own_names_and_prices(opened: Open) -> None:
    seedance = opened("seedance")

    # By the second in dollars, whatever was used; a list knows its own models alone.
    seedance.live_in("intl", "USD")
    american = {"model": "doubao-seedance-2-5-260628", "seconds": 5}
    assert seedance.quote(**american)["credits"] == "1.08"
    assert seedance.sell("balance-usd", 4) == "4.00 USD"
    seedance.cog.metrics = {"completion_tokens": 120_000}
    assert seedance.spend_all(**american) == 3
    assert seedance.balance() == "0.76"
    seedance.unpriced(**CLIP)

    # A reseller's credits: 211 for a dollar.
    seedance.live_in("comfy", "USD")
    assert seedance.quote(model="seedance-2.5", seconds=5)["credits"] == "348.732"
    assert seedance.sell("balance-comfy", 2) == "2.00 USD"
    seedance.cog.metrics = {}
    assert seedance.spend_all(model="seedance-2.5", seconds=5) == 1
    assert seedance.balance() == "74.028"
    seedance.audit()
