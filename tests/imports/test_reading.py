"""A file of balances is read strictly, and what is wrong names its place and its remedy."""

from datetime import UTC, datetime

import pytest

from billing.imports.errors import Flaw
from billing.imports.form import Line, read

HEAD = "account,credits,expires_at,source,paid_amount,paid_currency,reference,reason"


def said(*lines: str) -> list[str]:
    """Return the flaws of a file."""
    return [str(one) for one in read(f"{line}\n" for line in lines) if isinstance(one, Flaw)]


def test_a_line_says_all_there_is_to_a_balance() -> None:
    full = "李雷,12.5,2030-01-01T00:00:00+08:00,purchase,99.00,CNY,row-7,from the old shop"
    [line] = read([f"{HEAD}\n", f"{full}\n"])

    assert line == Line(
        number=2,
        account="李雷",
        amount_micros=12_500_000,
        expires_at=datetime(2029, 12, 31, 16, tzinfo=UTC),
        source="purchase",
        paid_micros=99_000_000,
        paid_currency="CNY",
        reference="row-7",
        reason="from the old shop",
    )
    assert line.fact == "import:ref:row-7"


def test_two_columns_are_enough_in_any_order_and_empty_lines_count_as_none() -> None:
    [line] = read(["credits,account\n", "\n", "3,ada\n"])

    assert isinstance(line, Line)
    assert (line.number, line.account, line.amount_micros, line.source) == (
        *(3, "ada", 3_000_000, "imported"),
    )
    assert (line.expires_at, line.paid_micros, line.paid_currency) == (None, 0, "")
    assert line.fact == "import:own:imported::"


def test_the_same_instant_in_another_zone_is_the_same_fact() -> None:
    lines = ["ada,1,2030-01-01T00:00:00+08:00\n", "ada,1,2029-12-31T16:00:00Z\n"]
    first, second = read(["account,credits,expires_at\n", *lines])

    assert isinstance(first, Line)
    assert isinstance(second, Line)
    assert first.fact == second.fact


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("account", "", "1 to 128 visible"),
        ("account", "a b", "without blanks"),
        ("account", "x" * 129, "1 to 128"),
        ("account", "ad\udce9", "UTF-8"),
        ("credits", "", "plain decimal"),
        ("credits", "1.0000001", "at most 6 places"),
        ("credits", "-5", "below zero"),
        ("credits", "1e3", "plain decimal"),
        ("credits", "+1", "plain decimal"),
        ("credits", " 1", "plain decimal"),
        ("credits", "٣", "plain decimal"),
        ("credits", "1000000000001", "at most 1000000000000"),
        ("expires_at", "2030-01-01", "with its offset"),
        ("expires_at", "2030-01-01T00:00:00", "with its offset"),
        ("expires_at", "soon", "with its offset"),
        ("expires_at", "0001-01-01T00:00:00+08:00", "calendar"),
        ("source", "Gift Card", "a word"),
        ("paid_amount", "0", "leave amount and currency empty"),
        ("paid_amount", "-1", "plain decimal"),
        ("paid_currency", "yuan", "three capital letters"),
        ("reference", "a b", "without blanks"),
        ("reason", "x" * 201, "at most 200"),
    ],
)
def test_a_wrong_value_names_line_column_and_remedy(field: str, text: str, words: str) -> None:
    columns = ["account", "credits", "paid_amount", "paid_currency"]
    values = {"account": "ada", "credits": "1", "paid_amount": "9", "paid_currency": "CNY"}
    row = [{**values, field: text}[name] for name in dict.fromkeys([*columns, field])]
    head = ",".join(dict.fromkeys([*columns, field]))

    [flaw] = said(head, "eve,1,9,CNY" + "," * (len(row) - 4), ",".join(row))

    assert flaw.startswith(f"3: {field}: ")
    assert words in flaw


@pytest.mark.parametrize(
    ("lines", "flaws"),
    [
        ([], ["1: -: is empty"]),
        (["account,credits,balance"], ["1: 'balance': is no column; there are: account, credits"]),
        (["account,account,credits"], ["1: account: stands there twice"]),
        (["account"], ["1: credits: is missing"]),
        (["account;credits", "ada;1"], ["1: 'account;credits'", "1: account: ", "1: credits: "]),
        (["account,credits", "ada,1,2"], ["2: -: has 3 values for 2 columns"]),
        (["account,credits", "ada"], ["2: -: has 1 values for 2 columns"]),
        (["account,credits", '"ada,1'], ["2: -: is no CSV"]),
        (["account,credits,paid_amount", "ada,1,5"], ["2: paid_currency: is missing beside"]),
        (["account,credits,paid_currency", "ada,1,CNY"], ["2: paid_amount: is missing beside"]),
    ],
)
def test_a_file_of_another_form_is_refused(lines: list[str], flaws: list[str]) -> None:
    found = said(*lines)

    assert len(found) == len(flaws)
    for one, begin in zip(found, flaws, strict=True):
        assert one.startswith(begin)
