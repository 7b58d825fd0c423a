"""Sora Turbo in ChatGPT: fifty counted videos with Plus, credits and a relaxed lane with Pro."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
SMALL = {"feature": "t2v", "resolution": "480p", "seconds": 5}
WIDE = {"feature": "t2v", "resolution": "720p", "seconds": 10}


def test_plus_makes_fifty_small_videos_a_month_and_they_cost_no_credits(opened: Open) -> None:
    sora = opened("sora-turbo")

    # For free there is no Sora Turbo, nor any pack; and Sora 2 has been retired.
    assert sora.refused("not_entitled", **SMALL)["required_plan"] == "plus"
    sora.not_sold("not_entitled", "app-10")
    sora.refused("retired", model="sora-2")

    # Plus: 50 videos of 480p and 5 s, of any shape.
    sold = sora.subscribe("plus", "P1M", "USD")
    assert sold["price"]["renewal"] == {"amount": "20.00", "currency": "USD"}
    assert (sora.left("videos"), sora.balance()) == ("50", "0")
    assert sora.paid(**SMALL) == "0"
    assert sora.paid(**SMALL, aspect="1:1") == "0"
    assert sora.left("videos") == "48"

    # Of four one did not come, and is still there; what fails uses nothing up.
    sora.cog.makes = 3
    assert sora.paid(**SMALL, count=4) == "0"
    sora.cog.makes = None
    sora.failed("out of memory", **SMALL)
    assert sora.left("videos") == "45"

    # 720p is allowed, yet not counted: it costs credits, which Plus does not have. 10 s are not.
    refusal = sora.refused("insufficient_credits", **SMALL | {"resolution": "720p"})
    assert refusal["short"] == "80"
    quote = sora.quote(**SMALL | {"resolution": "720p"})
    [small] = [one for one in quote["alternatives"] if one["change"] == {"resolution": "480p"}]
    assert small["credits"] == "0"
    refusal = sora.refused("not_entitled", **WIDE)
    assert (refusal["entitlement"], refusal["required_plan"]) == ("seconds", "plus-credits")
    assert sora.refused("not_entitled", **SMALL, lane="relaxed")["required_plan"] == "pro"

    # The wallet is empty after 50; the answer says when it fills again.
    for _order in range(11):
        assert sora.paid(**SMALL, count=4) == "0"
    assert sora.paid(**SMALL) == "0"
    assert sora.left("videos") == "0"
    assert sora.refused("insufficient_credits", **SMALL)["short"] == "25"
    [wait] = [one for one in sora.quote(**SMALL)["alternatives"] if one["kind"] == "grant"]
    assert wait["at"] == sora.get("/v1/balance")["counted"][0]["resets_at"]
    sora.pass_time(days=31)
    assert sora.left("videos") == "50"

    # Nothing is carried into the next month.
    assert sora.paid(**SMALL) == "0"
    sora.pass_time(days=31)
    assert sora.left("videos") == "50"
    sora.audit()


def test_pro_spends_ten_thousand_credits_and_goes_on_relaxed(opened: Open) -> None:
    sora = opened("sora-turbo")
    sora.subscribe("pro", "P1M", "USD")
    assert sora.balance() == "10000"

    # The shape changes the price; 1080p and 20 s have none in credits.
    assert sora.paid(**SMALL, aspect="1:1") == "20"
    assert sora.paid(**SMALL) == "25"
    assert sora.paid(**SMALL | {"resolution": "720p"}, aspect="1:1") == "40"
    assert sora.paid(**WIDE) == "160"
    sora.unpriced(**WIDE | {"resolution": "1080p"})
    assert sora.balance() == "9755"

    # Five at once; a sixth waits for its turn.
    films = sora.busy(5, **WIDE, count=4)
    films.append(sora.submit(**WIDE, count=4))
    assert sora.get(f"/v1/jobs/{films[5]['id']}")["status"] == "queued"
    sora.cog.resume()
    assert [sora.wait(one)["status"] for one in films] == ["succeeded"] * 6
    assert sora.balance() == "5915"

    # To the last credit but a few.
    assert sora.spend_all(**WIDE, count=4) == 9
    assert sora.spend_all(**SMALL, count=4) == 1
    assert sora.spend_all(**SMALL) == 2
    assert sora.balance() == "5"

    # At five credits the relaxed lane is offered, and makes what credits cannot buy.
    offered = sora.quote(**WIDE)["alternatives"]
    [relaxed] = [one for one in offered if one["change"] == {"lane": "relaxed"}]
    assert relaxed["credits"] == "0"
    large = {"feature": "t2v", "resolution": "1080p", "seconds": 20, "lane": "relaxed"}
    assert sora.paid(**large) == "0"
    assert sora.balance() == "5"

    # A month later 10,000 anew, and no more than that.
    sora.pass_time(days=31)
    assert sora.balance() == "10000"
    sora.audit()
