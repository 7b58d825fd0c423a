"""What an order leaves open and how it may be worded: aliases, pixels, decimals, lists."""

from collections.abc import Mapping
from typing import cast

import pytest

from plans.errors import InvalidSpec
from plans.orders import read_order
from tests.unit.shelf import HEAD, catalog, problems_of

MODEL = """\
[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [[model.task]]
  code = "text_to_video"

  [[model.task]]
  code = "remix"
  requires = ["parent"]
  parent = { inherit = ["resolution", "seconds"] }

  [[model.derive]]
  when = { width = 854, height = 480 }
  set = { resolution = "480p" }

  [[model.derive]]
  when = { width = 1280, height = 720 }
  set = { resolution = "720p" }

  [[model.derive]]
  when = { resolution = "480p", aspect_ratio = "16:9" }
  set = { width = 864, height = 496 }

  [[model.derive]]
  when = { resolution = "720p", aspect_ratio = "16:9" }
  set = { width = 1280, height = 720 }

  [[model.derive]]
  when = { width = 960, height = 960 }
  set = { resolution = "720p", aspect_ratio = "1:1" }

  [model.dimensions]
  resolution = { values = ["480p", "720p"], default = "720p" }
  aspect_ratio = { values = ["16:9", "1:1"], default = "16:9" }
  width = { min = 64, max = 8192 }
  height = { min = 64, max = 8192 }
  seconds = { min = 1, max = 60, default = 5, decimal = true }
  segments = { min = 1, max = 10, items = 3, optional = true }
  frames = { min = 0, max = 24, step = 8, optional = true }
  lane = { values = ["standard", "off_peak"], default = "standard" }

[[model]]
code = "Other/1.0"
name = { en = "O", zh = "O" }

  [[model.task]]
  code = "text_to_video"

[[alias]]
key = "aspect"
means = "aspect_ratio"

[[alias]]
key = "off_peak"
means = "lane"
values = { true = "off_peak", false = "standard" }

[[alias]]
key = "feature"
means = "task"
values = { t2v = "text_to_video" }

[[alias]]
key = "model"
means = "model"
values = { "the other" = "Other/1.0" }
"""
RATE = "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '1'\n"
SHOP = catalog(RATE, model=MODEL)


def said(**spec: object) -> dict[str, object]:
    return dict(read_order(SHOP, {"model": "m", **spec}).dimensions)


def errors(spec: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSpec) as caught:
        read_order(SHOP, cast("Mapping[str, object]", spec))
    return [(error["pointer"], error["detail"]) for error in caught.value.errors]


def test_the_words_of_a_platform_stand_for_the_catalogs() -> None:
    order = said(feature="t2v", aspect="1:1", off_peak=True, width=960, height=960)

    assert order["task"] == "text_to_video"
    assert order["aspect_ratio"] == "1:1"
    assert order["lane"] == "off_peak"
    assert "off_peak" not in order
    assert said(feature="text_to_video")["task"] == "text_to_video"
    assert read_order(SHOP, {"model": "the other"}).dimensions["model"] == "Other/1.0"


def test_an_order_that_names_no_model_is_of_the_default_one() -> None:
    head = HEAD.replace("schema = 1\n", 'schema = 1\ndefault_model = "m"\n')
    with_default = catalog(RATE, model=MODEL, head=head)

    assert read_order(with_default, {}) == read_order(with_default, {"model": "m"})
    with pytest.raises(InvalidSpec):
        read_order(SHOP, {})
    with pytest.raises(InvalidSpec):
        read_order(with_default, {"model": None})


def test_a_default_model_must_be_one_of_the_models() -> None:
    head = HEAD.replace("schema = 1\n", 'schema = 1\ndefault_model = "n"\n')
    (problem,) = problems_of(f"{head}\n{MODEL}\n{RATE}")

    assert problem.key == "default_model"
    assert "unknown model n" in problem.sentence


