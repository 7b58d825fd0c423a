"""Pika: a month's credits die, bought ones stay, and every kind of clip has its own table."""

import pytest

from tests.stories.conftest import Open
from tests.stories.platform import PROMPT

pytestmark = pytest.mark.flow
BASIC = {"model": "pika-basic"}
CLIP = {"model": "pika-2.2"}
VIDEO = {"inputs": {"prompt": "a kite", "video_url": "https://example.com/kite.mp4"}}
FRAMES = {"inputs": {**PROMPT["inputs"], "last_image_url": "https://example.com/last.png"}}


def test_what_a_month_leaves_dies_and_what_was_bought_stays(opened: Open) -> None:
    pika = opened("pika")

    # Without a membership there is no price in credits, and none to buy.
    pika.unpriced(**CLIP)
    pika.not_sold("not_entitled", "credits-1000")

    # Basic: 80 a month, two clips of 720p and a long basic one.
    pika.subscribe("basic")
    assert pika.balance() == "80"
    assert [pika.paid(**CLIP, resolution="720P") for _ in range(2)] == ["35", "35"]
    assert pika.spend_all(**BASIC, seconds=10) == 1
    assert pika.balance() == "0"
    told = pika.quote(**BASIC)
    assert [one["kind"] for one in told["alternatives"]] == ["grant"]

    # A thousand are bought, of which a long clip of 1080p takes a hundred.
    assert pika.sell("credits-1000") == ""
    assert pika.paid(**CLIP, resolution="1080P", seconds=10) == "100"

    # The next month's 80 go first, and its 45 that are left die with it; the 900 stay.
    pika.pass_time(days=31)
    assert pika.balance() == "980"
    [first] = pika.quote(**CLIP)["would_use"]
    assert (first["source"], first["credits"]) == ("allowance", "35")
    assert pika.paid(**CLIP) == "35"
    pika.pass_time(days=31)
    assert pika.balance() == "980"

    # One clip at once: a second waits for it, and both come.
    [running] = pika.busy(1, **CLIP, resolution="1080P", seconds=10)
    waiting = pika.submit(**BASIC, seconds=10)
    assert waiting["queue"]["position"] == 1
    pika.cog.resume()
    assert [pika.wait(job)["status"] for job in (running, waiting)] == ["succeeded"] * 2
    assert pika.balance() == "870"
    pika.audit()


def test_the_api_pays_dollars_by_exact_seconds(opened: Open) -> None:
    pika = opened("pika")
    pika.live_in("api")
    pika.surface = "api"
    assert pika.sell("api-usd", quantity=5) == "5.00 USD"

    # Ten seconds of scenes cost a third more than five at 720p, and three times as much at 1080p.
    scenes = CLIP | {"task": "scenes"}
    costs = [
        pika.quote(**scenes, resolution=resolution, seconds=seconds)["credits"]
        for resolution in ("720p", "1080p")
        for seconds in (5, 10)
    ]
    assert costs == ["0.3", "0.4", "0.5", "1.5"]
    assert pika.paid(**scenes, resolution="1080p", seconds=10) == "1.5"
    assert pika.paid(**CLIP, **FRAMES, task="first_last", resolution="1080p", seconds=10) == "1"

    # An effect has one price a run; without its video it is no order.
    assert pika.paid(model="pika", task="swaps", **VIDEO) == "0.3"
    pika.refused("invalid_spec", model="pika", task="additions")
    assert pika.paid(model="pika", task="effects") == "0.45"

    # Two at once: a third is refused until one has ended.
    jobs = pika.busy(2, **CLIP, seconds=10)
    pika.refused("concurrency_limit", **CLIP)
    pika.cog.resume()
    assert [pika.wait(job)["credits"]["captured"] for job in jobs] == ["0.6", "0.6"]

    # Of what is left two short clips can be paid, and then nothing can.
    assert pika.balance() == "0.55"
    assert pika.spend_all(**CLIP) == 2
    assert pika.balance() == "0.15"
    pika.audit()
