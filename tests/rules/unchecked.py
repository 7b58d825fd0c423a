"""Switches the product's own checks off: a function without its assertions and early refusals."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest


class _Careless(ast.NodeTransformer):
    """Drops `assert`, and each `if` that does nothing but raise or return."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Assert nothing."""

    def visit_If(self, node: ast.If) -> ast.If | None:
        """Go on where the product would have stopped."""
        self.generic_visit(node)
        stops = len(node.body) == 1 and isinstance(node.body[0], ast.Raise | ast.Return)
        return None if stops and not node.orelse else node


def unchecked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as it would be if it checked nothing."""
    tree = _Careless().visit(ast.parse(textwrap.dedent(inspect.getsource(function))))
    space = dict(vars(sys.modules[function.__module__]))
    exec(compile(ast.fix_missing_locations(tree), "<unchecked>", "exec"), space)  # noqa: S102 (our own code)
    made: Callable[..., Any] = space[function.__name__]
    return made


def uncheck(patch: pytest.MonkeyPatch, owner: Any, *names: str) -> None:  # noqa: ANN401 (a module or class)
    """Let these functions of a module or class check nothing."""
    for name in names:
        patch.setattr(owner, name, unchecked(getattr(owner, name)))
