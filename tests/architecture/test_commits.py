"""Every commit point of the service, named: between any two of them a crash must be survivable."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.tree import PACKAGES, ROOT, files, parsed

# File and function. A new line here is a new state in which a crash may leave the service: say in
# the pull request which sweep goes on from it (shared/DESIGN.md section 3), and test it by faults.
COMMITS: Final = [
    "billing/accounts/services.py:change_account",
    "billing/http/idempotency.py:answer_once",
    "billing/jobs/services/canceling.py:fail",
    "billing/jobs/services/dispatching.py:_accept",
    "billing/jobs/services/dispatching.py:_back_to_queue",
    "billing/jobs/services/dispatching.py:_claim",
    "billing/jobs/services/dispatching.py:_reject",
    "billing/jobs/services/dispatching.py:doubt",
    "billing/jobs/services/hearing.py:_capture",
    "billing/jobs/services/hearing.py:_fail",
    "billing/jobs/services/hearing.py:_is_lost",
    "billing/jobs/services/hearing.py:_note_progress",
    "billing/jobs/services/hearing.py:hear",
    "billing/jobs/services/sweeping.py:_apply_again",
    "billing/jobs/services/sweeping.py:_call_a_human",
    "billing/jobs/services/sweeping.py:_expire",
    "billing/jobs/services/sweeping.py:_mark_unknown",
    "billing/jobs/services/sweeping.py:_ring_waiting",
    "billing/ledger/services/converting.py:convert_due",
    "billing/ledger/services/wallets.py:open_wallet",
    "billing/ledger/services/wallets.py:settle_due",
    "billing/outbox/services.py:_take_due",
    "billing/outbox/services.py:fail",
    "billing/packs/services.py:activate_due",
    "billing/promotions/services/bulk.py:_grant_one",
    "billing/promotions/services/coding.py:create_codes",
    "billing/subscriptions/services/ending.py:end",
    "billing/subscriptions/services/ending.py:end_due",
    "billing/subscriptions/services/moving.py:_carry_free",
    "billing/subscriptions/services/moving.py:_move",
    "billing/subscriptions/services/standing.py:mark_past_due",
    "billing/subscriptions/services/standing.py:recover",
    "billing/subscriptions/services/starting.py:start",
    "billing/webhooks/services.py:_record",
    "billing/webhooks/services.py:_take",
    "billing/webhooks/services.py:sweep",
    "plans/catalog/publish.py:publish",
    "plans/catalog/publish.py:schedule",
    "plans/catalog/publish.py:withdraw",
]


def is_durable(node: ast.expr) -> bool:
    """Say whether a decorator or a `with` reads `transaction.atomic(durable=True)`."""
    return isinstance(node, ast.Call) and any(
        keyword.arg == "durable" and ast.unparse(keyword.value) == "True"
        for keyword in node.keywords
    )


def commits_of(path: Path) -> list[str]:
    """Return the functions of a file that commit, each as often as it does."""
    return [
        f"{path.relative_to(ROOT)}:{function.name}"
        for function in ast.walk(parsed(path))
        if isinstance(function, ast.FunctionDef)
        for node in [
            *function.decorator_list,
            *(
                item.context_expr
                for inner in ast.walk(function)
                if isinstance(inner, ast.With)
                for item in inner.items
            ),
        ]
        if is_durable(node)
    ]


def test_every_commit_is_known() -> None:
    found = [
        commit
        for path in files(*PACKAGES)
        if "insights" not in path.parts  # the bench commits what it is about to throw away
        for commit in commits_of(path)
    ]

    assert sorted(found) == sorted(COMMITS)


def test_only_services_commit() -> None:
    """The others are the answer that is stored with its effect, and what publishes catalogs."""
    edges = {
        "billing/http/idempotency.py:answer_once",
        *(f"plans/catalog/publish.py:{verb}" for verb in ("publish", "schedule", "withdraw")),
    }

    others = {commit for commit in COMMITS if "/services" not in commit}

    assert others == edges


def test_nothing_waits_for_a_commit_to_do_something() -> None:
    """Work that follows a commit is a row of the outbox, so that a crash cannot lose it."""
    users = [
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr == "on_commit"
    ]

    assert users == ["billing/outbox/services.py"]  # the bell, which may be missed


def test_nothing_locks_without_reading() -> None:
    """`select_for_update()` is lazy: a queryset that nobody evaluates locks nothing."""
    idle = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files(*PACKAGES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "select_for_update"
    ]

    assert idle == []


def test_no_row_is_saved_whole() -> None:
    """A `save()` without `update_fields` overwrites columns that another has just written."""
    whole = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files("billing", "plans")
        if "demo" not in path.parts  # it saves pictures
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "save"
        and ast.unparse(node.func.value) != "default_storage"
        and not {"update_fields", "force_insert"} & {keyword.arg for keyword in node.keywords}
    ]

    assert whole == []
