"""What an order brings along decides its price, whatever the order claims of it."""

import pytest

from plans.catalog import loader
from plans.errors import InvalidSpec
from plans.orders import read_order
from tests.unit.shelf import HEAD, KLING, catalog, problems_of

MODEL = """\
[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [model.dimensions]
  video_input = { values = [false, true], default = false, input = "video_url" }
  input_seconds = { min = 0, max = 60, decimal = true, default = 0, input = "video_url" }

  [[model.task]]
  code = "text_to_video"

  [[model.task]]
  code = "silent"
  dimensions.video_input = { values = [false], default = false, input = "video_url" }

  [[model.task]]
  code = "video_to_video"
  requires = ["video_url"]
  dimensions.video_input = { values = [true], default = true, input = "video_url" }
  dimensions.input_seconds = { min = 1, max = 60, input = "video_url" }

  [[model.task]]
  code = "remix"
  requires = ["parent"]
  parent = { inherit = ["input_seconds", "video_input"] }
"""
RATE = "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '1'\n"
SHOP = catalog(RATE, model=MODEL)
VIDEO = {"video_url": "https://example.com/clip.mp4"}


def read(inputs: dict[str, str] | None, **spec: object) -> tuple[object, object]:
    order = read_order(SHOP, {"model": "m", **spec}, inputs=inputs).dimensions
    return order["video_input"], order["input_seconds"]


def refused(inputs: dict[str, str] | None, **spec: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as caught:
        read_order(SHOP, {"model": "m", **spec}, inputs=inputs)
    return [(error["pointer"], error["code"]) for error in caught.value.errors]


def test_what_comes_in_is_known_without_saying() -> None:
    assert read({}) == (False, 0)
    assert read(VIDEO, input_seconds=5) == (True, 5)
    assert read(VIDEO, input_seconds="5.5", video_input=True) == (True, "5.5")
    assert read(VIDEO, task="video_to_video", input_seconds=1) == (True, 1)


def test_a_claim_about_what_comes_in_is_refused() -> None:
    assert refused({}, video_input=True) == [("/video_input", "not_allowed")]
    assert refused(VIDEO, video_input=False, input_seconds=5) == [("/video_input", "not_allowed")]
    assert refused({}, input_seconds=5) == [("/input_seconds", "not_allowed")]


@pytest.mark.parametrize("said", [{}, {"input_seconds": 0}, {"input_seconds": "0.5"}])
def test_what_comes_in_has_a_length(said: dict[str, object]) -> None:
    assert refused(VIDEO, **said) == [("/input_seconds", "missing")]


def test_a_task_that_takes_no_video_refuses_one_and_one_made_of_it_needs_it() -> None:
    assert ("/inputs/video_url", "not_allowed") in refused(VIDEO, task="silent", input_seconds=5)
    assert ("/inputs/video_url", "missing") in refused({}, task="video_to_video")


def test_a_length_may_be_taken_over_with_the_video() -> None:
    spec = {"model": "m", "task": "remix"}
    order = read_order(SHOP, spec, inherited={"input_seconds": 7}, inputs=VIDEO).dimensions

    assert (order["video_input"], order["input_seconds"]) == (True, 7)


def test_where_nobody_knows_what_comes_in_the_order_is_believed() -> None:
    assert read(None, video_input=True, input_seconds=3) == (True, 3)


@pytest.mark.parametrize(
    ("dimension", "sentence"),
    [
        ('{ values = ["a"], input = "video_url" }', "tells of an input by a truth value"),
        ('{ min = 1, max = 9, items = 2, input = "video_url" }', "tells of an input by a"),
        ("{ values = [false, true], estimated = true }", "is no number, so it cannot be"),
        ("{ min = 1, max = 9, estimated = true }", 'only where [overrun] settles by "usage"'),
    ],
)
def test_a_dimension_that_cannot_tell_of_an_input_or_be_a_guess_is_refused(
    dimension: str, sentence: str
) -> None:
    model = MODEL.replace("  [[model.task]]", f"  x = {dimension}\n\n  [[model.task]]", 1)

    (problem,) = problems_of(f"{HEAD}\n{model}\n{RATE}")

    assert sentence in problem.sentence


# -- by the catalogs that ship -----------------------------------------------------------------
CHEAPER_BY_A_CLAIM = [
    ("fal", {"model": "seedance-2.0"}, "video_input", True),
    ("fal", {"model": "seedance-2.5"}, "video_input", True),
    ("seedance", {"model": "seedance-2.5"}, "video_input", True),
    ("jimeng", {"model": "seedance-2.5"}, "reference_video", True),
]


@pytest.mark.parametrize(("slug", "spec", "name", "claim"), CHEAPER_BY_A_CLAIM)
def test_nothing_gets_cheaper_by_the_claim_of_a_video(
    slug: str, spec: dict[str, object], name: str, claim: object
) -> None:
    shipped = loader.load(KLING.parent / f"{slug}.toml")

    with pytest.raises(InvalidSpec):
        read_order(shipped, {**spec, name: claim}, inputs={"prompt": "a kite"})


CHEAPER_WITHOUT_A_LENGTH = [
    ("kling-api", {"model": "kling-v3-omni", "video_input": False}),
    ("kling-api", {"model": "kling-video-o1", "video_input": False}),
    ("runway", {"model": "seedance2_5", "task": "video_to_video"}),
    ("wanxiang", {"model": "wan3.0-video", "task": "video_edit"}),
    ("wanxiang", {"model": "wan2.7-r2v"}),
    ("pixverse", {"model": "v6", "task": "fusion"}),
    ("hailuo", {"model": "MiniMax-H3", "task": "reference_to_video"}),
    ("fal", {"model": "seedance-2.0", "task": "video_to_video"}),
    ("seedance", {"model": "seedance-2-0"}),
]


@pytest.mark.parametrize(("slug", "spec"), CHEAPER_WITHOUT_A_LENGTH)
def test_a_video_that_goes_in_has_its_part_in_the_price(slug: str, spec: dict[str, object]) -> None:
    shipped = loader.load(KLING.parent / f"{slug}.toml")

    with pytest.raises(InvalidSpec):
        read_order(shipped, spec, inputs={"prompt": "a kite", "image_url": "x", **VIDEO})


@pytest.mark.parametrize("slug", ["fal", "seedance"])
def test_large_pictures_cannot_be_priced_as_small_ones(slug: str) -> None:
    shipped = loader.load(KLING.parent / f"{slug}.toml")

    for resolution in ("720p", "1080p", "4k"):
        spec = {"model": "seedance-2.0", "resolution": resolution, "width": 64, "height": 64}
        with pytest.raises(InvalidSpec):
            read_order(shipped, spec)
