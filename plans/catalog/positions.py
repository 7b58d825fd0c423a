"""Where each key of a TOML text stands: `tomllib` reads the values and forgets their lines."""

import re
import tomllib
from collections.abc import Mapping
from typing import Final

Path = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{1,2}(?!"))?'
    r"|'''.*?'''(?:'{1,2}(?!'))?"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\]}\n#]+")


def positions(text: str) -> dict[Path, int]:
    """Return the line, from 1, of every table, key and list item of a valid TOML `text`.

    `text` has been read by `tomllib` before: the scanner trusts it and checks nothing.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of the deepest part of `path` that stands in the file."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def spoken(path: Path) -> str:
    """Return `path` as a key is spoken of: rate[3].price is the price of the third [[rate]]."""
    said = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return said.removeprefix(".") or "file"


class _Scanner:
    """Walks once over the text and notes the line at which each path first appears."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {(): 1}
        self.lengths: dict[Path, int] = {}  # of the lists of tables written as [[header]]
        self._counted_to = 0
        self._line = 1

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._take("[["):
                table = self._list_item(self._key())
                self._take("]]")
            elif self._take("["):
                table = self._note(self._inside(self._key()))
                self._take("]")
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.lines

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line

    def _note(self, path: Path) -> Path:
        line = self._line_here()
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        return path

    def _inside(self, keys: list[str]) -> Path:
        """Return the path of a header: within a list of tables, its newest item is meant."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return path

    def _list_item(self, keys: list[str]) -> Path:
        whole = (*self._inside(keys[:-1]), keys[-1])
        self.lengths[whole] = self.lengths.get(whole, 0) + 1
        return self._note((*whole, self.lengths[whole] - 1))

    def _pair(self, table: Path) -> None:
        path = self._note((*table, *self._key()))
        self._skip(_SPACE)
        self._take("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._items(path)
        elif self._take("{"):
            self._skip(_BLANK)
            while not self._take("}"):
                self._pair(path)
                self._skip(_BLANK)
                self._take(",")
                self._skip(_BLANK)
        elif not self._skip(_STRING):
            self._skip(_PLAIN)

    def _items(self, path: Path) -> None:
        count = 0
        self._skip(_BLANK)
        while not self._take("]"):
            self._value(self._note((*path, count)))
            count += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while not parts or self._take("."):
            self._skip(_SPACE)
            quoted = self._skip(_STRING)
            parts.append(_unquoted(quoted) if quoted else self._skip(_BARE_KEY))
            self._skip(_SPACE)
        return parts

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        if found:
            self.at += len(token)
        return found

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()


def _unquoted(quoted: str) -> str:
    key: str = tomllib.loads(f"key = {quoted}")["key"]
    return key
