"""Tables that people open in a spreadsheet: what it would run is only shown. Pure."""

import csv
import re
from collections.abc import Iterable
from typing import Final

# What begins like this is a formula to some spreadsheet; a platform's names are not ours to trust.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (some read the wide ones, too)
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
# Excel takes a file without it for one in the language's old encoding: 灵感 becomes 鐏垫劅.
BOM: Final = "\ufeff"


def cell(value: str | int) -> str | int:
    """Return `value` as a cell that no spreadsheet runs; numbers, and text that is one, stay."""
    if isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def record(values: Iterable[str | int | None]) -> str:
    """Return one record with its end (RFC 4180), each of its cells as `cell`; None is empty."""
    line: str = csv.writer(_Said()).writerow(
        ["" if value is None else cell(value) for value in values]
    )
    return line


class _Said:
    """What a writer takes for a file: it hands the record back."""

    def write(self, text: str) -> str:
        return text
