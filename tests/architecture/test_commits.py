"""Every commit point of the service, named: between any two of them a crash must be survivable."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.tree import PACKAGES, ROOT, files, parsed

# File and function. A new line here is a new state in which a crash may leave the service: say in
# the pull request which sweep goes on from it (shared/DESIGN.md section 3), and test it by faults.
COMMITS: Final = [
    "billing/alerts/services/evaluating.py:_apply",
    "billing/alerts/services/evaluating.py:_retire",
    "billing/alerts/services/evaluating.py:_take",
    "billing/alerts/services/evaluating.py:inspected",
    "billing/alerts/services/handling.py:acknowledge",
    "billing/alerts/services/handling.py:send_test",
    "billing/alerts/services/handling.py:silence",
    "billing/alerts/services/telling.py:_record",
    "billing/alerts/services/telling.py:_take",
    "billing/alerts/services/telling.py:sweep",
    "billing/accounts/services/accounts.py:change_account",
    "billing/accounts/services/accounts.py:rotate_api_key",
    "billing/corrections/services/adjusting.py:approve_adjustment",
    "billing/corrections/services/adjusting.py:look_at_adjustment",
    "billing/corrections/services/adjusting.py:preview_adjustment",
    "billing/corrections/services/adjusting.py:refuse_adjustment",
    "billing/corrections/services/adjusting.py:request_adjustment",
    "billing/corrections/services/adjusting.py:withdraw_adjustment",
    "billing/corrections/services/campaigning.py:approve_campaign_run",
    "billing/corrections/services/campaigning.py:refuse_campaign_run",
    "billing/corrections/services/campaigning.py:request_campaign_run",
    "billing/corrections/services/campaigning.py:withdraw_campaign_run",
    "billing/corrections/services/carrying.py:_give_next",
    "billing/corrections/services/carrying.py:_go_on",
    "billing/corrections/services/compensating.py:approve_compensation",
    "billing/corrections/services/compensating.py:refuse_compensation",
    "billing/corrections/services/compensating.py:request_compensation",
    "billing/corrections/services/compensating.py:withdraw_compensation",
    "billing/corrections/services/giving.py:_give_next",
    "billing/corrections/services/giving.py:_go_on_with_run",
    "billing/corrections/services/resuming.py:resume_grants",
    "billing/corrections/services/sweeping.py:_expire",
    "billing/corrections/services/telling.py:tell_debt",
    "billing/corrections/services/telling.py:tell_halt",
    "billing/exports/services.py:_end",
    "billing/exports/services.py:_begin",
    "billing/fleet/services.py:reset_breaker",
    "billing/fleet/services.py:set_mode",
    "billing/http/idempotency.py:answer_once",
    "billing/imports/services.py:_give",
    "billing/notes/services.py:write",
    "billing/lab/services/announcing.py:_go_on",
    "billing/lab/services/announcing.py:_tell_next",
    "billing/lab/services/publishing.py:approve_publication",
    "billing/lab/services/publishing.py:refuse_publication",
    "billing/lab/services/publishing.py:request_publication",
    "billing/lab/services/publishing.py:take_back_publication",
    "billing/lab/services/publishing.py:withdraw_publication",
    "billing/lab/services/sharing.py:revoke_share",
    "billing/lab/services/sharing.py:share",
    "billing/lab/services/simulating.py:_take",
    "billing/lab/services/simulating.py:request_simulation",
    "billing/operators/services/acting.py:begin_act",
    "billing/operators/services/acting.py:end_act",
    "billing/operators/services/counting.py:give_back",
    "billing/operators/services/counting.py:take",
    "billing/operators/services/creating.py:create_operator",
    "billing/operators/services/noting.py:note",
    "billing/operators/services/proving.py:_confirm",
    "billing/operators/services/proving.py:_judge",
    "billing/operators/services/proving.py:enrol_with",
    "billing/operators/services/proving.py:offer",
    "billing/operators/services/proving.py:renew_recovery_codes",
    "billing/operators/services/resetting.py:reset",
    "billing/pages/services.py:revoke_links",
    "billing/payments/services/profiles.py:keep",
    "billing/rollups/services.py:_roll",
    "billing/jobs/services/canceling.py:fail",
    "billing/jobs/services/dispatching.py:_claim",
    "billing/jobs/services/dispatching.py:_step_aside",
    "billing/jobs/services/forgetting.py:_note_deleted",
    "billing/jobs/services/hearing.py:_capture",
    "billing/jobs/services/hearing.py:_fail",
    "billing/jobs/services/hearing.py:_is_lost",
    "billing/jobs/services/hearing.py:_note_progress",
    "billing/jobs/services/inbox.py:_write_down",
    "billing/jobs/services/picturing.py:_attach",
    "billing/jobs/services/recording.py:_accept",
    "billing/jobs/services/recording.py:back_to_queue",
    "billing/jobs/services/recording.py:doubt",
    "billing/jobs/services/recording.py:pass_on",
    "billing/jobs/services/recording.py:reject",
    "billing/jobs/services/resolving.py:_give_back",
    "billing/jobs/services/resolving.py:_name",
    "billing/jobs/services/retrying.py:retry_settlement",
    "billing/jobs/services/storing.py:_waits",
    "billing/jobs/services/storing.py:announce",
    "billing/jobs/services/sweeping.py:_apply_again",
    "billing/jobs/services/sweeping.py:_call_a_human",
    "billing/jobs/services/sweeping.py:_expire",
    "billing/jobs/services/sweeping.py:_have_collected",
    "billing/jobs/services/sweeping.py:_mark_unknown",
    "billing/jobs/services/sweeping.py:_ring_waiting_for",
    "billing/jobs/services/sweeping.py:_take_due",
    "billing/ledger/services/converting.py:convert_due",
    "billing/ledger/services/partitioning.py:make_partitions",
    "billing/ledger/services/wallets.py:open_wallet",
    "billing/ledger/services/wallets.py:settle_due",
    "billing/ledger/services/zones.py:change_account",
    "billing/notices/services.py:_record",
    "billing/notices/services.py:_take",
    "billing/notices/services.py:again",
    "billing/notices/services.py:sweep",
    "billing/organizations/services/founding.py:change",
    "billing/organizations/services/joining.py:change_member",
    "billing/organizations/services/joining.py:remove",
    "billing/organizations/services/sweeping.py:collect_due",
    "billing/outbox/services.py:_take_due",
    "billing/outbox/services.py:fail",
    "billing/packs/services.py:activate_due",
    "billing/partners/services/bringing.py:link",
    "billing/partners/services/earning.py:look",
    "billing/partners/services/paying.py:_take_back",
    "billing/partners/services/paying.py:pay",
    "billing/payments/services/applying.py:_apply",
    "billing/payments/services/applying.py:_take_ticket",
    "billing/payments/services/catching_up.py:_forget_applied",
    "billing/payments/services/catching_up.py:_give_up",
    "billing/payments/services/catching_up.py:_note_fetched",
    "billing/payments/services/changing.py:_require_not_frozen",
    "billing/payments/services/changing.py:preview",
    "billing/payments/services/checking_out.py:_fail",
    "billing/payments/services/checking_out.py:_write_down",
    "billing/payments/services/customers.py:_row",
    "billing/payments/services/customers.py:note_card",
    "billing/payments/services/fulfilling.py:end",
    "billing/payments/services/fulfilling.py:fail",
    "billing/payments/services/fulfilling.py:note_bill",
    "billing/payments/services/fulfilling.py:note_price",
    "billing/payments/services/fulfilling.py:pay",
    "billing/payments/services/fulfilling.py:undo",
    "billing/payments/services/fulfilling.py:wait",
    "billing/payments/services/hearing.py:keep",
    "billing/payments/services/hearing.py:ring_again",
    "billing/payments/services/refunding.py:approve_refund",
    "billing/payments/services/refunding.py:look_at_refund",
    "billing/payments/services/refunding.py:preview_refund",
    "billing/payments/services/refunding.py:refuse_refund",
    "billing/payments/services/refunding.py:request_refund",
    "billing/payments/services/refunding.py:withdraw_refund",
    "billing/payments/services/sending.py:_give_up",
    "billing/payments/services/sending.py:_note",
    "billing/payments/services/settling.py:_settle",
    "billing/payments/services/reminding.py:remind",
    "billing/payments/services/reminding.py:remind_by_clock",
    "billing/payments/services/lapsing.py:_lapse",
    "billing/payments/services/overtaking.py:_expire",
    "billing/payments/services/overtaking.py:_reprice",
    "billing/payments/services/superseding.py:_note_gone",
    "billing/payments/services/repricing.py:_note",
    "billing/payments/services/watching.py:_note",
    "billing/promotions/services/bulk.py:_grant_one",
    "billing/promotions/services/coding.py:create_codes",
    "billing/receipts/services.py:_begin",
    "billing/receipts/services.py:revoke_key",
    "billing/sandbox/services.py:_arrive",
    "billing/sandbox/services.py:_call_again",
    "billing/sandbox/services.py:_go_on",
    "billing/sandbox/services.py:retire",
    "billing/subscriptions/services/admitting.py:admit_by_hand",
    "billing/subscriptions/services/admitting.py:admit_due",
    "billing/subscriptions/services/ending.py:end",
    "billing/subscriptions/services/ending.py:end_due",
    "billing/subscriptions/services/freezing.py:freeze",
    "billing/subscriptions/services/freezing.py:unfreeze",
    "billing/subscriptions/services/moving.py:_carry_free",
    "billing/subscriptions/services/moving.py:_move",
    "billing/subscriptions/services/standing.py:mark_past_due",
    "billing/subscriptions/services/standing.py:recover",
    "billing/subscriptions/services/starting.py:start",
    "billing/topups/services/deciding.py:look",
    "billing/topups/services/paying.py:_ask_buyer",
    "billing/topups/services/paying.py:_end",
    "billing/topups/services/paying.py:_note_card",
    "billing/topups/services/paying.py:_succeed",
    "billing/topups/services/setting.py:_switch_off",
    "billing/topups/services/setting.py:_switch_on",
    "billing/topups/services/sweeping.py:sweep",
    "billing/webhooks/services/by_hand.py:replay_by_hand",
    "billing/webhooks/services/by_hand.py:retry_by_hand",
    "billing/webhooks/services/by_hand.py:switch_by_hand",
    "billing/webhooks/services/delivering.py:_record",
    "billing/webhooks/services/delivering.py:_take",
    "billing/webhooks/services/sweeping.py:prune",
    "billing/webhooks/services/sweeping.py:sweep",
    "plans/catalog/publish.py:publish",
    "plans/catalog/publish.py:publish_first",
    "plans/catalog/publish.py:schedule",
    "plans/catalog/publish.py:withdraw",
    "plans/drafting.py:begin",
    "plans/drafting.py:revise",
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
    """The others are the answer stored with its effect, and what writes and publishes catalogs."""
    edges = {
        "billing/http/idempotency.py:answer_once",
        *(
            f"plans/catalog/publish.py:{verb}"
            for verb in ("publish", "publish_first", "schedule", "withdraw")
        ),
        *(f"plans/drafting.py:{verb}" for verb in ("begin", "revise")),
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

    assert set(users) == {"billing/outbox/services.py"}  # the bell, which may be missed


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
        and ast.unparse(node.func.value) not in {"default_storage", "session"}
        and not {"update_fields", "force_insert"} & {keyword.arg for keyword in node.keywords}
    ]

    assert whole == []


def steps() -> set[tuple[str, str]]:
    """Return package and name of each function that refuses to run outside a transaction."""
    return {
        (path.relative_to(ROOT).parts[1], function.name)
        for path in files("billing")
        for function in parsed(path).body
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "require_transaction"
    }


def bare_steps(source: ast.AST, known: set[tuple[str, str]]) -> list[str]:
    """Return the steps that a view calls itself, not within what `answer_once` runs for it."""
    packages = {
        alias.asname or alias.name: node.module.split(".")[1]
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("billing.")
        for alias in node.names
        if node.module is not None
    }
    inner = {
        id(node)
        for outer in ast.walk(source)
        if isinstance(outer, ast.FunctionDef)
        for function in ast.walk(outer)
        if isinstance(function, ast.FunctionDef | ast.Lambda) and function is not outer
        for node in ast.walk(function)
    }
    return [
        ast.unparse(node.func)
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and id(node) not in inner
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        if (packages.get(node.func.value.id, ""), node.func.attr) in known
    ]


def test_no_view_calls_a_step_without_a_transaction_around_it() -> None:
    """A test would not see it: there is a transaction around each of them."""
    known = steps()
    views = [path for path in files("billing") if "api" in path.relative_to(ROOT).as_posix()]
    bad = "from billing.ledger import services\ndef delete():\n    services.settle(1)\n"

    assert bare_steps(ast.parse(bad), known) == ["services.settle"]
    assert {path: found for path in views if (found := bare_steps(parsed(path), known))} == {}
