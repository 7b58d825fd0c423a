"""What docs/operations.md says is to be done, found by its heading."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_BOOK: Final = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
_HEADING: Final = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)


def section(anchor: str) -> str:
    """Return the part of the book under this heading, as it is written; "": there is none."""
    return _sections().get(anchor, "")


@cache
def _sections() -> dict[str, str]:
    if not _BOOK.exists():
        return {}
    text = _BOOK.read_text(encoding="utf-8")
    heads = list(_HEADING.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        _anchor(head[1]): text[head.end() : end].strip()
        for head, end in zip(heads, ends, strict=True)
    }


def _anchor(heading: str) -> str:
    """Return how an address names a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")
