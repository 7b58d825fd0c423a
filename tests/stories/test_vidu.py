"""Vidu: credits bought one by one, off-peak at a printed price, and a reseller's sheet."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
CLIP = {"model": "vidu2.0", "feature": "i2v", "seconds": 4}
FILM = {"model": "viduq1", "feature": "t2v"}


def test_off_peak_is_cheaper_as_printed_and_the_last_credits_go(opened: Open) -> None:
    vidu = opened("vidu")

    # From 200 credits on, five cents each.
    assert vidu.refused("insufficient_credits", **FILM)["short"] == "2.5"
    vidu.not_sold("quantity_out_of_range", "credits", 199)
    assert vidu.sell("credits", 200) == "10.00 USD"
    assert vidu.balance() == "200"

    # Off-peak is printed beside each price, and is not half of it in each row.
    assert vidu.paid(**CLIP, resolution="360P") == "0.63"
    assert vidu.paid(**CLIP, resolution="360P", off_peak=True) == "0.32"
    assert vidu.paid(**CLIP | {"seconds": 8}, resolution="720P") == "3.13"
    assert vidu.paid(**CLIP | {"seconds": 8}, resolution="720P", off_peak=True) == "1.56"
    assert vidu.paid(model="viduq1", task="text_to_image", off_peak=True) == "0.315"
    assert vidu.balance() == "194.045"
    vidu.unpriced(**CLIP | {"seconds": 8}, resolution="1080P")

    # Three of four came; what fails is free.
    vidu.cog.makes = 3
    assert vidu.paid(**FILM, count=4) == "7.5"
    vidu.cog.makes = None
    assert vidu.failed("content policy", **FILM)["credits"]["captured"] == "0"
    assert vidu.balance() == "186.545"

    # The wallet runs dry; where a film no longer fits, one off-peak does.
    assert vidu.spend_all(**FILM, count=4) == 18
    assert vidu.spend_all(**FILM) == 2
    offered = vidu.quote(**FILM)["alternatives"]
    assert ({"lane": "off_peak"}, "1.25") in [(one["change"], one["credits"]) for one in offered]
    assert vidu.spend_all(**FILM, off_peak=True) == 1
    assert vidu.balance() == "0.295"
    assert vidu.quote(**FILM)["alternatives"] == []

    # By the reseller's sheet: so much for the first second, so much for each further one.
    vidu.live_in("comfy")
    second = {"model": "viduq2", "resolution": "720p", "seconds": 5}
    assert vidu.quote(**second)["credits"] == "36.925"
    assert vidu.quote(**second, feature="ref2v", audio=True)["credits"] == "63.3"
    assert vidu.quote(**second, off_peak=True)["credits"] == "18.4625"
    frames = {"model": "viduq2-pro", "task": "multi_frame", "resolution": "720p"}
    assert vidu.quote(**frames, frames=2, segments=[2, 3])["credits"] == "116.05"
    vidu.audit()