def test_a_free_tier_needs_a_free_plan() -> None:
    tier = "[free_tier]\nper_day = 10\n"
    paid = HEAD.replace("free = true", "unpriced = true")
    (problem,) = problems_of(f"{paid}\n{MODEL}\n{RATE}\n{tier}")

    assert problem.key == "free_tier"
    assert catalog(f"{RATE}\n{tier}", model=MODEL).free_tier is not None


def test_two_words_for_one_thing_are_refused() -> None:
    assert errors({"model": "m", "aspect": "16:9", "aspect_ratio": "16:9"}) == [
        ("/aspect", "aspect and aspect_ratio say the same; give one of them.")
    ]


def test_two_platform_words_for_one_dimension_are_refused() -> None:
    more = "[[alias]]\nkey = 'duration'\nmeans = 'seconds'\n"
    more += "[[alias]]\nkey = 'length'\nmeans = 'seconds'\n"
    shop = catalog(RATE, model=MODEL + more)

    with pytest.raises(InvalidSpec) as caught:
        read_order(shop, {"model": "m", "duration": 5, "length": 60})

    [error] = caught.value.errors
    assert (error["pointer"], error["code"]) == ("/length", "repeated")
    assert error["detail"] == "length and duration say the same; give one of them."


def test_a_wrong_value_by_an_alias_is_refused_as_the_dimension_it_stands_for() -> None:
    assert errors({"model": "m", "aspect": "4:3"})[0] == (
        "/aspect_ratio",
        "aspect_ratio must be one of 16:9, 1:1, not 4:3.",
    )


def test_pixels_follow_from_resolution_and_aspect() -> None:
    assert (said()["width"], said()["height"]) == (1280, 720)
    assert (said(resolution="480p")["width"], said(resolution="480p")["height"]) == (864, 496)


def test_resolution_follows_from_pixels_and_the_pixels_stay_as_they_were_said() -> None:
    order = said(width=854, height=480)

    assert (order["resolution"], order["width"], order["height"]) == ("480p", 854, 480)


def test_pixels_that_contradict_the_resolution_are_refused() -> None:
    assert errors({"model": "m", "resolution": "480p", "width": 1280, "height": 720}) == [
        ("/resolution", "resolution 480p does not fit width 1280, height 720: that has 720p.")
    ]


def test_pixels_that_follow_from_nothing_must_be_said() -> None:
    assert errors({"model": "m", "aspect_ratio": "1:1"}) == [
        ("/width", "width is missing."),
        ("/height", "height is missing."),
    ]


@pytest.mark.parametrize(
    "said_too",
    [
        {},
        {"resolution": "480p"},
        {"resolution": "720p", "aspect_ratio": "16:9"},
        {"aspect_ratio": "1:1"},
    ],
)
def test_pixels_that_nothing_is_made_with_are_refused(said_too: dict[str, object]) -> None:
    """They would price the order, and its resolution would be what is made."""
    wrong = errors({"model": "m", "width": 64, "height": 64, **said_too})

    assert [pointer for pointer, _detail in wrong] == ["/width", "/height"]


def test_pixels_of_another_resolution_than_the_default_are_refused_with_those_that_fit() -> None:
    assert errors({"model": "m", "width": 64}) == [
        ("/width", "width 64 does not fit the rest of the order. What fits: width 1280.")
    ]
    assert errors({"model": "m", "width": 864, "height": 720})[0] == (
        "/width",
        "width 864 does not fit the rest of the order. What fits: width 1280, height 720.",
    )


def test_one_of_two_pixels_said_is_confirmed_by_the_other() -> None:
    assert said(width=1280)["height"] == 720
    assert said(resolution="480p", height=496)["width"] == 864


@pytest.mark.parametrize(
    ("seconds", "kept"), [(7, 7), ("7", 7), ("10.230", "10.23"), ("10.0", 10), ("1.5", "1.5")]
)
def test_a_decimal_is_kept_in_its_shortest_form(seconds: object, kept: object) -> None:
    assert said(seconds=seconds)["seconds"] == kept


