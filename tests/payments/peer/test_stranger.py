"""The emulator is a stranger: it shares nothing with the product but the wire."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.payments.peer.scenes import page, session
from tests.stripe_peer.driver import KEY, running

ROOT = Path(__file__).resolve().parents[3]
PEER = ROOT / "tests" / "stripe_peer"
OURS = {"billing", "config", "plans", "django"}


def test_it_imports_nothing_of_the_product() -> None:
    known = sorted(PEER.rglob("*.py"))
    found = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in known
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.split(".")[0] in OURS or (name.startswith("tests.") and "stripe_peer" not in name)
    }

    assert len(known) > 30
    assert found == set()


def test_the_product_does_not_know_it() -> None:
    """`config.embedded` starts it, as a process."""
    knowing = [
        str(file.relative_to(ROOT))
        for package in ("billing", "plans")
        for file in (ROOT / package).rglob("*.py")
        if "stripe_peer" in file.read_text(encoding="utf-8")
    ]

    assert knowing == []


@pytest.mark.parametrize("key", ["sk_live_123", "rk_live_123", "pk_test_123", ""])
def test_it_serves_no_key_but_a_test_key(key: str) -> None:
    ended = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "tests.stripe_peer", "--key", key],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.returncode == 2
    assert "test keys only" in ended.stderr


def test_what_it_sold_is_still_there_after_a_restart(tmp_path: Path) -> None:
    words = ("--state", str(tmp_path / "deep" / "stripe.state"))
    with running(*words) as first:
        opened = session(first.client())
        first.pay(page(opened))
        customer = first.client().v1.customers.create({}, {"idempotency_key": "k"})

    with running(*words) as second:
        v1 = second.client().v1
        assert second.key == KEY
        assert v1.checkout.sessions.retrieve(opened.id).payment_status == "paid"
        assert v1.customers.create({}, {"idempotency_key": "k"}).id == customer.id
        assert session(second.client()).status == "open"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
