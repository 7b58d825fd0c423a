"""Hailuo: a clip a day by check-in, counted videos before credits, a reference as measured."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
OLD = {"model": "T2V-01"}
CLIP = {"model": "MiniMax-Hailuo-02", "resolution": "768p", "seconds": 6}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}
LONG = CLIP | {"seconds": 10}
H3 = {"model": "MiniMax-H3", "seconds": 5}


def test_videos_of_the_day_go_before_credits_and_a_year_later_those_are_gone(opened: Open) -> None:
    hailuo = opened("hailuo")

    # A login gives one clip of the old models, with a mark; the new ones are not for the free.
    assert hailuo.check_in()["credits"] == "0.43"
    hailuo.refused("not_entitled", **CLIP)
    marked = hailuo.order(**OLD)
    assert (marked["credits"]["captured"], marked["flags"]["watermark"]) == ("0.43", True)
    assert hailuo.balance() == "0"
    told = hailuo.quote(**OLD)
    assert [one["kind"] for one in told["alternatives"]] == ["grant"]

    # The Token Plan counts two videos of 768P and 6 s a day, and credits pay all else.
    hailuo.subscribe("token-max")
    assert hailuo.sell("credits-5000") == "5.00 USD"
    [would_use] = hailuo.quote(**CLIP)["would_use"]
    assert (would_use["allowance"], would_use["units"]) == ("daily-videos", "1")
    assert hailuo.quote(**LONG)["credits"] == "0.56"
    assert [hailuo.paid(**CLIP) for _ in range(3)] == ["0", "0", "0.28"]
    assert hailuo.balance() == "4.72"

    # A failure gives the video of the next day back.
    hailuo.pass_time(days=1)
    assert hailuo.failed("nsfw content", **CLIP)["credits"]["captured"] == "0"
    assert [hailuo.paid(**CLIP) for _ in range(2)] == ["0", "0"]

    # A reference video is said to have 1 s; its 4.2 s are known when it has been watched, and
    # five are paid. Seven images are two beyond five.
    images = H3 | {"feature": "ref2v", "reference_images": 7}
    assert hailuo.quote(**images)["credits"] == "0.48"
    reference = images | VIDEO | {"input_seconds": 1}
    assert hailuo.quote(**reference)["credits"] == "0.56"
    hailuo.cog.metrics = {"input_seconds": 4.2}
    assert hailuo.paid(**reference) == "0.88"
    hailuo.cog.metrics = {"input_seconds": 0}
    assert hailuo.balance() == "3.84"

    # Ten seconds of 1080P have no price, as nobody makes them.
    hailuo.unpriced(**CLIP | {"resolution": "1080P", "seconds": 10})

    # 15 s of 2K cost 1.95; the wallet is emptied by a shorter one.
    dear = {"model": "MiniMax-H3", "resolution": "2k", "seconds": 15}
    assert hailuo.spend_all(**dear) == 1
    assert hailuo.balance() == "1.89"
    fits = [one["change"] for one in hailuo.quote(**dear)["alternatives"]]
    assert {"seconds": 14} in fits
    assert hailuo.paid(**dear | {"seconds": 14}) == "1.82"
    assert hailuo.refused("insufficient_credits", **LONG)["available"] == "0.07"

    # What was bought ends a year after its own purchase, and a new purchase does not prolong it.
    hailuo.pass_time(days=200)
    assert hailuo.sell("credits-5000") == "5.00 USD"
    assert hailuo.balance() == "5.07"
    hailuo.pass_time(days=165)
    assert hailuo.balance() == "5"
    hailuo.audit()


def test_the_older_list_is_in_points_and_five_orders_a_minute(opened: Open) -> None:
    hailuo = opened("hailuo")
    hailuo.live_in("points")
    hailuo.subscribe("api-free")
    assert hailuo.sell("points-100") == ""

    # A part of a point is a price, and a minute takes five orders.
    small = CLIP | {"resolution": "512p"}
    assert [hailuo.paid(**small) for _ in range(5)] == ["0.3"] * 5
    assert hailuo.refused("quota_exceeded", **small)["window"] == "PT1M"
    hailuo.pass_time(minutes=1)
    assert hailuo.paid(**CLIP | {"resolution": "1080P"}) == "2"
    assert hailuo.balance() == "96.5"
    hailuo.audit()
