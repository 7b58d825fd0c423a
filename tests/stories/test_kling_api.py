"""The Kling AI API: no plan, packs that are activated, and price lists by region."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
CLIP = {"model": "kling-v3", "feature": "t2v", "seconds": 5}


def test_packs_begin_when_they_are_activated_and_pay_by_list_or_by_units(opened: Open) -> None:
    kling = opened("kling-api")

    # Nothing is free. The list is in dollars, exact to a hundredth of a cent.
    assert kling.quote(**CLIP)["credits"] == "0.42"
    assert kling.refused("insufficient_credits", **CLIP)["short"] == "0.42"
    assert kling.quote(model="kling-v1", task="text_to_image")["credits"] == "0.0035"

    # A trial pack is bought, and begins when its buyer says so.
    assert kling.sell("trial-usd-100") == "9.80 USD"
    assert kling.balance() == "0"
    [waiting] = kling.get("/v1/balance")["waiting"]
    assert (waiting["pack"], waiting["credits"]) == ("trial-usd-100", "14")
    kling.pass_time(days=10)
    kling.activate_all()
    assert kling.balance() == "14"

    # It brings five jobs at once; without it there is one.
    clips = kling.busy(5, **CLIP)
    assert kling.refused("concurrency_limit", **CLIP)["limit"] == 5
    kling.cog.resume()
    first, *_others = [kling.wait(one) for one in clips]
    assert kling.balance() == "11.9"

    # By the list: sound, 4K, an extension, lips; what fails is free.
    assert kling.paid(**CLIP | {"mode": "pro", "audio": True, "seconds": 10}) == "1.68"
    assert kling.paid(**CLIP | {"mode": "4K", "seconds": 15}) == "6.3"
    more = {"model": "kling-v3", "task": "extend", "parent": first["id"]}
    assert kling.paid(**more) == "0.28"
    talk = {"prompt": "hello", "video_url": "https://example.com/talk.mp4"}
    assert kling.paid(model="kling-v3", task="lip_sync", inputs=talk) == "0.1"
    assert kling.failed("NSFW content", **CLIP)["credits"]["captured"] == "0"
    assert kling.balance() == "3.54"

    # What only the reseller prices is refused before anything is sent.
    kling.unpriced(model="kling-v2-5-turbo", mode="pro")
    assert kling.spend_all(model="kling-v2-master") == 2
    assert kling.balance() == "0.74"

    # Thirty days after its activation the pack is cleared.
    kling.pass_time(days=30)
    assert kling.balance() == "0"

    # An account that pays by units: 2 or 3.5 for each started five seconds.
    kling.live_in("units")
    old = {"model": "kling (legacy units)", "feature": "video"}
    assert kling.quote(**old, seconds=11)["credits"] == "6"
    assert kling.quote(**old, seconds=11, mode="pro")["credits"] == "10.5"
    assert kling.sell("trial-100") == "9.80 USD"
    kling.activate_all()
    assert kling.balance() == "100"
    assert kling.spend_all(**old, mode="pro", seconds=60) == 2
    assert kling.spend_all(**old, mode="std", seconds=40) == 1
    assert kling.balance() == "0"
    kling.audit()
