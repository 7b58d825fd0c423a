"""What the operations manual says is to be done, found by its heading, in the reader's language."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_ENGLISH: Final = "docs/operations.md"
_CHINESE: Final = "docs/operations.zh-CN.md"
# Chinese headings name themselves by the English ones' anchors, in a line before them.
_HEADING: Final = re.compile(r'^(?:<a id="([\w-]+)"></a>\n)?#{2,3} (.+)$', re.MULTILINE)


def book(language: str) -> str:
    """Return where the manual in this language stands, from the project's folder on."""
    return _CHINESE if language.startswith("zh") else _ENGLISH


def section(anchor: str, language: str) -> str:
    """Return the part of the book under this heading, as it is written; "": there is none."""
    return _sections(book(language)).get(anchor, "")


@cache
def _sections(name: str) -> dict[str, str]:
    place = _ROOT / name
    if not place.exists():
        return {}
    text = place.read_text(encoding="utf-8")
    heads = list(_HEADING.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[1] or _anchor(head[2]): text[head.end() : end].strip()
        for head, end in zip(heads, ends, strict=True)
    }


def _anchor(heading: str) -> str:
    """Return how an address names a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")
