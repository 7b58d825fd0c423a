"""The translated words: the sentences of the source, the .po file, and the .mo made from it.

`python -m tests.architecture.words` brings both files up to date: it adds the sentences that the
.po file lacks, drops those that nobody says any more, and compiles; no gettext tool is needed.
"""

import ast
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.architecture.tree import PACKAGES, ROOT, files, parsed, place

PO: Final = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
MO: Final = PO.with_suffix(".mo")
# Not `translate`: that is what a str does with a table of letters.
TRANSLATORS: Final = {"_", "gettext", "gettext_lazy"}
PLACEHOLDER: Final = re.compile(r"%\((\w+)\)[sd]")
_MAGIC: Final = 0x950412DE
_HEADER_BYTES: Final = 28


class Sentence(NamedTuple):
    """What a person may be shown, and where it stands in the source."""

    text: str
    where: str


class Entry(NamedTuple):
    """One translation of a .po file."""

    source: str
    target: str


class Untranslatable(Exception):
    """A call of gettext whose sentence is not written there."""


def sentences() -> list[Sentence]:
    """Return every sentence that the source hands to gettext.

    Raises:
        Untranslatable: a sentence is put together at run time, so nobody can translate it.
    """
    return [found for path in files(*PACKAGES) for found in sentences_of(parsed(path), path)]


def sentences_of(module: ast.Module, path: Path) -> Iterator[Sentence]:
    """Yield the sentences of one file.

    Raises:
        Untranslatable: one of them is put together at run time.
    """
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and _name(node.func) in TRANSLATORS):
            continue
        said = node.args[0] if node.args else None
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            yield Sentence(said.value, place(path, node))
        else:
            raise Untranslatable(f"{place(path, node)}: {ast.unparse(node)}")


def entries(text: str | None = None) -> list[Entry]:
    """Return the translations of a .po text, else of ours; the header first (empty source)."""
    blocks = (text or PO.read_text(encoding="utf-8")).strip().split("\n\n")
    return [_entry(block) for block in blocks if "msgid" in block]


def renewed() -> str:
    """Return the .po file with exactly the sentences of the source, by file and alphabet."""
    targets = {entry.source: entry.target for entry in entries()}
    said: dict[str, set[str]] = {}
    for sentence in sentences():
        said.setdefault(sentence.text, set()).add(sentence.where.rpartition(":")[0])
    head = PO.read_text(encoding="utf-8").split("\n\n", maxsplit=1)[0].rstrip("\n")
    blocks = [
        f"#: {' '.join(sorted(places))}\n"
        + ("#, python-format\n" if PLACEHOLDER.search(text) else "")
        + f"msgid {_quoted(text)}\nmsgstr {_quoted(targets.get(text, ''))}"
        for text, places in sorted(said.items(), key=lambda item: (min(item[1]), item[0]))
    ]
    return "\n\n".join([head, *blocks]) + "\n"


def compiled(translations: list[Entry]) -> bytes:
    """Return a .mo file, as GNU gettext describes it: two sorted tables, then the strings."""
    pairs = sorted((e.source.encode(), e.target.encode()) for e in translations)
    count = len(pairs)
    sources, targets = _HEADER_BYTES, _HEADER_BYTES + 8 * count
    tables, strings = b"", b""
    for column in (0, 1):
        for pair in pairs:
            start = _HEADER_BYTES + 16 * count + len(strings)
            tables += struct.pack("<II", len(pair[column]), start)
            strings += pair[column] + b"\0"
    head = struct.pack("<7I", _MAGIC, 0, count, sources, targets, 0, sources + 16 * count)
    return head + tables + strings


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entry(block: str) -> Entry:
    parts = {"msgid": "", "msgstr": ""}
    current = ""
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        word, _space, rest = line.partition(" ")
        current, quoted = (word, rest) if word in parts else (current, line)
        parts[current] += ast.literal_eval(quoted)
    return Entry(parts["msgid"], parts["msgstr"])


if __name__ == "__main__":
    PO.write_text(renewed(), encoding="utf-8")
    MO.write_bytes(compiled(entries()))
