"""Refusals are values with public names: each has one meaning, and integrators can read of it."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import pytest

from billing.errors import DomainError, ErrorKind
from billing.http import errors, openapi, problems, refusing, remedies
from tests.architecture.tree import PACKAGES, ROOT, files, parsed

# Part 1's share of the codes that shared/API.md promises; later parts add theirs.
PROMISED: Final = {
    "malformed": 400,
    "unauthenticated": 401,
    "insufficient_credits": 402,
    "in_debt": 402,
    "forbidden": 403,
    "not_entitled": 403,
    "not_found": 404,
    "conflict": 409,
    "idempotency_in_progress": 409,
    "quote_expired": 409,
    "too_large": 413,
    "invalid_spec": 422,
    "unpriced": 422,
    "idempotency_mismatch": 422,
    "concurrency_limit": 429,
    "unavailable": 503,
    "payments_not_configured": 503,
}
# Codes that no operation of the document can answer with, each with the reason.
UNDOCUMENTED: Final = {
    "callback_malformed": "answers backends, whose address is not in the document",
    "callback_unauthenticated": "as callback_malformed",
    "unknown_backend": "as callback_malformed",
    "event_not_proven": "answers Stripe, whose address is not in the document",
    "sign_in_refused": "answers operators, on the pages on their way in",
    "too_many_tries": "as sign_in_refused",
    "wrong_code": "as sign_in_refused",
    "second_factor_not_reset": "answers operators, who alone reset each other's devices",
    "unknown_operator": "answers who makes operators, at the command line",
    "adjustment_above_maximum": "answers operators, who alone correct by hand",
    "adjustment_day_cap_reached": "as adjustment_above_maximum",
    "decided": "as adjustment_above_maximum",
    "grants_halted": "stops what gives by itself, which no caller asks for",
    "incident_known": "as adjustment_above_maximum",
    "invalid_correction": "as adjustment_above_maximum",
    "not_enough_to_take": "as adjustment_above_maximum",
    "not_halted": "as adjustment_above_maximum",
    "nothing_selected": "as adjustment_above_maximum",
    "own_request": "as adjustment_above_maximum",
    "not_your_request": "as adjustment_above_maximum",
    "run_known": "as adjustment_above_maximum",
    "too_many_accounts": "as adjustment_above_maximum",
    "share_above_maximum": "as adjustment_above_maximum",
    "selection_changed": "as adjustment_above_maximum",
    "selection_too_large": "as adjustment_above_maximum",
    "alert_closed": "answers operators, who alone look after alerts",
    "silence_too_long": "as alert_closed",
    "freeze_refused": "answers operators, who alone freeze accounts",
    "no_such_breaker": "answers operators, who alone close breakers",
    "no_verdict": "answers operators, who alone decide about jobs that are unknown",
    "not_unknown": "as no_verdict",
    "nothing_to_retry": "as no_verdict",
    "reason_missing": "as no_such_breaker",
    "still_running": "as no_verdict",
    "unfounded": "as no_verdict",
    "own_refund": "answers operators, who alone decide on refunds that were requested",
    "not_your_refund": "as own_refund",
    "refund_changed": "as own_refund",
    "refund_decided": "as own_refund",
    "invalid_batch": "answers operators at the command line, who alone make codes",
    "invalid_run": "as invalid_batch",
    "invalid_balances": "answers operators at the command line, who alone import balances",
    "balances_changed_meanwhile": "as invalid_balances",
    "balance_ended_meanwhile": "as invalid_balances",
    "import_incomplete": "as invalid_balances",
    "method_not_allowed": "answers what is not in the document",
    "not_scheduled": "answers operators at the command line and in the pricing lab",
    "already_asked": "answers operators, who alone work in the pricing lab",
    "draft_changed": "as already_asked",
    "draft_is_no_catalog": "as already_asked",
    "ground_shifted": "as already_asked",
    "invalid_draft": "as already_asked",
    "invalid_publication_request": "as already_asked",
    "invalid_range": "as already_asked",
    "share_over": "answers whoever opens a shared result, whose page is not in the document",
}


def refusals(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Yield every refusal of the product."""
    for child in base.__subclasses__():
        if child.__module__.startswith(PACKAGES):
            yield child
        yield from refusals(child)


for module in files("billing", "plans"):
    if module.name == "errors.py" or module.parent.name == "errors":
        importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts))

REFUSALS: Final = sorted(set(refusals()), key=lambda refusal: refusal.__qualname__)


@pytest.fixture(scope="module")
def documented() -> dict[str, set[int]]:
    """Return the codes of the document with the statuses under which it lists them."""
    found: dict[str, set[int]] = defaultdict(set)
    for methods in openapi.document()["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                for code in codes_of(response):
                    found[code].add(int(status))
    return found


def codes_of(response: dict[str, Any]) -> set[str]:
    """Return the codes that a response of the document lists."""
    return set(response.get(refusing.CODES, ()))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_each_refusal_says_what_it_is(refusal: type[DomainError]) -> None:
    assert refusal.code.replace("_", "").isalpha()
    assert refusal.code == refusal.code.lower()
    assert isinstance(refusal.kind, ErrorKind)
    assert refusal.__doc__


def test_a_code_has_one_meaning() -> None:
    meanings = defaultdict(set)
    for refusal in REFUSALS:
        meanings[refusal.code].add((refusal.kind, problems.status_of(refusal)))

    assert {code: m for code, m in meanings.items() if len(m) > 1} == {}


def test_each_refusal_is_one_that_somebody_gives() -> None:
    """A class that nothing raises or declares is a promise that nobody keeps."""
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for path in files("billing", "plans")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Name | ast.Attribute)
    }

    assert [refusal.__name__ for refusal in REFUSALS if refusal.__name__ not in used] == []


def test_each_refusal_is_documented_where_it_can_be_met(documented: dict[str, set[int]]) -> None:
    codes = {refusal.code for refusal in REFUSALS}

    assert codes - set(documented) == set(UNDOCUMENTED)


def test_each_documented_code_has_its_one_status(documented: dict[str, set[int]]) -> None:
    statuses = {refusal.code: {problems.status_of(refusal)} for refusal in REFUSALS}

    assert {code: statuses.get(code) for code in documented} == documented


def test_the_contract_keeps_its_promises(documented: dict[str, set[int]]) -> None:
    assert {code: documented.get(code) for code in PROMISED} == {
        code: {status} for code, status in PROMISED.items()
    }


def test_each_remedy_is_one_for_a_code_that_can_be_met(documented: dict[str, set[int]]) -> None:
    assert set(remedies.OF_CODE) - set(documented) == {errors.MethodNotAllowed.code}


def test_the_body_that_is_no_json_has_its_own_status(documented: dict[str, set[int]]) -> None:
    assert documented[errors.UnsupportedMediaType.code] == {415}


def test_a_defect_is_not_a_refusal() -> None:
    """Nothing raises `Internal`: it only words the answer to what nobody foresaw."""
    raised = [
        ast.unparse(node.exc)
        for path in files("billing", "plans")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Raise) and node.exc is not None
    ]

    assert [words for words in raised if words.startswith(("errors.Internal", "Internal"))] == []
