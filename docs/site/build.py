#!/usr/bin/env python3
"""Lays out the pages of the documentation, and has a site made of them.

`python docs/site/build.py` gathers what stands in docs/ and at the root, makes a page of the API's
document, and builds `build/site`, strictly: a link to nowhere ends it. The same files are read at
the repository's host, so links between them stay as they are there; here those that lead to code
become words, for the site holds no code.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ROOT / "build" / "docs"
SITE: Final = ROOT / "build" / "site"
# What stands at the root has another name among the pages, where it needs one.
_FROM_ROOT: Final = {
    "README.md": "quick-start.md",
    "README.zh-CN.md": "quick-start.zh-CN.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "promises.md",
    "CHANGELOG.md": "changelog.md",
}
_LINK: Final = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")
_FENCE: Final = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
# What a browser fetches by itself; a link is followed by a person.
_FETCHED: Final = re.compile(
    r"<(?:script|img|iframe|source|video|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|url\([\"']?((?:https?:)?//[^\"')]+)|(class=\"mermaid)",
    re.IGNORECASE,
)
_PICTURE: Final = re.compile(r"<img\b[^>]*?\bsrc=[\"']?([^\"'\s>]+)", re.IGNORECASE)
_VERBS: Final = ("get", "post", "put", "patch", "delete")


def gather() -> dict[Path, Path]:
    """Return which page each document becomes."""
    pages = {ROOT / name: PAGES / page for name, page in _FROM_ROOT.items()}
    for document in sorted((ROOT / "docs").rglob("*.md")):
        if "node_modules" in document.parts:
            continue
        pages[document] = PAGES / document.relative_to(ROOT / "docs")
    return pages


def rewritten(text: str, document: Path, pages: Mapping[Path, Path]) -> str:
    """Return a document whose links lead to pages, or to addresses, and nowhere else."""

    def led(match: re.Match[str]) -> str:
        words, address = match.groups()
        target, mark, anchor = address.partition("#")
        if "://" in target or not target or target.startswith("mailto:"):
            return match.group()
        found = (document.parent / target).resolve()
        if found in pages:
            way = os.path.relpath(pages[found], pages[document].parent)
            return f"[{words}]({way}{mark}{anchor})"
        if found == ROOT / "docs" / "openapi.json":
            return f"[{words}]({os.path.relpath(PAGES / 'openapi.md', pages[document].parent)})"
        if found == ROOT / "docs" / "adr":
            return f"[{words}]({os.path.relpath(PAGES / 'adr/README.md', pages[document].parent)})"
        return words

    parts = _FENCE.split(text)
    return "".join(part if place % 2 else _LINK.sub(led, part) for place, part in enumerate(parts))


def reference(document: Mapping[str, Any]) -> str:
    """Return the API's document as a page: each operation with what it takes and answers."""
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, methods in sorted(document["paths"].items()):
        for verb in _VERBS:
            if (operation := methods.get(verb)) is not None:
                tag = (operation.get("tags") or ["other"])[0]
                by_tag[tag].append("\n".join(_operation(verb, path, operation)))
    head = (
        "# API reference\n\n"
        "Made from the contract, [openapi.json](openapi.json). What may change, refusals and "
        "clients: [The API](api.md).\n"
    )
    return head + "".join(f"\n## {tag}\n\n" + "\n".join(said) for tag, said in by_tag.items())


def _operation(verb: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### `{verb.upper()} {path}`\n"
    if said := (operation.get("description") or operation.get("summary")):
        yield f"{said.strip()}\n"
    rows = [
        f"| `{one['name']}` | {one['in']} | {'yes' if one.get('required') else 'no'} "
        f"| {_cell(one.get('description', ''))} |"
        for one in operation.get("parameters", [])
        if "name" in one
    ]
    if rows:
        yield "| parameter | in | required | is |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    answers = [
        f"| {status} | {_cell(answer.get('description', '')) or _shape(answer)} |"
        for status, answer in sorted(operation.get("responses", {}).items())
        if "$ref" not in answer
    ]
    yield "| answer | says |\n|---|---|\n" + "\n".join(answers) + "\n"


def _shape(answer: Mapping[str, Any]) -> str:
    """Return what an answer without words is called."""
    for content in answer.get("content", {}).values():
        schema = content.get("schema", {})
        one = schema.get("items", schema)
        if name := one.get("$ref", "").rpartition("/")[2]:
            return f"`{name}`, several" if "items" in schema else f"`{name}`"
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def fetched(text: str) -> list[str]:
    """Return what a page, or a style, would have a browser fetch from elsewhere."""
    return [next(filter(None, match.groups())) for match in _FETCHED.finditer(text)]


def missing(page: Path) -> list[str]:
    """Return the pictures of a page of the site that are not beside it."""
    shown = _PICTURE.findall(page.read_text(encoding="utf-8"))
    return [name for name in shown if "://" not in name and not (page.parent / name).exists()]


def main() -> None:
    """Lay out the pages and build the site; end with what is wrong, if anything is."""
    shutil.rmtree(PAGES.parent, ignore_errors=True)
    pages = gather()
    for document, page in pages.items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            rewritten(document.read_text(encoding="utf-8"), document, pages), encoding="utf-8"
        )
    for picture in sorted((ROOT / "docs").rglob("*.png")):
        copy = PAGES / picture.relative_to(ROOT / "docs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, copy)
    contract = ROOT / "docs" / "openapi.json"
    shutil.copy(contract, PAGES / "openapi.json")
    (PAGES / "openapi.md").write_text(
        reference(json.loads(contract.read_text(encoding="utf-8"))), encoding="utf-8"
    )
    builder = Path(sys.executable).with_name("zensical")
    done = subprocess.run(  # noqa: S603 (the environment's own)
        [builder, "build", "--clean", "--strict", "--config-file", ROOT / "mkdocs.yml"],
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)
    made = [file for kind in ("*.html", "*.css") for file in sorted(SITE.rglob(kind))]
    astray = {str(file): found for file in made if (found := fetched(file.read_text("utf-8")))}
    if astray:
        sys.exit(f"These pages would ask addresses outside: {astray}")
    # The builder looks at links, not at pictures.
    if gone := {str(page): names for page in made if (names := missing(page))}:
        sys.exit(f"These pages show pictures that are not there: {gone}")


if __name__ == "__main__":
    main()
