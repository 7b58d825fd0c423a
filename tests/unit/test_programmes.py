"""Programmes in a catalog file: what does not fit together is refused where it stands."""

import pytest

from billing.http.spreadsheets import cell
from billing.partners import codes
from tests.unit.shelf import HEAD, MODEL, problems_of

RATE = "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '1'\n"
CAMPAIGNS = """
[[campaign]]
code = "fund"
name = { en = "Fund", zh = "基金" }
kind = "referral"
credits = "10"
budget = "100"
[[campaign]]
code = "dice"
name = { en = "Dice", zh = "骰子" }
kind = "event"
credits_min = "1"
credits_max = "2"
budget = "100"
"""
BOUGHT = 'when = "each_purchase"\nreward = "fund"\n'
NAME = 'name = { en = "P", zh = "计划" }\n'


def programme(words: str) -> str:
    return f'[[programme]]\ncode = "p"\n{NAME}{words}\n'


@pytest.mark.parametrize(
    ("words", "key", "sentence"),
    [
        ('kind = "referral"\nwhen = "sign_up"\nreward = "fnd"', ".reward", "mean fund?"),
        ('kind = "referral"\nwhen = "sign_up"\nreward = "dice"', ".reward", "gives by chance"),
        (
            'kind = "referral"\nwhen = "sign_up"\nreward = "fund"\nwelcome = "dice"',
            ".welcome",
            "gives by chance",
        ),
        (
            'kind = "referral"\nwhen = "first_video"\nreward = "fund"\nshare = "0.1"',
            "",
            "only purchases have",
        ),
        (
            'kind = "partner"\nwhen = "each_purchase"\nreward = "fund"\nshare = "0"',
            ".share",
            "must be above 0.",
        ),
        (f'kind = "referral"\n{BOUGHT}share = "0.1"\nshare_max = "0.2"', "", 'kind is "partner"'),
        (f'kind = "partner"\n{BOUGHT}share = "0.3"\nshare_max = "0.2"', "", "above its share_max"),
        (
            f'kind = "referral"\n{BOUGHT}from = 2027-01-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z',
            "",
            "before it begins",
        ),
    ],
)
def test_a_programme_that_does_not_fit_is_refused(words: str, key: str, sentence: str) -> None:
    [problem] = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{CAMPAIGNS}\n{programme(words)}")

    assert problem.key == f"programme[1]{key}"
    assert sentence in problem.sentence


def test_two_programmes_have_two_codes() -> None:
    one = programme('kind = "referral"\nwhen = "sign_up"\nreward = "fund"')

    [problem] = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{CAMPAIGNS}\n{one}\n{one}")

    assert problem.key == "programme[2].code"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("abcd-efgh", "ABCDEFGH"),
        (" AB CD EF GH ", "ABCDEFGH"),
        ("ａｂｃｄ－efgh", "ABCDEFGH"),  # noqa: RUF001 (what an input method writes)
        ("o0il-1111", "00111111"),
        ("abcd-efg", None),
        ("abcd-efgh-j", None),
        ("abcd-efg€", None),
        ("a" * 65, None),
        ("", None),
    ],
)
def test_a_code_is_read_as_it_was_meant(typed: str, code: str | None) -> None:
    assert codes.read(typed) == code


def test_a_code_is_written_in_two_groups() -> None:
    assert codes.grouped(codes.written(0)) == "0000-0000"
    assert codes.read(codes.grouped(codes.written(2**40 - 1))) == "ZZZZZZZZ"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@x", "\t=1", "\r=1", "＝1"])  # noqa: RUF001
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["ada", "1=1", "", 7, -7, "-7", "-0.5"])
def test_a_cell_that_is_none_stays(value: str | int) -> None:
    assert cell(value) == value
