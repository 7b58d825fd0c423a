"""The audit's time grows with the rows, not with their square: no check holds all against all."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.db import connection

from billing.insights import checks
from tests.planner import expect_long_tables

Node = dict[str, Any]
_SCANS: Final = {"Seq Scan", "Index Scan", "Index Only Scan"}


@pytest.mark.django_db
@pytest.mark.parametrize("check", checks.ALL, ids=lambda check: f"{check[0]} {check[1]}")
def test_no_check_reads_a_table_whole_for_each_row_of_another(check: checks.Check) -> None:
    expect_long_tables()
    # Without loops a join inside of a loop reads its table whole; with them, by its index.
    in_every_plan = [set(_read_again(_plan(check[2], loops=loops))) for loops in ("on", "off")]

    assert set.intersection(*in_every_plan) == set()


def _plan(sql: str, *, loops: str) -> Node:
    """Return how a check would be read were its tables long: what reads them whole comes last."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_nestloop = {loops}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_material = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        (told,) = cursor.fetchone()
    plan: Node = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    return plan


def _read_again(node: Node, *, is_again: bool = False) -> Iterator[str]:
    """Yield the tables that are read whole for each row of something else."""
    if is_again and node["Node Type"] in _SCANS and "Index Cond" not in node:
        yield node["Relation Name"]
    for place, child in enumerate(node.get("Plans", [])):
        is_inner = node["Node Type"] == "Nested Loop" and place == 1
        is_asked = child["Parent Relationship"] == "SubPlan"
        yield from _read_again(child, is_again=is_again or is_inner or is_asked)
