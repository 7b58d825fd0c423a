"""What is kept of a stranger's sentence."""

import pytest

from billing.gpu.reading import text

LONG = "0123456789abcdefABCDEF"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"Incorrect API key provided: sk-proj-{LONG}.", "Incorrect API key provided: sk-…"),
        (f"Incorrect API key provided: SK-{LONG}", "Incorrect API key provided: SK-…"),
        ("Incorrect API key provided: sk-12345***********cdef.", "key provided: sk-…"),
        (f"r8_{LONG} may not", "r8_… may not"),
        (f'{{"token": "x", "key": "hf_{LONG}"}}', "hf_…"),
        (f"Bearer {LONG} is not known", "Bearer … is not known"),
        (f"at https://cdn.example/a.mp4?Signature={LONG} it broke", "a.mp4?… it broke"),
    ],
)
def test_what_opens_something_is_left_out(said: str, kept: str) -> None:
    shown = text(said)

    assert kept in shown
    assert LONG not in shown
    assert "cdef" not in shown


@pytest.mark.parametrize("said", ["The risk-management team said no.", "sk-8 is a road.", "task_1"])
def test_a_common_word_is_left_as_it_is(said: str) -> None:
    assert text(said) == said
