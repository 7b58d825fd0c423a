"""Files and functions stay small on purpose, and nothing is left for later."""

import ast
import re
from typing import Final

from tests.architecture.tree import PACKAGES, ROOT, committed, files, functions, place, python

LINES_OF_FILE_MAX: Final = 400
LINES_OF_FUNCTION_MAX: Final = 60
LINES_OF_README_MAX: Final = 80
# Brackets, so that this file does not find itself.
PUT_OFF: Final = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b|\bfor no[w]\b")
DOMAINS: Final = sorted(
    folder
    for folder in [ROOT / "plans", *(ROOT / "billing").iterdir()]
    if (folder / "__init__.py").exists() and folder.name not in {"management", "migrations"}
)


def test_files_are_short() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in python()}

    assert {path: n for path, n in lines.items() if n > LINES_OF_FILE_MAX} == {}


def test_functions_are_short() -> None:
    long = [
        place(path, node)
        for path in python()
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > LINES_OF_FUNCTION_MAX
    ]

    assert long == []


def test_nothing_is_put_off() -> None:
    kinds = {".py", ".sql", ".toml", ".yml", ".yaml", ".html", ".sh", ""}
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed()
        if path.suffix in kinds and path.name != "LICENSE"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if PUT_OFF.search(line)
    ]

    assert found == []


def test_nothing_is_a_stub() -> None:
    """Only the base of a `singledispatch` has nothing to do: it meets what nobody foresaw."""
    stubs = [
        place(path, node)
        for path in files(*PACKAGES)
        for node in functions(path)
        if "singledispatch" not in {ast.unparse(d) for d in node.decorator_list}
        and any(
            isinstance(name, ast.Name) and name.id in {"NotImplementedError", "NotImplemented"}
            for name in ast.walk(node)
        )
    ]

    assert stubs == []


def test_each_package_has_a_short_readme() -> None:
    lengths = {
        str(folder.relative_to(ROOT)): len((folder / "README.md").read_text().splitlines())
        if (folder / "README.md").exists()
        else 0
        for folder in DOMAINS
    }

    assert {name: n for name, n in lengths.items() if not 0 < n < LINES_OF_README_MAX} == {}
