"""Luma: twice the seconds cost three times as much, and what is continued costs as 5 s do."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
RAY = {"model": "ray-3.2", "task": "generation", "resolution": "720P"}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}


def test_from_three_dollars_of_credits_to_an_empty_wallet(opened: Open) -> None:
    luma = opened("luma")

    # A sign-up gives nothing. 211 credits cost a dollar.
    luma.refused("insufficient_credits", **RAY)
    assert luma.sell("credits-211", quantity=3) == "3.00 USD"
    assert luma.balance() == "633"

    # 5 s of 720p cost 63.3, and 10 s three times that.
    first = luma.order(**RAY)
    assert first["credits"]["captured"] == "63.3"
    assert luma.quote(**RAY, seconds=10)["credits"] == "189.9"

    # From an image, and continued, it is the price of 5 s, whatever its length.
    assert luma.quote(**RAY | {"task": "image_to_video"}, seconds=10)["credits"] == "63.3"
    longer = luma.order(model="ray-3.2", task="extend", parent=first["id"], seconds=10)
    assert longer["dimensions"]["resolution"] == "720p"
    assert longer["credits"]["captured"] == "63.3"

    # A failure gives everything back, and cannot be continued.
    failed = luma.failed("nsfw content", **RAY)
    assert failed["credits"] == {
        "quoted": "63.3",
        "held": "0",
        "captured": "0",
        "released": "63.3",
        "owed": "0",
    }
    luma.refused("invalid_parent", model="ray-3.2", task="extend", parent=failed["id"])
    assert luma.balance() == "506.4"

    # An edit costs each second of its video, and parts of one.
    edit = RAY | VIDEO | {"task": "edit"}
    assert luma.paid(**edit, seconds="2.5") == "113.95"

    # 9 s of Ray 2 take most of the rest; of what is left a flash clip can be paid, and no more.
    assert luma.paid(model="ray-2", resolution="540P", seconds=9) == "217.33"
    assert luma.spend_all(model="ray-1-6") == 1
    assert luma.spend_all(model="ray-flash-2") == 1
    assert luma.balance() == "27.42"
    told = luma.quote(**RAY)
    assert [one["change"] for one in told["alternatives"]] == [{"resolution": "360p"}]

    # The relaxed lane is that of the unlimited plan, and takes nothing there.
    luma.refused("not_entitled", **RAY, lane="relaxed")
    luma.subscribe("unlimited", "P1M", "USD")
    assert luma.paid(model="ray-2", resolution="4K", seconds=9, lane="relaxed") == "0"
    assert luma.spend_all(**RAY | {"resolution": "360P"}) == 2
    assert luma.balance() == "2.1"
    luma.audit()
