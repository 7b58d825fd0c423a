"""How an order is told to hosts of many models, whatever the customer's plan adds to it."""

import pytest

from billing.gpu.adapters.openai_videos.orders import VideoPhrases, form_of
from billing.gpu.phrases import Phrases, phrased
from billing.gpu.protocol import Fail, Rejected

PLAN_FLAGS = ("commercial", "professional_mode", "private", "batch", "watermark")


@pytest.mark.parametrize("flag", PLAN_FLAGS)
@pytest.mark.parametrize("value", [True, False])
def test_a_flag_of_the_customers_plan_refuses_no_order_and_is_not_passed_on(
    flag: str, value: object
) -> None:
    told = phrased({"prompt": "A sea.", flag: value}, Phrases())

    assert told == {"prompt": "A sea."}


def test_a_flag_that_the_model_knows_is_passed_on() -> None:
    told = phrased({"prompt": "A sea.", "private": True}, Phrases(extras={"private": "is_private"}))

    assert told == {"prompt": "A sea.", "is_private": True}


def test_a_form_leaves_flags_of_the_plan_out_too() -> None:
    order = {"prompt": "A sea.", "seconds": 4, "resolution": "720p", "aspect_ratio": "16:9"}

    told = form_of("sora-2", {**order, "commercial": True}, VideoPhrases())

    assert told == {"model": "sora-2", "prompt": "A sea.", "seconds": "4", "size": "1280x720"}


@pytest.mark.parametrize("switch", ["audio", "draft", "preview", "video_input", "voice_control"])
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_with_a_price_is_never_left_unsaid(switch: str, value: object) -> None:
    with pytest.raises(Rejected, match=switch) as refusal:
        phrased({"prompt": "A sea.", switch: value}, Phrases())

    assert refusal.value.fail == Fail.INVALID_INPUT


@pytest.mark.parametrize("value", [1, "true", None])
def test_what_is_no_switch_is_no_flag(value: object) -> None:
    with pytest.raises(Rejected, match="commercial"):
        phrased({"prompt": "A sea.", "commercial": value}, Phrases())
