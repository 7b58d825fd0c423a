"""The site of the documentation has every page, leads nowhere wrong, and asks nobody outside."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The builder as a module; nothing of it has been called."""
    spec = importlib.util.spec_from_file_location("site_build", ROOT / "docs/site/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(nav: Any) -> list[str]:  # noqa: ANN401 (YAML)
    """Return the pages of a navigation, in order."""
    if isinstance(nav, str):
        return [nav]
    parts = nav if isinstance(nav, list) else nav.values()
    return [page for part in parts for page in named(part)]


@pytest.fixture(scope="module")
def nav() -> list[str]:
    """The pages that the site's navigation names."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    # Its one tag makes a function of the builder's own environment.
    return named(yaml.safe_load(re.sub(r"!!python\S+", "", text))["nav"])


def test_every_page_has_its_place_and_every_place_its_page(
    build: ModuleType, nav: list[str]
) -> None:
    pages = {str(page.relative_to(build.PAGES)) for page in build.gather().values()}
    decisions = {page for page in pages if page.startswith("adr/0")}  # their list names them

    assert len(set(nav)) == len(nav)
    assert set(nav) == pages - decisions | {"openapi.md"}


def test_a_page_in_chinese_stands_where_the_english_one_leads(build: ModuleType) -> None:
    documents = [path for path in build.gather() if path.name.endswith(".zh-CN.md")]

    assert len(documents) >= 8
    for document in documents:
        english = document.with_name(document.name.replace(".zh-CN", ""))
        assert document.name in english.read_text(encoding="utf-8"), english


def test_links_lead_to_pages_and_those_to_code_become_words(build: ModuleType) -> None:
    pages = build.gather()
    document = ROOT / "docs" / "adr" / "0001-credits-are-integers-of-a-millionth.md"
    said = (
        "[a](../catalog.md#keys) [b](../../README.md) [c](../../billing/ids.py) [d](#here) "
        "[e](https://example.com) [f](../openapi.json)\n```\n[g](../../run)\n```\n"
    )

    assert build.rewritten(said, document, pages) == (
        "[a](../catalog.md#keys) [b](../quick-start.md) c [d](#here) "
        "[e](https://example.com) [f](../openapi.md)\n```\n[g](../../run)\n```\n"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<script src="https://unpkg.com/a.js"></script>', ["https://unpkg.com/a.js"]),
        ("<link rel=stylesheet href=//fonts.example/css>", ["//fonts.example/css"]),
        ('<img alt="x" src="http://a.example/b.png">', ["http://a.example/b.png"]),
        ("@import url(https://fonts.example/a.css);", ["https://fonts.example/a.css"]),
        ('<pre class="mermaid">', ['class="mermaid']),  # the theme fetches its drawer
        ('<a href="https://example.com">', []),
        ('<script src="assets/a.js"></script><link href="../b.css">', []),
    ],
)
def test_what_a_page_would_fetch_from_outside_is_seen(
    build: ModuleType, text: str, found: list[str]
) -> None:
    assert build.fetched(text) == found


def test_a_picture_that_is_not_there_is_seen(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "there.png").touch()
    page = tmp_path / "page.html"
    page.write_text('<img alt="" src="there.png"><img src="gone.png"><a href="no.html">x</a>')

    assert build.missing(page) == ["gone.png"]


def test_the_reference_names_every_operation(build: ModuleType) -> None:
    document = {
        "paths": {
            "/v1/x": {
                "get": {
                    "tags": ["t"],
                    "summary": "Read it.",
                    "parameters": [{"name": "a", "in": "query", "description": "x | y"}],
                    "responses": {"200": {"description": "It."}},
                }
            }
        }
    }
    text = build.reference(document)

    assert "## t\n" in text
    assert "### `GET /v1/x`\n" in text
    assert "| `a` | query | no | x \\| y |" in text
    assert "| 200 | It. |" in text
