"""The demo's films are what was ordered: length, size, sound, and a world of their own."""

from pathlib import Path

import pytest

from billing.gpu.demo.lettering import Lettering
from billing.gpu.demo.orders import Dice, Order
from billing.gpu.demo.render import render
from tests.gpu import films
from tests.gpu.films import Film


def an_order(prompt: str = "a quiet harbour", **more: object) -> Order:
    given: dict[str, object] = {
        "prompt": prompt,
        "seconds": 1,
        "resolution": "480p",
        "aspect_ratio": "16:9",
        "mode": "std",
        "audio": False,
        "seed": 0,
        "offset_seconds": 0,
        **more,
    }
    return Order(**given)  # type: ignore[arg-type]  # the tests name only what they change


@pytest.mark.parametrize(
    ("order", "film"),
    [
        (an_order(seconds=5), Film(5.0, 854, 480, 24, has_sound=False)),
        (an_order(seconds=5, audio=True), Film(5.0, 854, 480, 24, has_sound=True)),
        (an_order(seconds=3, mode="pro", audio=True), Film(3.0, 854, 480, 30, has_sound=True)),
        (
            an_order(resolution="720p", aspect_ratio="9:16"),
            Film(1.0, 720, 1280, 24, has_sound=False),
        ),
        (an_order(resolution="720p", aspect_ratio="1:1"), Film(1.0, 720, 720, 24, has_sound=False)),
        (an_order(resolution="1080p", mode="pro"), Film(1.0, 1920, 1080, 30, has_sound=False)),
        (an_order(aspect_ratio="4:3"), Film(1.0, 640, 480, 24, has_sound=False)),
        (an_order(aspect_ratio="3:4"), Film(1.0, 480, 640, 24, has_sound=False)),
        (an_order(aspect_ratio="21:9"), Film(1.0, 1120, 480, 24, has_sound=False)),
    ],
)
def test_a_film_is_exactly_what_was_ordered(order: Order, film: Film, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"

    render(order, path)

    assert films.look_at(path) == film


def test_the_same_order_gives_the_same_film_and_another_prompt_another(tmp_path: Path) -> None:
    one, same, other, reseeded = (tmp_path / f"{n}.mp4" for n in range(4))

    render(an_order(), one)
    render(an_order(), same)
    render(an_order("a loud harbour"), other)
    render(an_order(seed=1), reseeded)

    picture = films.picture_at(one, 0.5)
    assert films.picture_at(same, 0.5) == picture
    assert films.picture_at(other, 0.5) != picture
    assert films.picture_at(reseeded, 0.5) != picture


def test_it_moves_and_an_extension_goes_on_where_its_parent_ended(tmp_path: Path) -> None:
    parent, extension = tmp_path / "parent.mp4", tmp_path / "extension.mp4"
    render(an_order(seconds=3), parent)
    render(an_order(seconds=1, offset_seconds=2), extension)

    first, late = films.picture_at(parent, 0.0), films.picture_at(parent, 2.0)
    joined = films.picture_at(extension, 0.0)

    sky = 64 * 3 * 16  # the upper part: below it the panel slides in, in each film anew
    assert _difference(first[:sky], late[:sky]) > 10 * _difference(late[:sky], joined[:sky]) > 0
    assert _difference(late[:sky], joined[:sky]) < 2


@pytest.mark.parametrize(
    "prompt",
    [
        "江南的春天，细雨里一只白鹭",  # noqa: RUF001 (Chinese punctuation is the point)
        "🐳🚀",
        "a" * 2500,
        "\u202eolleh\x00\x07",
        " \n\t x",
        "مرحبا",
        "ß é",
    ],
)
def test_every_script_is_written_without_a_chinese_font(prompt: str) -> None:
    panel = Lettering("").panel(prompt, "caption", (854, 480))

    assert panel.width < 854
    assert panel.height < 480 // 2
    assert panel.getchannel("A").getextrema() == (0, 255)  # letters stand on it, opaque


def test_dice_are_the_same_everywhere() -> None:
    dice = Dice("a quiet harbour\n0")

    assert round(dice.roll("hue"), 6) == round(Dice("a quiet harbour\n0").roll("hue"), 6)
    assert 0 <= dice.roll("hue") < 1
    assert {dice.pick(f"shape {n}", 3) for n in range(60)} == {0, 1, 2}


def _difference(one: bytes, other: bytes) -> float:
    """Return the mean difference of two pictures' bytes."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
