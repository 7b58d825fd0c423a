"""Runway: credits once at sign-up, Explore at no credits, and an API whose credits are others."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
TURBO = {"model": "gen-4-turbo", "seconds": 5}
GEN4 = {"model": "gen-4", "seconds": 5}


def test_from_125_credits_for_once_to_explore(opened: Open) -> None:
    runway = opened("runway")

    # 125 credits at sign-up, once.
    assert runway.balance() == "125"
    assert runway.paid(**GEN4) == "60"

    # Only an error gives credits back: what was blocked is paid for.
    assert runway.failed("out of memory", **TURBO)["credits"]["captured"] == "0"
    assert runway.failed("nsfw content", **TURBO)["credits"]["captured"] == "25"
    assert runway.quote(**TURBO)["refund_policy"]["moderation_output"] == "0"

    # The free plan buys nothing, and the next month brings nothing.
    assert runway.spend_all(model="gen-4-turbo", seconds=8) == 1
    assert runway.balance() == "0"
    runway.not_sold("not_entitled", "web-credits", quantity=1000)
    runway.pass_time(days=31)
    assert runway.balance() == "0"

    # Standard: 625 a month, and packs of a thousand at least. The month's go first.
    runway.subscribe("standard", "P1M", "USD")
    runway.not_sold("quantity_out_of_range", "web-credits", quantity=999)
    assert runway.sell("web-credits", quantity=1000) == "10.00 USD"
    assert runway.balance() == "1625"
    [first] = runway.quote(**GEN4)["would_use"]
    assert (first["source"], first["credits"]) == ("allowance", "60")
    assert runway.paid(model="gen-4", seconds=50) == "600"

    # The month is over: its 25 are gone, the thousand bought are not, and 625 come.
    runway.pass_time(days=31)
    assert runway.balance() == "1625"
    assert [runway.paid(model="gen-4", seconds=60) for _ in range(2)] == ["720", "720"]
    assert runway.paid(model="gen-4-turbo", seconds=37) == "185"
    assert runway.balance() == "0"

    # Explore needs Unlimited; there it costs nothing, and without credits it still works.
    told = runway.quote(**GEN4, lane="relaxed")
    assert ("plan", "unlimited") in [(one["kind"], one["plan"]) for one in told["alternatives"]]
    runway.refused("not_entitled", **GEN4, lane="relaxed")
    runway.subscribe("unlimited", "P1M", "USD")
    assert runway.balance() == "2250"
    assert runway.spend_all(model="gen-4", seconds=60) == 3
    assert runway.paid(model="gen-4-turbo", seconds=18) == "90"
    assert runway.paid(**GEN4, lane="relaxed") == "0"
    runway.refused("insufficient_credits", **GEN4)
    runway.audit()


def test_credits_of_the_api_are_others_and_a_tier_has_its_caps(opened: Open) -> None:
    runway = opened("runway")
    runway.surface = "api"

    # The credits of the app pay nothing here, and a tier is what the platform's server gives.
    small = {"model": "seedance2_mini", "seconds": 1}
    runway.refused("not_entitled", **small)
    runway.subscribe("api-tier-1")
    problem = runway.refused("insufficient_credits", **small)
    assert (problem["need"], problem["available"]) == ("64", "0")

    # A hundred dollars of credits allow five jobs at once; a sixth waits for one to end.
    assert runway.sell("api-credits", quantity=10_000) == "100.00 USD"
    jobs = runway.busy(5, **small)
    sixth = runway.submit(**small)
    assert (sixth["status"], sixth["queue"]["position"]) == ("queued", 1)
    runway.cog.resume()
    ended = [runway.wait(job) for job in (*jobs, sixth)]
    assert [job["credits"]["captured"] for job in ended] == ["64"] * 6

    # Two seconds at least are paid of Aleph; seconds of an input count as half.
    assert runway.paid(model="aleph2", seconds=1, inputs=VIDEO) == "56"
    metered = {"model": "seedance2_5", "feature": "v2v", "inputs": VIDEO}
    assert runway.paid(**metered, seconds=5, input_seconds="2.5") == "187.5"

    # The rest of the 10,000: 4k for 60 s costs 9,000. The cap of 30 days is in the way first.
    long = {"model": "seedance2", "resolution": "4K", "seconds": 60}
    assert runway.paid(**long) == "9000"
    assert runway.has("pack") == "372.5"
    assert runway.sell("api-credits", quantity=1000) == "10.00 USD"
    capped = {"model": "gen4_turbo", "seconds": 60}
    assert runway.paid(**capped) == "300"
    problem = runway.refused("quota_exceeded", **capped)
    assert (problem["unit"], problem["limit"], problem["window"]) == ("credits", "10000", "P30D")
    runway.pass_time(days=30)
    assert runway.spend_all(**capped) == 3
    assert runway.paid(model="gen4_turbo", seconds=34) == "170"
    assert (runway.has("pack"), runway.has("allowance")) == ("2.5", "125")
    runway.audit()


VIDEO = {"prompt": "a kite over the sea", "video_url": "https://example.com/kite.mp4"}
