"""Wan: free seconds, one digital human at a time, real lengths, and three lists by region."""

import pytest

from tests.stories.conftest import Open
from tests.stories.platform import PROMPT

pytestmark = pytest.mark.flow
VIDEO = {"inputs": PROMPT["inputs"] | {"video_url": "https://example.com/kite.mp4"}}
HUMAN = {"feature": "s2v"}
CLIP = {"model": "wan2.5", "feature": "t2v", "resolution": "1080P"}


def test_free_seconds_come_first_then_real_lengths_are_paid_by_the_list(opened: Open) -> None:
    wan = opened("wanxiang")

    # A hundred seconds of digital human are free. One that does not say its length takes 30.
    assert wan.left("s2v-free") == "100"
    assert wan.paid(**HUMAN) == "0"
    assert wan.left("s2v-free") == "70"
    wan.refused("insufficient_credits", **CLIP)

    # What was measured counts, not what was held.
    wan.cog.metrics = {"video_duration": 10.23}
    assert wan.paid(**HUMAN) == "0"
    assert wan.left("s2v-free") == "59.77"

    # What fails uses nothing up.
    wan.failed("out of memory", **HUMAN)
    assert wan.left("s2v-free") == "59.77"
    wan.cog.metrics = {}
    assert wan.paid(**HUMAN, seconds=50) == "0"

    # With money: 9.77 s of 30 are still free, the others cost half a yuan.
    assert wan.sell("balance-cny", 100) == "100.00 CNY"
    assert wan.quote(**HUMAN)["credits"] == "10.115"
    assert wan.paid(**HUMAN) == "10.115"
    wan.cog.metrics = {"video_duration": 10.23}
    assert wan.paid(**HUMAN) == "5.115"
    assert wan.balance() == "84.77"

    # One digital human at a time: a second one waits, a film does not.
    wan.cog.metrics = {}
    [first] = wan.busy(1, **HUMAN, seconds=10)
    second = wan.submit(**HUMAN, seconds=10)
    [film] = wan.busy(1, **CLIP, seconds=5)
    assert wan.get(f"/v1/jobs/{second['id']}")["status"] == "queued"
    wan.cog.resume()
    assert [wan.wait(one)["credits"]["captured"] for one in (first, second, film)] == [
        "5",
        "5",
        "5",
    ]

    # Down to nothing.
    assert wan.spend_all(**CLIP, seconds=5) == 13
    assert wan.balance() == "4.77"
    assert wan.paid(**CLIP, seconds="4.77") == "4.77"
    assert wan.refused("insufficient_credits", **CLIP)["available"] == "0"

    # The lists in dollars: seconds that go in count too, of references up to five.
    wan.live_in("cn-beijing", "USD")
    three = {"model": "wan3.0-video", "seconds": 5, "input_seconds": 5} | VIDEO
    assert wan.quote(**three)["credits"] == "0.82513"
    wan.live_in("ap-singapore", "USD")
    assert wan.quote(**three)["credits"] == "1"
    likeness = {"model": "wan2.7-r2v", "feature": "r2v", "reference_seconds": 8} | VIDEO
    assert wan.quote(**likeness)["credits"] == "1"
    assert wan.sell("balance-usd", 2) == "2.00 USD"
    assert wan.spend_all(**three) == 2
    assert wan.balance() == "0"
    wan.audit()
