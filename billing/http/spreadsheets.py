"""What a table for people may hold: a text that a spreadsheet would run is only shown. Pure."""

from typing import Final

# What begins like this is a formula to some spreadsheet; a platform's names are not ours to trust.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 (some read the wide ones, too)


def cell(value: str | int) -> str | int:
    """Return `value` as a cell that no spreadsheet runs; numbers, and text that is one, stay."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
