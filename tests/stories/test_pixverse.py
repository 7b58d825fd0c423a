"""PixVerse: credits of the day, of the month, of a gift and of packs, each with its own clock."""

from io import StringIO

import pytest
from django.core.management import call_command

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
V25 = {"model": "v2.5"}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}


def test_day_month_gift_and_pack_are_used_in_this_order(opened: Open) -> None:
    pixverse = opened("pixverse")

    # The free plan has no credits of the app, and no command line.
    pixverse.refused("insufficient_credits", **V25)
    pixverse.surface = "cli"
    pixverse.refused("not_entitled", **V25)
    pixverse.surface = ""

    # Pro: 30 of the day and 6,000 of the month, used in this order.
    pixverse.subscribe("pro", "P1M", "USD")
    assert pixverse.get("/v1/balance")["by_source"] == {"daily": "30", "monthly": "6000"}
    assert [pixverse.paid(**V25) for _ in range(3)] == ["15", "15", "15"]
    assert pixverse.get("/v1/balance")["by_source"] == {"monthly": "5985"}

    # The day brings 30 anew. Packs of the app and batches are those of Premium.
    pixverse.pass_time(days=1)
    assert pixverse.balance() == "6015"
    pixverse.not_sold("not_entitled", "app-credits")
    assert pixverse.refused("not_entitled", **V25, count=4)["required_plan"] == "premium"

    # A gift card is redeemed: it comes after the month, and before what is bought.
    codes = StringIO()
    call_command("create_codes", "gift-card", "--sandbox", stdout=codes)
    assert pixverse.redeem(codes.getvalue().strip())["gave"] == "campaign"
    pixverse.subscribe("premium", "P1M", "USD")
    assert pixverse.sell("app-credits") == ""
    pixverse.surface = "cli"
    assert list(pixverse.get("/v1/balance")["by_source"]) == ["daily", "gift", "monthly", "pack"]

    # Off-peak and previews take less, each by its factor; a batch of four costs four.
    assert pixverse.quote(**V25, off_peak=True)["credits"] == "10.5"
    assert pixverse.paid(**V25, off_peak=True, preview=True) == "8.4"
    assert pixverse.quote(**V25, count=4)["credits"] == "60"
    assert pixverse.paid(model="pixverse-image") == "0"
    assert pixverse.paid(**V25, lane="relaxed") == "0"

    # What fails takes nothing.
    assert pixverse.failed("nsfw", **V25)["credits"]["captured"] == "0"
    pixverse.audit()


def test_the_api_and_a_reseller_hold_credits_of_their_own(opened: Open) -> None:
    pixverse = opened("pixverse")

    # Credits of the API are bought without a plan, and pay nothing on the web.
    assert pixverse.sell("api-credits") == "10.00 USD"
    problem = pixverse.refused("insufficient_credits", **V25)
    assert (problem["available"], problem["unusable"]) == ("0", "1000")
    pixverse.surface = "api"
    assert pixverse.paid(**V25) == "15"

    # Another user is a reseller's: three dollars are 633 credits, and his prices are others.
    bob = pixverse.with_user("bob")
    bob.live_in("reseller")
    assert bob.sell("reseller-credits", quantity=3) == "3.00 USD"
    bob.unpriced(**V25)
    clip = {"model": "v3.5", "quality": "1080P"}
    assert bob.paid(**clip) == "253.2"

    # 1080p has a price for 5 s and normal motion only.
    bob.unpriced(**clip, seconds=8)
    bob.unpriced(**clip, motion="fast")

    # Fusion is paid twice, by the seconds of its reference; without one, by its own.
    fusion = {"model": "v6", "task": "fusion", "quality": "540P"}
    assert bob.quote(**fusion, seconds=5)["credits"] == "211.2"
    assert bob.paid(**fusion, seconds=5, reference_seconds=4, **VIDEO) == "168.96"

    # Sound costs more a second. Then less is left than the shortest clip of V3.5 costs.
    assert bob.paid(model="v6", seconds=4, quality="720p", audio=True) == "144.84"
    problem = bob.refused("insufficient_credits", model="v3.5")
    assert (problem["need"], problem["available"]) == ("94.95", "66")
    told = bob.quote(model="v6", seconds=5, quality="540p")
    assert {"seconds": 3} in [one["change"] for one in told["alternatives"]]
    assert bob.paid(model="v6", seconds=3, quality="540p") == "63.36"
    assert bob.balance() == "2.64"
    bob.audit()
