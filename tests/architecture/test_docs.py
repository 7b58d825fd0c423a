"""The documents are true: links resolve, both READMEs say the same, and what they name exists."""

import ast
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
from django.core.management import get_commands

ROOT: Final = Path(__file__).resolve().parents[2]
ENGLISH: Final = ROOT / "README.md"
CHINESE: Final = ROOT / "README.zh-CN.md"
DECISIONS: Final = ROOT / "docs" / "adr"
_NOT_OURS: Final = {".venv", "var", "build", "node_modules", ".git", ".pytest_cache", ".hypothesis"}
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_ROW: Final = re.compile(r"^\| \d+ \| \[[^\]]+\]\(([^)]+\.py)\) \| (.*) \|$", re.MULTILINE)
# What fifteen minutes are enough for; the README says "about 550".
_PATH_LINES_MAX: Final = 560
_ADR_LINES_MAX: Final = 80
_PACKAGE_LINES_MAX: Final = 80


def documents() -> list[Path]:
    found = ROOT.rglob("*.md")
    return sorted(path for path in found if not _NOT_OURS & set(path.relative_to(ROOT).parts))


def blocks(path: Path) -> list[tuple[str, str]]:
    """Return the language and the text of each fenced block."""
    return _FENCE.findall(path.read_text(encoding="utf-8"))


def said(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub makes of a document's headings, and those it is given."""
    given = set(re.findall(r'^<a id="([\w-]+)"></a>$', said(path), re.MULTILINE))
    titles = re.findall(r"^#+ (.+)$", said(path), re.MULTILINE)
    made = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return given | {title.strip().replace(" ", "-") for title in made}


def is_found(document: Path, link: str) -> bool:
    address, _mark, anchor = unquote(link).partition("#")
    target = document.parent / address if address else document
    if not target.resolve().exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(document: Path) -> None:
    links = [link for link in _LINK.findall(said(document)) if "://" not in link]

    assert [link for link in links if not is_found(document, link)] == []


def test_a_link_to_nowhere_would_be_seen() -> None:
    assert is_found(ENGLISH, "docs/adr/README.md")
    assert is_found(ENGLISH, "README.md#one-jobs-path")
    assert not is_found(ENGLISH, "docs/adr/none.md")
    assert not is_found(ENGLISH, "README.md#no-such-heading")


def test_both_readmes_have_the_same_shape() -> None:
    english, chinese = said(ENGLISH), said(CHINESE)

    for mark in (r"^#+ ", r"^\| ", r"^- "):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(
            re.findall(mark, chinese, re.MULTILINE)
        ), mark
    targets = set(_LINK.findall(english)) ^ set(_LINK.findall(chinese))
    handbooks = {
        f"docs/operations/{name}{language}.md"
        for name in ("console", "containers", "several-hosts")
        for language in ("", ".zh-CN")
    }
    assert targets == {"README.md", "README.zh-CN.md"} | handbooks


def test_both_readmes_show_the_same_commands() -> None:
    def commands(path: Path) -> list[tuple[str, list[str]]]:
        shown = [(language, text) for language, text in blocks(path) if language != "mermaid"]
        return [
            (language, [re.sub(r"\s+#.*$", "", line) for line in text.splitlines()])
            for language, text in shown
        ]

    assert len(blocks(ENGLISH)) == len(blocks(CHINESE))
    assert commands(ENGLISH) == commands(CHINESE)
    inline = [re.findall(r"`(\./run[^`]*)`", said(path)) for path in (ENGLISH, CHINESE)]
    assert inline[0] == inline[1]


@pytest.mark.parametrize(
    "document",
    [
        ENGLISH,
        CHINESE,
        ROOT / "CONTRIBUTING.md",
        ROOT / "docs" / "catalog.md",
        ROOT / "docs" / "operations.md",
    ],
    ids=lambda path: path.name,
)
def test_every_command_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    door = set(re.findall(r"\./run (\w+)", text))
    managed = set(re.findall(r"(?:\./run manage|manage\.py) ([a-z_]+)", text))

    table = re.search(r"^COMMANDS.*?^}", (ROOT / "run").read_text(), re.MULTILINE | re.DOTALL)
    assert table is not None
    assert door - set(re.findall(r'"(\w+)":', table.group())) == set()
    assert managed - set(get_commands()) == set()
    assert door, "it names the door at least once"


def test_every_command_of_ours_is_named_in_the_readme() -> None:
    ours = {name for name, app in get_commands().items() if app in {"billing", "plans"}}
    named = re.findall(r"\./run (?:manage )?([a-z_]+)", ENGLISH.read_text(encoding="utf-8"))

    assert ours - set(named) == set()


def test_the_reading_path_exists_and_is_short() -> None:
    rows = _ROW.findall(said(ENGLISH))
    assert len(rows) >= 10

    lines = 0
    for file, words in rows:
        functions = lengths(ROOT / file)
        wanted = re.findall(r"`([\w.]+)`", words)
        assert set(wanted) <= set(functions), file
        lines += sum(functions[name] for name in wanted)
    assert lines <= _PATH_LINES_MAX


def lengths(path: Path) -> dict[str, int]:
    """Return how many lines each function of a file has; a method also as `Class.method`."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                assert child.end_lineno is not None
                size = child.end_lineno - child.lineno + 1
                found[child.name] = found[f"{owner}{child.name}"] = size
    return found


def test_every_decision_stands_in_the_index_and_on_one_page() -> None:
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    assert sorted(_LINK.findall((DECISIONS / "README.md").read_text())) == [
        page.name for page in pages
    ]

    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= _ADR_LINES_MAX, page.name
        assert text.startswith("# "), page.name


def test_a_packages_readme_is_short() -> None:
    readmes = [
        path for path in documents() if path.name == "README.md" and "docs" not in path.parts
    ]

    for readme in set(readmes) - {ENGLISH}:
        assert len(readme.read_text().splitlines()) <= _PACKAGE_LINES_MAX, readme


def test_every_setting_of_the_readme_is_read_by_the_settings() -> None:
    [example] = [text for language, text in blocks(ENGLISH) if language == "ini"]
    settings = (ROOT / "config" / "settings.py").read_text()

    names = re.findall(r"^(\w+)=", example, re.MULTILINE)
    assert [name for name in names if f'"{name}"' not in settings] == []
    assert len(names) == 13
