"""Kling, the consumer app: credits claimed each day, then a membership, then packs."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
STD = {"model": "kling-v1-6", "mode": "std", "seconds": 5}


def test_a_day_of_free_credits_makes_six_clips_and_ends_at_midnight(opened: Open) -> None:
    kling = opened("kling")

    # Nothing is given unasked; a login claims 66.
    assert kling.balance() == "0"
    assert kling.check_in()["credits"] == "66"
    assert kling.quote(**STD)["credits"] == "10"

    # Six clips of ten credits, and six credits are left: less than the cheapest costs.
    assert kling.spend_all(**STD) == 6
    assert kling.balance() == "6"

    # They are gone with the day, and the next day gives 66 anew.
    kling.pass_time(days=1)
    assert kling.balance() == "0"
    assert kling.check_in()["credits"] == "66"
    kling.audit()


def test_a_member_makes_films_by_the_month_then_out_of_a_pack(opened: Open) -> None:
    kling = opened("kling")
    film = {"model": "kling-v2-6", "mode": "pro", "seconds": 10}  # with sound: 200 credits
    kling.check_in()

    # Professional mode is not for free; the answer names the plan and what fits instead.
    refusal = kling.refused("not_entitled", **STD | {"mode": "pro"})
    assert refusal["required_plan"] == "standard"
    quote = kling.quote(**STD | {"mode": "pro"})
    assert {"mode": "std"} in [one["change"] for one in quote["alternatives"]]

    # Standard: the first month has a price of its own. Today's credits end first and pay first.
    sold = kling.subscribe("standard", "P1M", "USD")
    assert sold["price"]["first"] == {"amount": "6.99", "currency": "USD"}
    assert sold["price"]["renewal"] == {"amount": "8.80", "currency": "USD"}
    assert kling.balance() == "726"
    assert kling.paid(**STD | {"mode": "pro", "seconds": 10}) == "70"
    kling.pass_time(days=1)
    assert kling.balance() == "656"

    # Two of four came: half the price. A failure costs nothing. Five seconds more cost ten.
    kling.cog.makes = 2
    clip = kling.order(**STD, count=4)
    assert (clip["credits"]["quoted"], clip["credits"]["captured"]) == ("40", "20")
    kling.cog.makes = None
    assert kling.failed("the GPU is on fire", **STD)["credits"]["captured"] == "0"
    assert kling.paid(**STD, task="extend", parent=clip["id"]) == "10"
    assert kling.balance() == "626"

    # Five at once; the sixth is refused, and the plan that runs more is named.
    clips = kling.busy(5, **STD)
    assert kling.refused("concurrency_limit", **STD)["limit"] == 5
    [larger] = [one for one in kling.quote(**STD)["alternatives"] if one["kind"] == "plan"]
    assert larger["plan"] == "pro"
    kling.cog.resume()
    assert [kling.wait(one)["status"] for one in clips] == ["succeeded"] * 5
    assert kling.balance() == "576"

    # A pack of 3,300 with 200 more, which the command line cannot spend.
    kling.sell("credits-3300")
    assert (kling.has("pack"), kling.has("pack_bonus")) == ("3300", "200")
    kling.surface = "cli"
    assert kling.spend_all(**film, count=4) == 4
    assert kling.spend_all(**film) == 3
    assert (kling.has("allowance"), kling.has("pack"), kling.has("pack_bonus")) == (
        "0",
        "76",
        "200",
    )
    kling.surface = ""
    assert kling.spend_all(**film) == 1
    assert kling.spend_all(**STD) == 7
    assert kling.balance() == "6"

    # A month gives 660 anew, which last for that month; the rest of the pack lasts two years.
    kling.pass_time(days=31)
    assert (kling.has("allowance"), kling.balance()) == ("660", "666")
    kling.pass_time(days=31)
    assert (kling.has("allowance"), kling.balance()) == ("660", "666")
    kling.audit()
