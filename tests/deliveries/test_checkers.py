"""Each rule of the deliveries finds its bug, and nothing where there is none."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.deliveries import checks, reference
from tests.deliveries.checks import Facts, Has, PaidHere
from tests.deliveries.plan import Delivery, Forgery
from tests.deliveries.reference import MICROS

Bug = Callable[[Facts], Facts]


def objects() -> dict[str, list[dict[str, Any]]]:
    """Ada bought two packs and had a third of the money back; Bob has a plan; Cy pays nothing."""
    return {
        "customer": [
            {"id": f"cus_{name}", "metadata": {reference.ACCOUNT: name}}
            for name in ("ada", "bob", "cy")
        ],
        "payment_intent": [
            intent("pi_1", "cus_ada", 2000),
            intent("pi_2", "cus_bob", 6600),
            {**intent("pi_3", "cus_cy", 1000), "status": "requires_payment_method"},
        ],
        "invoice_payment": [{"status": "paid", "payment": {"payment_intent": "pi_2"}}],
        "refund": [
            {"payment_intent": "pi_1", "amount": 333, "status": "succeeded"},
            {"payment_intent": "pi_1", "amount": 500, "status": "failed"},
        ],
        "dispute": [
            {"payment_intent": "pi_1", "amount": 334, "status": "lost"},
            {"payment_intent": "pi_2", "amount": 6600, "status": "won"},
        ],
    }


def intent(stripe_id: str, customer: str, amount: int) -> dict[str, Any]:
    return {"id": stripe_id, "customer": customer, "amount_received": amount, "status": "succeeded"}


TAKEN = 220 * MICROS * 667 // 2000
SPENT = 200 * MICROS


def good() -> Facts:
    """All as it must be: Ada has spent 200 of her 220, so that she owes."""
    owed = SPENT + TAKEN - 220 * MICROS
    return Facts(
        sent=[Delivery("evt_1", None), Delivery("evt_1", Forgery.CUT), Delivery("evt_1", None)],
        answers=[200, 400, 200],
        events={"evt_1": True},
        expected=reference.expected(objects()),
        has={
            "ada": Has([PaidHere("pi_1", 220 * MICROS, TAKEN)], 0, owed, SPENT, ""),
            "bob": Has([PaidHere("pi_2", 300 * MICROS, 0)], 300 * MICROS, 0, 0, "pro"),
            "cy": Has([], 0, 0, 0, ""),
        },
    )


def with_has(account: str, **changes: Any) -> Bug:  # noqa: ANN401 (fields)
    def bug(facts: Facts) -> Facts:
        has: Mapping[str, Has] = {**facts.has, account: replace(facts.has[account], **changes)}
        return replace(facts, has=has)

    return bug


def with_facts(**changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda facts: replace(facts, **changes)


TWICE = [PaidHere("pi_2", 300 * MICROS, 0), PaidHere("pi_2b", 300 * MICROS, 0)]
BUGS: list[tuple[str, Bug]] = [
    ("a_genuine_event_is_taken", with_facts(answers=[500, 400, 200])),
    ("a_forged_event_is_refused", with_facts(answers=[200, 200, 200])),
    ("a_forged_event_is_refused", with_facts(answers=[200, 500, 200])),
    ("every_event_is_kept_and_applied", with_facts(events={})),
    ("every_event_is_kept_and_applied", with_facts(events={"evt_1": False})),
    ("every_event_is_kept_and_applied", with_facts(events={"evt_1": True, "evt_2": True})),
    ("each_payment_is_one_purchase", with_has("bob", purchases=TWICE)),
    ("each_payment_is_one_purchase", with_has("bob", purchases=[])),
    ("each_payment_is_one_purchase", with_has("ada", purchases=[PaidHere("pi_1", 1, 0)])),
    (
        "what_went_back_was_taken_once",
        with_has("ada", purchases=[PaidHere("pi_1", 220 * MICROS, TAKEN * 2)]),
    ),
    ("a_balance_is_what_the_reference_says", with_has("bob", available_micros=600 * MICROS)),
    ("a_balance_is_what_the_reference_says", with_has("ada", debt_micros=0)),
    ("a_balance_is_what_the_reference_says", with_has("cy", available_micros=1)),
    ("who_paid_for_a_plan_has_it", with_has("bob", plan="")),
    ("who_paid_for_a_plan_has_it", with_has("cy", plan="pro")),
    ("nothing_waits", with_facts(open_messages=["one"])),
    ("nothing_waits", with_facts(dead_messages=["one"])),
    ("the_books_are_right", with_facts(breaches=["one"])),
    ("the_books_are_right", with_facts(drifts=["one"])),
]


def test_nothing_is_found_where_all_is_well() -> None:
    assert checks.breaches(good()) == []


@pytest.mark.parametrize(("rule", "bug"), BUGS)
def test_a_bug_is_found_by_its_rule(rule: str, bug: Bug) -> None:
    broken = checks.breaches(bug(good()))
    assert rule in {sentence.partition(":")[0] for sentence in broken}


def test_every_rule_has_a_bug() -> None:
    assert {rule for rule, _bug in BUGS} == {check.__name__ for check in checks.CHECKS}
