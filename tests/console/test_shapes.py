"""What a text can be, by how it is written."""

from typing import Final

import pytest

from billing.console.search.shapes import LENGTH_MAX, Way, ways_of

DIGEST: Final = "ab" * 32


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("job_01m8dfcb0sbj1hek8vdp2f8wbs14mdp6y1m", Way.ROW),
        ("evt_01m8dfcb0sykycqg62nw7xfgnhdh9exr2nd", Way.ROW),
        ("evt_1RzQ8kLx", Way.STRIPE),
        ("pi_3Abc", Way.STRIPE),
        ("dp_1", Way.STRIPE),
        ("mei", Way.NAME),
        ("Mei.Li@example.com", Way.EMAIL),
        (DIGEST, Way.EMAIL),
        (DIGEST, Way.PHONE),
        ("+86 138 0013 8000", Way.PHONE),
        ("Xt5EWLLDS7FJjR1c", Way.MARK),
        ("abcd-efgh-jkmn-pqrs-tvwx", Way.CODE),
        ("6d0c2a1e-0f5b", Way.TASK),
        ("req.of:somebody_1", Way.REQUEST),
    ],
)
def test_a_text_is_looked_for_as_what_it_can_be(text: str, way: Way) -> None:
    assert way in ways_of(text)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("evt_01m8dfcb0sykycqg62nw7xfgnhdh9exr2nd", Way.STRIPE),
        ("job_01m8dfcb0sbj1hek8vdp2f8wbs14mdp6y1m", Way.MARK),
        ("pi_3Abc", Way.ROW),
        ("pi_3Abc", Way.MARK),
        ("mei", Way.EMAIL),
        ("two words", Way.NAME),
        ("two words", Way.REQUEST),
        ("13800138000", Way.PHONE),  # no country says so
        ("abcd-efgh", Way.CODE),
    ],
)
def test_a_text_is_not_looked_for_as_what_it_cannot_be(text: str, way: Way) -> None:
    assert way not in ways_of(text)


def test_nothing_and_what_is_too_long_is_looked_for_in_no_way() -> None:
    assert ways_of("") == []
    assert ways_of("x" * LENGTH_MAX) != []
    assert ways_of("x" * (LENGTH_MAX + 1)) == []
