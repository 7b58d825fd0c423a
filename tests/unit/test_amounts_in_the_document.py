import re

import pytest
from drf_spectacular.drainage import get_override

from billing.ledger.shapes import CreditsField
from plans.credits import parse_micros

WRITTEN = ["0", "0.5", "35", "0.000001", "999999999999.999999", "1000000000000", "1000000000000.0"]
WRONG = [
    *("", "00", "01", "0.", ".5", "1e3", "-1", "+1", " 1", "0.0000001", "1000000000000.000001"),
    *("1000000000001", "9999999999999", "10000000000000", "\u0661", "1\n"),
]


@pytest.mark.parametrize("text", [*WRITTEN, *WRONG])
def test_the_document_allows_the_amounts_that_are_read_and_no_others(text: str) -> None:
    pattern = get_override(CreditsField, "field")["pattern"]
    try:
        parse_micros(text)
    except ValueError:
        is_read = False
    else:
        is_read = True

    assert is_read == (text in WRITTEN)
    # ECMA's "$", in which the document is written, is no place before a line's end.
    assert bool(re.fullmatch(pattern.removesuffix("$"), text)) == is_read
