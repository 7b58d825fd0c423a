"""Ad videos for merchants: nothing without a plan, whole prices, credits to the end of a day."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
AD = {"feature": "i2v", "seconds": 10}


def test_a_plan_makes_ads_until_the_end_of_its_last_day(opened: Open) -> None:
    shop = opened("merchants")

    # Without a plan there are no credits and no packs.
    assert shop.refused("insufficient_credits", **AD)["short"] == "60"
    shop.not_sold("not_entitled", "pack-1000")

    # Basic: 30 yuan a month for 300 credits, which end at 24:00 of their last day.
    sold = shop.subscribe("basic", "P1M", "CNY")
    assert sold["price"]["renewal"] == {"amount": "30.00", "currency": "CNY"}
    assert shop.balance() == "300"
    [ends] = shop.get("/v1/balance")["expiring"]
    clock = datetime.fromisoformat(ends["expires_at"]).astimezone(ZoneInfo("Asia/Shanghai"))
    assert (clock.hour, clock.minute, clock.second) == (0, 0, 0)

    # Six a second for an ad, five for motion, one for a text.
    assert shop.paid(**AD) == "60"
    assert shop.paid(task="partial_motion_effects", seconds=10) == "50"
    assert shop.paid(task="ad_copy") == "1"
    assert shop.balance() == "189"

    # One at a time: the second waits. Of four two came: half is paid.
    [first] = shop.busy(1, task="ad_copy")
    second = shop.submit(task="ad_copy")
    assert shop.get(f"/v1/jobs/{second['id']}")["status"] == "queued"
    shop.cog.resume()
    assert [shop.wait(one)["status"] for one in (first, second)] == ["succeeded"] * 2
    shop.cog.makes = 2
    assert shop.paid(**AD | {"seconds": 5}, count=4) == "60"
    shop.cog.makes = None
    assert shop.balance() == "127"

    # A pack lasts longer, so the plan's credits pay first.
    shop.sell("pack-1000")
    assert shop.paid(**AD, count=3) == "180"
    assert (shop.has("allowance"), shop.has("pack")) == ("0", "947")
    assert shop.spend_all(**AD, count=4) == 3
    assert shop.spend_all(**AD) == 3
    assert shop.spend_all(task="ad_copy", count=4) == 11
    assert shop.balance() == "3"

    # Short of a text for four, three fit; and the next month is on its way.
    offered = shop.quote(task="ad_copy", count=4)["alternatives"]
    assert {"count": 3} in [one["change"] for one in offered]
    assert "grant" in [one["kind"] for one in offered]
    shop.pass_time(days=32)
    assert shop.has("allowance") == "300"

    # Those end when the next ones come, at that very midnight: never are there 600.
    ends = next(one for one in shop.get("/v1/balance")["expiring"] if one["credits"] == "300")
    at = ends["expires_at"]
    assert shop.get("/v1/balance")["next_grant"]["at"] == at
    assert shop.get(f"/v1/balance?as_of={at}")["by_source"] == {"allowance": "300", "pack": "3"}
    shop.pass_time(days=31)
    assert (shop.has("allowance"), shop.has("pack")) == ("300", "3")
    shop.audit()