@pytest.mark.parametrize("seconds", [7.5, True, None, [], "1e1", "0.5", "60.1", "-1", "1.1234567"])
def test_what_is_no_decimal_of_the_range_is_refused(seconds: object) -> None:
    ((pointer, detail),) = errors({"model": "m", "seconds": seconds})

    assert pointer == "/seconds"
    assert "seconds must be" in detail or detail == "seconds is missing."


def test_a_list_is_kept_as_its_written_sum() -> None:
    assert said(segments=[2, 3, 4])["segments"] == "2+3+4"
    assert said(segments=[2])["segments"] == "2"
    assert said(segments="2+3+4")["segments"] == "2+3+4"
    assert "segments" not in said()


@pytest.mark.parametrize("segments", [[], [1, 2, 3, 4], [0], [11], ["2"], [True], 5, "2+", "+"])
def test_what_is_no_such_list_is_refused(segments: object) -> None:
    assert errors({"model": "m", "segments": segments}) == [
        ("/segments", "segments must be a list of 1 to 3 numbers from 1 to 10.")
    ]


def test_numbers_may_come_in_steps() -> None:
    assert said(frames=16)["frames"] == 16
    assert errors({"model": "m", "frames": 12}) == [
        ("/frames", "frames must be from 0 to 24 in steps of 8, not 12.")
    ]


def test_a_continued_job_hands_down_what_its_task_takes_over() -> None:
    order = read_order(
        SHOP,
        {"model": "m", "task": "remix", "seconds": 9},
        inherited={"resolution": "480p", "seconds": 3},
    )

    assert order.dimensions["resolution"] == "480p"
    assert order.dimensions["width"] == 864
    assert order.dimensions["seconds"] == 9


@pytest.mark.parametrize(
    ("more", "key", "sentence"),
    [
        (
            "[[alias]]\nkey = 'x'\nmeans = 'aspct_ratio'",
            "alias[5].means",
            "Did you mean aspect_ratio",
        ),
        (
            "[[alias]]\nkey = 'lane'\nmeans = 'aspect_ratio'",
            "alias[5].key",
            "is a dimension itself",
        ),
        ("[[alias]]\nkey = 'aspect'\nmeans = 'lane'", "alias[5].key", "is aspect again"),
        (
            "[[alias]]\nkey = 'x'\nmeans = 'lane'\nvalues = { a = 'offpeak' }",
            "alias[5].values.a",
            "Did you mean off_peak?",
        ),
    ],
)
def test_an_alias_that_stands_for_nothing_is_refused(more: str, key: str, sentence: str) -> None:
    (problem,) = problems_of(f"{HEAD}\n{MODEL}\n{more}\n{RATE}")

    assert problem.key == key
    assert sentence in problem.sentence


@pytest.mark.parametrize(
    ("old", "new", "key", "sentence"),
    [
        ("width = 854,", "widht = 854,", "model[1].derive[1].when.widht", "Did you mean width?"),
        (
            'set = { resolution = "480p" }',
            'set = { resolution = "481p" }',
            "model[1].derive[1].set.resolution",
            "is 481p, which no order can have here.",
        ),
        (
            'inherit = ["resolution"',
            'inherit = ["reslution"',
            "model[1].task[2].parent.inherit",
            "Did you mean resolution?",
        ),
        (
            "  lane = {",
            "  plan = {",
            "model[1].dimensions.plan",
            "a name with a meaning of its own",
        ),
        ('requires = ["parent"]\n', "", "model[1].task[2]", 'needs requires = ["parent"]'),
        (
            "decimal = true",
            "decimal = true, optional = true",
            "model[1].dimensions.seconds",
            "has a default, so it cannot be optional.",
        ),
    ],
)
def test_a_model_that_does_not_fit_itself_is_refused(
    old: str, new: str, key: str, sentence: str
) -> None:
    assert MODEL.count(old) == 1

    problems = problems_of(f"{HEAD}\n{MODEL.replace(old, new)}\n{RATE}")

    assert any(one.key == key and sentence in one.sentence for one in problems), problems
