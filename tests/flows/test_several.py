"""Several videos of one order, and orders settled by what they took: by the real server."""

from datetime import UTC, datetime

import pytest

from plans.catalog import publish
from plans.credits import parse_micros
from tests import factories
from tests.flows.story import Story

pytestmark = pytest.mark.flow

METERED = """
[overrun]
settle_by = "usage"
measured = { tokens = "tokens" }
hold_factor = "1.2"
policy = "cap"
"""
BY_TOKENS = """
[[rate]]
id = "v1-6-metered"
label = { en = "Kling 1.6, metered", zh = "可灵 1.6 按量" }
match = { model = "kling-v1-6", mode = "std", task = "text_to_video", aspect_ratio = "1:1" }
form = "tokens"
price = "0.1"
per = 1000
width = "width"
height = "height"
fps = "fps"
"""
# Of a square of 720 pixels and 24 pictures a second; the server really counts them.
PIXELS = """
  width = { values = [720], default = 720 }
  height = { values = [720], default = 720 }
  fps = { values = [24], default = 24 }
  mode ="""


def open_metered() -> None:
    text = factories.KLING.read_text()
    text = text.replace("[failure_policy.charge]", f"{METERED}\n[failure_policy.charge]")
    publish.publish(
        text.replace("  [model.dimensions]\n  mode =", f"  [model.dimensions]{PIXELS}", 1)
        + BY_TOKENS,
        now=datetime.now(UTC),
    )


def test_four_videos_come_of_one_order_and_each_is_another(story: Story) -> None:
    story.post("/v1/check-in")

    done = story.wait(story.order("four kites", count=4))

    assert done["status"] == "succeeded", done["error"]
    assert len({output["sha256"] for output in done["outputs"]}) == 4
    assert done["credits"]["captured"] == "40"
    assert story.balance() == "26"
    story.audit()


def test_of_four_ordered_two_come_and_two_are_paid_for(story: Story) -> None:
    story.post("/v1/check-in")
    job = story.order("[partial 2] four kites", count=4)
    assert job["credits"]["held"] == "40"

    done = story.wait(job)

    assert done["status"] == "succeeded", done["error"]
    assert len(done["outputs"]) == 2
    assert done["credits"] == {
        "quoted": "40",
        "held": "0",
        "captured": "20",
        "released": "20",
        "owed": "0",
    }
    assert done["price_lines"][-1] == {"label": "2 of 4 came", "credits": "-20"}
    assert story.balance() == "46"
    story.audit()


def test_of_four_ordered_none_come_and_nothing_is_paid(story: Story) -> None:
    story.post("/v1/check-in")

    done = story.wait(story.order("[partial 0] four kites", count=4))

    assert (done["status"], done["error"]["class"]) == ("failed", "backend_error")
    assert story.balance() == "66"
    story.audit()


@pytest.mark.parametrize(
    ("words", "charged"), [("", "6.08"), ("[tokens 42000]", "4.2"), ("[tokens -1]", "6.08")]
)
def test_an_order_is_settled_by_what_the_server_counted(
    story: Story, words: str, charged: str
) -> None:
    open_metered()
    story.post("/v1/check-in")
    quote = story.post(
        "/v1/quotes", {"model": "kling-v1-6", "aspect_ratio": "1:1", "inputs": {"prompt": "a kite"}}
    ).json()

    done = story.wait(story.order(f"{words} a kite", aspect_ratio="1:1"))

    assert (quote["credits"], quote["max_credits"]) == ("6.08", "7.3")
    assert done["status"] == "succeeded", done["error"]
    assert done["credits"]["captured"] == charged
    lines = sum(_signed_micros(line["credits"]) for line in done["price_lines"])
    assert lines == parse_micros(charged)
    story.audit()


def _signed_micros(text: str) -> int:
    return -parse_micros(text[1:]) if text.startswith("-") else parse_micros(text)


def test_a_free_plans_video_is_told_to_carry_its_mark(story: Story) -> None:
    story.post("/v1/check-in")
    marked = story.wait(story.order("a kite", options={"seed": 3}))

    assert marked["flags"]["watermark"] is True
    assert marked["status"] == "succeeded", marked["error"]
