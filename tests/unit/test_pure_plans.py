import subprocess
import sys

import pytest

PURE = [
    *("burn_order", "credits", "entitlements", "forms", "orders", "periods", "rating", "wording"),
    *("catalog.checks", "catalog.diff", "catalog.loader", "catalog.positions", "catalog.schema"),
]


def loads_django(*modules: str) -> bool:
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "sys.exit('django' in sys.modules)"
    )
    return bool(subprocess.run([sys.executable, "-c", program, *modules], check=False).returncode)  # noqa: S603 (our own interpreter and words)


def test_the_arithmetic_and_the_loader_know_no_django() -> None:
    assert not loads_django(*(f"plans.{name}" for name in PURE))


@pytest.mark.parametrize("module", ["plans.models", "plans.no_such_module"])
def test_control_what_knows_django_or_fails_is_noticed(module: str) -> None:
    assert loads_django(module)
