"""Whoever opens a connection is named here: strangers' addresses are called by `egress` alone."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tree import ROOT, files, parsed

# What opens connections, or fetches by itself, by the module that it is imported from.
_OPENS: Final = frozenset(
    {
        *("socket", "socketserver", "ssl", "http.client", "urllib.request", "urllib3", "httpcore"),
        *("httpx", "requests", "aiohttp", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib"),
        *("xmlrpc.client", "websockets", "dns", "pycurl"),
    }
)
# And by its own name, of modules that do other things too.
_OPENERS: Final = frozenset(
    {
        "PyJWKClient",
        "open_connection",
        "create_connection",
        "urlopen",
        "urlretrieve",
        "open_unix_connection",
    }
)
# Each with whom it calls.
ALLOWED: Final = {
    "billing/egress/connecting.py": "whoever a stranger names, checked",
    "billing/egress/fetching.py": "as connecting",
    "billing/egress/posting.py": "as connecting",
    "billing/gpu/wire.py": "backends, which the operator configures",
    "billing/notices/gateway.py": "the mail server of EMAIL_URL",
    "billing/insights/bench": "itself, to be measured",
    "billing/telemetry/scraping.py": "nobody: it is called, where METRICS_LISTEN says",
    "config/web.py": "nobody: it is called, and looks at the first bytes of who calls",
    "config/embedded": "the servers that it has started itself, on the loopback",
}


def imported(node: ast.AST) -> set[str]:
    """Return the modules that an import names, and for `from a import b` also `a.b`."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def ways_out(source: ast.AST) -> set[str]:
    """Return what in a module could open a connection."""
    found = set()
    for node in ast.walk(source):
        for name in imported(node):
            parts = name.split(".")
            heads = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
            found |= heads & _OPENS
            found |= {parts[-1]} & _OPENERS
        if isinstance(node, ast.Attribute) and node.attr in _OPENERS:
            found.add(node.attr)
    return found


def is_allowed(path: Path) -> bool:
    place = path.relative_to(ROOT).as_posix()
    return any(place == known or place.startswith(f"{known}/") for known in ALLOWED)


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import http.client as web",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import requests.adapters",
        "def later():\n    import httpx",
        "import jwt\nclient = jwt.PyJWKClient('https://example.com')",
        "from jwt import PyJWKClient",
        "import asyncio\nasync def go():\n    await asyncio.open_connection('h', 1)",
    ],
)
def test_each_way_out_is_seen(line: str) -> None:
    assert ways_out(ast.parse(line))


def test_what_only_reads_addresses_is_none() -> None:
    assert ways_out(ast.parse("from urllib.parse import urlsplit\nimport jwt, asyncio")) == set()


def test_nobody_else_opens_a_connection() -> None:
    others = {
        path.relative_to(ROOT).as_posix(): found
        for path in files("billing", "config", "plans")
        if not is_allowed(path) and (found := ways_out(parsed(path)))
    }

    assert others == {}


def test_each_that_may_does() -> None:
    """A place that needs no way out any more is no place to hide one."""
    used = {
        known
        for path in files("billing", "config")
        for known in ALLOWED
        if path.relative_to(ROOT).as_posix().startswith(known) and ways_out(parsed(path))
    }

    assert used == set(ALLOWED)
