"""What a backend says is kept without the customer's own texts."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.jobs.orders import without_texts

PROMPT: Final = "A red kite over the grey sea, seen from the lighthouse at dawn"
SAID: Final = "Your prompt is refused: {}. Mend it."


@pytest.mark.parametrize(
    "echo",
    [
        PROMPT,
        PROMPT.upper(),
        PROMPT.replace(" ", "\n"),
        "a  red\nkite  over the  grey sea",
        "…seen from the lighthouse…",
        "a_red_kite_over_the_grey_sea",
    ],
)
def test_a_text_is_recognised_by_a_piece_of_it_however_it_is_set(echo: str) -> None:
    kept = without_texts(SAID.format(echo), {"prompt": PROMPT})

    assert kept.startswith("Your prompt is refused: ")
    assert kept.endswith(". Mend it.")
    assert "…" in kept
    assert not any(word in kept.lower() for word in ("kite", "grey", "lighthouse"))


def test_signs_that_are_half_a_word_are_recognised_by_fewer() -> None:
    said = "提示词“海面上的一只红色风筝”不合规"

    kept = without_texts(said, {"prompt": "清晨 海面上的一只红色风筝 远处有灯塔"})

    assert kept == "提示词“…”不合规"


@pytest.mark.parametrize(
    ("said", "text", "kept"),
    [
        ("no: a kite, A-KITE and a kite!", "a kite", "no: … and …!"),
        ("out of memory", "of", "out of memory"),
        ("out of memory", "", "out of memory"),
        ("out of memory", "a film in which nobody is out of money", "out of memory"),
        ("", PROMPT, ""),
    ],
)
def test_only_what_is_the_texts_own_is_cut(said: str, text: str, kept: str) -> None:
    assert without_texts(said, {"prompt": text}) == kept


@given(said=st.text(), text=st.text(min_size=4))
def test_whatever_is_said_and_ordered_the_text_itself_is_gone(said: str, text: str) -> None:
    kept = without_texts(f"{said} {text} {said}", {"prompt": text})

    letters = "".join(sign for sign in text if sign.isalnum())
    assert len(letters) < 4 or text not in kept
