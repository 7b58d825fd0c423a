from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.catalog import loader
from plans.errors import InvalidSpec
from plans.orders import read_order
from tests.unit.shelf import KLING

if TYPE_CHECKING:
    from collections.abc import Mapping

CATALOG = loader.load(KLING)
V16 = {"model": "kling-v1-6"}


def errors_of(spec: object) -> dict[str, str]:
    with pytest.raises(InvalidSpec) as caught:
        read_order(CATALOG, cast("Mapping[str, object]", spec))
    assert caught.value.facts["errors"] == caught.value.errors
    assert all(error["detail"].endswith((".", "?")) for error in caught.value.errors)
    return {error["pointer"]: error["code"] for error in caught.value.errors}


def test_defaults_come_from_the_model() -> None:
    assert dict(read_order(CATALOG, V16).dimensions) == {
        "model": "kling-v1-6",
        "task": "text_to_video",
        "mode": "std",
        "seconds": 5,
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "audio": False,
        "count": 1,
        "lane": "standard",
    }


def test_what_is_ordered_stands_over_the_defaults() -> None:
    order = read_order(CATALOG, {**V16, "mode": "pro", "seconds": 10, "aspect_ratio": "9:16"})

    assert order.dimensions["mode"] == "pro"
    assert order.dimensions["seconds"] == 10
    assert order.dimensions["aspect_ratio"] == "9:16"


def test_an_order_cannot_be_changed_after_it_was_read() -> None:
    with pytest.raises(TypeError):
        read_order(CATALOG, V16).dimensions["seconds"] = 1  # type: ignore[index]  # that is the point


def test_a_task_has_dimensions_of_its_own() -> None:
    assert read_order(CATALOG, {**V16, "task": "extend"}).dimensions["seconds"] == 5
    assert errors_of({**V16, "task": "extend", "seconds": 10}) == {"/seconds": "not_allowed"}


def test_what_has_no_price_is_left_to_others() -> None:
    more: dict[str, object] = {"inputs": 5, "options": None, "parent": [], "metadata": "x"}

    assert read_order(CATALOG, {**V16, **more}) == read_order(CATALOG, V16)


@pytest.mark.parametrize("spec", [None, [], "kling-v1-6", 5])
def test_an_order_is_an_object(spec: object) -> None:
    assert errors_of(spec) == {"": "type"}


@pytest.mark.parametrize(
    ("spec", "errors"),
    [
        ({}, {"/model": "missing"}),
        ({"model": None}, {"/model": "type"}),
        ({"model": 16}, {"/model": "type"}),
        ({"model": "kling-v1-7"}, {"/model": "unknown"}),
        ({**V16, "task": "remix"}, {"/task": "not_allowed"}),
        ({**V16, "task": 1}, {"/task": "type"}),
        ({**V16, "colour": "red"}, {"/colour": "unknown"}),
        ({**V16, "a/b~c": 1}, {"/a~1b~0c": "unknown"}),
        ({**V16, "mode": "4k"}, {"/mode": "not_allowed"}),
        ({**V16, "mode": None}, {"/mode": "missing"}),
        ({**V16, "seconds": "5"}, {"/seconds": "type"}),
        ({**V16, "seconds": 5.0}, {"/seconds": "type"}),
        ({**V16, "seconds": True}, {"/seconds": "type"}),
        ({**V16, "seconds": 7}, {"/seconds": "not_allowed"}),
        ({**V16, "seconds": -5}, {"/seconds": "not_allowed"}),
        ({**V16, "seconds": 2**63}, {"/seconds": "not_allowed"}),
        ({**V16, "count": 0}, {"/count": "not_allowed"}),
        ({**V16, "count": 2**64 - 3}, {"/count": "not_allowed"}),
        ({**V16, "count": float("nan")}, {"/count": "type"}),
        ({**V16, "audio": 0}, {"/audio": "type"}),
        ({**V16, "audio": True}, {"/audio": "not_allowed"}),
        ({**V16, "resolution": ["720p"]}, {"/resolution": "type"}),
    ],
)
def test_what_a_model_does_not_offer_is_refused(
    spec: dict[str, object], errors: dict[str, str]
) -> None:
    assert errors_of(spec) == errors


def test_all_errors_are_named_at_once() -> None:
    assert errors_of({**V16, "task": "x", "seconds": "5", "count": 0, "colour": 1}) == {
        "/task": "not_allowed",
        "/seconds": "type",
        "/count": "not_allowed",
        "/colour": "unknown",
    }


def test_a_near_miss_is_answered_with_what_was_meant() -> None:
    with pytest.raises(InvalidSpec, match="Did you mean resolution"):
        read_order(CATALOG, {**V16, "resolutoin": "720p"})


def test_a_sentence_never_repeats_a_flood() -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_order(CATALOG, {**V16, "mode": "x" * 10**6, "y" * 10**6: 1, "seconds": 10**5000})

    assert sum(len(str(error)) for error in caught.value.errors) < 2000


odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.integers(), max_size=2)
)


@given(st.dictionaries(st.sampled_from([*"ab", "task", "mode", "seconds", "count", "audio"]), odd))
def test_whatever_comes_is_an_order_of_the_catalog_or_refused(spec: dict[str, object]) -> None:
    try:
        order = read_order(CATALOG, {**V16, **spec})
    except InvalidSpec:
        return
    model = CATALOG.model("kling-v1-6")
    assert model is not None
    task = model.task(str(order.dimensions["task"]))
    assert task is not None
    for name, dimension in model.dimensions_of(task).items():
        assert dimension.allows(order.dimensions[name])
