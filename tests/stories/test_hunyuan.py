"""Hunyuan and Image Animate: free calls, then by the month in dollars or by calls bought ahead."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
CALL = {"task": "image_animate"}
VIDEO = {"model": "hy-video-v1.5", "feature": "t2v"}


def test_free_calls_then_dollars_then_calls_that_end_after_a_year(opened: Open) -> None:
    hunyuan = opened("hunyuan")

    # Ten calls are free, a failed one stays; the video of the other model is not.
    assert hunyuan.left("free-calls") == "10"
    hunyuan.failed("no face was found", **CALL)
    assert hunyuan.refused("insufficient_credits", **VIDEO)["short"] == "1"
    assert hunyuan.spend_all(**CALL) == 10
    assert hunyuan.left("free-calls") == "0"

    # By the month: the first hundred calls cost 4.8 dollars each.
    assert hunyuan.quote(**CALL)["credits"] == "4.8"
    assert hunyuan.sell("balance", 20) == "20.00 USD"
    assert hunyuan.paid(**CALL) == "4.8"

    # One at a time, the next one waits; a slot that is bought makes it two.
    [first] = hunyuan.busy(1, **CALL)
    second = hunyuan.submit(**VIDEO)
    assert hunyuan.get(f"/v1/jobs/{second['id']}")["status"] == "queued"
    hunyuan.cog.resume()
    assert [hunyuan.wait(one)["status"] for one in (first, second)] == ["succeeded"] * 2
    assert hunyuan.sell("slot") == "7200.00 USD"
    videos = hunyuan.busy(2, **VIDEO)
    hunyuan.cog.resume()
    assert [hunyuan.wait(one)["status"] for one in videos] == ["succeeded"] * 2
    assert hunyuan.balance() == "8.4"

    # Down to forty cents, and what fits is said: nothing of this, a check-in neither.
    assert hunyuan.spend_all(**CALL) == 1
    assert hunyuan.spend_all(**VIDEO) == 3
    assert hunyuan.balance() == "0.6"
    assert hunyuan.quote(**CALL)["alternatives"] == []

    # Calls bought ahead: one each, for this interface alone, and gone after a year.
    hunyuan.live_in("calls")
    assert hunyuan.sell("calls-100") == "420.00 USD"
    assert hunyuan.paid(**CALL) == "1"
    hunyuan.unpriced(**VIDEO)
    hunyuan.pass_time(days=366)
    assert hunyuan.balance() == "0.6"
    hunyuan.refused("insufficient_credits", **CALL)
    hunyuan.audit()
