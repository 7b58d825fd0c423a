"""Each rule of a storm finds the bug that it is there for, and nothing in a storm without one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from plans.credits import MICROS
from tests.kills import checks
from tests.kills.customers import Heard
from tests.kills.facts import Facts, JobSeen
from tests.kills.gate import HandOver
from tests.kills.plan import Asked, Order, Word

FILM: Final = "the digest of the film"
Bug = Callable[[Facts], Facts]


def order(number: int, word: Word = Word.PLAIN, **more: Any) -> Order:  # noqa: ANN401 (fields)
    facts: dict[str, Any] = {
        "customer": 0,
        "seconds": 3,
        "cancels_after": None,
        "unanswered": False,
        "repeated": False,
        "claims": False,
    }
    return Order(number=number, word=word, **(facts | more))


def job(number: int, status: str = "succeeded", why: str = "", *, paid: int = 0) -> JobSeen:
    spent = {"capture": paid * MICROS} if paid else {}
    back = {"release": (6 - paid) * MICROS} if paid < 6 else {}
    return JobSeen(
        id=f"job_{number}",
        order=number,
        status=status,
        failure_class=why,
        charged_micros=paid * MICROS,
        is_late=False,
        hold_state="captured" if paid else "released",
        hold_micros=6 * MICROS,
        captured_micros=paid * MICROS,
        moved=spent | back,
        films=[FILM] if status == "succeeded" else [],
    )


def a_good_storm() -> Facts:
    """Four orders of one customer: made, moderated, lost with Cog, canceled while it waited."""
    orders = [order(0), order(1, Word.MODERATE), order(2), order(3, cancels_after=0.0)]
    made, moderated, lost, canceled = orders
    return Facts(
        asked=Asked(4, 1, 1, 1, "1/1/1", 60),
        orders=orders,
        heard=Heard(
            jobs={one.number: f"job_{one.number}" for one in orders},
            canceled={canceled.number: 202},
            claims={0: {"grant_1": "10"}},
        ),
        jobs=[
            job(0, paid=6),
            job(1, "failed", "moderation_output", paid=3),
            job(2, "failed", "backend_error"),
            job(3, "canceled", "canceled_queued"),
        ],
        attempts={"a0": "succeeded", "a1": "failed", "a2": "AtCapacity", "b2": "failed"},
        live_attempts=[],
        hand_overs=[
            HandOver("a0", made.prompt, 1.0, 202),
            HandOver("a1", moderated.prompt, 2.0, 202),
            HandOver("a2", lost.prompt, 3.0, 409),
            HandOver("b2", lost.prompt, 4.0, 0),
        ],
        starts={made.prompt: 1, moderated.prompt: 1, lost.prompt: 1},
        films={made.prompt: 1},
        given_micros=100 * MICROS,
        balances={0: (101 * MICROS, 0)},
        digest=FILM,
        open_messages=[],
        dead_messages=[],
        unapplied=[],
        breaches=[],
        kills=1,
        wipes=1,
        zombies=1,
    )


def with_job(number: int, **changes: Any) -> Bug:  # noqa: ANN401 (fields)
    def bug(facts: Facts) -> Facts:
        return replace(
            facts,
            jobs=[replace(one, **changes) if one.order == number else one for one in facts.jobs],
        )

    return bug


def with_facts(**changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda facts: replace(facts, **changes)


def with_heard(**changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda facts: replace(facts, heard=replace(facts.heard, **changes))


def handed_again(attempt: str, number: int, answer: int) -> Bug:
    def bug(facts: Facts) -> Facts:
        again = HandOver(attempt, facts.orders[number].prompt, 9.0, answer)
        return replace(facts, hand_overs=[*facts.hand_overs, again])

    return bug


def a_job_is_lost(facts: Facts) -> Facts:
    return replace(facts, jobs=facts.jobs[1:])


def a_job_is_there_twice(facts: Facts) -> Facts:
    return replace(facts, jobs=[*facts.jobs, replace(facts.jobs[0], id="job_again")])


def a_job_that_nobody_ordered(facts: Facts) -> Facts:
    stranger = replace(facts.jobs[2], id="job_9", order=9)
    return replace(facts, jobs=[*facts.jobs, stranger])


def begun_twice(facts: Facts) -> Facts:
    return replace(facts, starts={**facts.starts, facts.orders[0].prompt: 2})


def never_begun(facts: Facts) -> Facts:
    return replace(facts, starts={facts.orders[0].prompt: 1, facts.orders[2].prompt: 1})


PAID_TWICE = {"capture": 12 * MICROS, "release": -6 * MICROS}
BUGS: Final[list[tuple[str, Bug]]] = [
    ("every_order_was_accepted", with_heard(refused=["order 1: 402"])),
    ("every_order_was_accepted", with_heard(jobs={0: "job_0", 1: "job_1", 2: "job_2"})),
    ("a_repeat_is_answered_with_the_same_job", with_heard(changed=[2])),
    ("every_accepted_order_is_one_job", a_job_is_lost),
    ("every_accepted_order_is_one_job", a_job_is_there_twice),
    ("every_accepted_order_is_one_job", a_job_that_nobody_ordered),
    ("every_job_is_final", with_job(2, status="unknown")),
    ("every_job_is_final", with_facts(live_attempts=["b2"])),
    ("a_hold_ends_once_and_whole", with_job(2, moved={}, hold_state="open")),
    ("a_hold_ends_once_and_whole", with_job(0, moved={"capture": 6 * MICROS, "release": 1})),
    ("a_hold_ends_once_and_whole", with_job(0, twice=["capture"])),
    ("a_job_is_charged_by_its_verdict", with_job(0, moved=PAID_TWICE)),
    ("a_job_is_charged_by_its_verdict", with_job(0, charged_micros=0)),
    ("a_job_is_charged_by_its_verdict", with_job(2, moved={"capture": 6 * MICROS})),
    ("no_attempt_is_handed_over_twice", handed_again("a0", 0, 202)),
    ("no_attempt_is_handed_over_twice", handed_again("a_stranger", 0, 409)),
    ("another_attempt_follows_only_a_refusal", handed_again("a0", 0, 0)),
    ("another_attempt_follows_only_a_refusal", handed_again("c0", 0, 500)),
    ("no_order_is_worked_on_twice", begun_twice),
    ("what_is_paid_was_worked_on", never_begun),
    ("what_is_paid_was_worked_on", with_facts(films={})),
    ("a_success_has_its_film", with_job(0, films=[])),
    ("a_success_has_its_film", with_job(0, films=[FILM, FILM])),
    ("a_success_has_its_film", with_job(0, films=["half of it"])),
    ("a_success_has_its_film", with_job(2, is_late=True)),
    ("a_verdict_fits_the_order", with_job(1, status="succeeded", failure_class="")),
    ("a_verdict_fits_the_order", with_job(2, status="canceled")),
    ("a_verdict_fits_the_order", with_job(2, failure_class="moderation_output")),
    ("a_verdict_fits_the_order", with_job(3, status="expired")),
    ("nothing_is_left_to_be_done", with_facts(open_messages=["jobs.dispatch msg_1"])),
    ("nothing_is_left_to_be_done", with_facts(dead_messages=["jobs.dispatch msg_1"])),
    ("nothing_is_left_to_be_done", with_facts(unapplied=["cb_1"])),
    ("balances_equal_a_recount", with_facts(balances={0: (100 * MICROS, 0)})),
    ("balances_equal_a_recount", with_facts(balances={0: (101 * MICROS, 1)})),
    ("balances_equal_a_recount", with_heard(claims={0: {"grant_1": "10", "grant_2": "10"}})),
    ("the_audit_is_clean", with_facts(breaches=["I2 wallet_1: it does not add up"])),
    ("everything_that_was_planned_has_happened", with_facts(kills=0)),
    ("everything_that_was_planned_has_happened", with_facts(wipes=0)),
    ("everything_that_was_planned_has_happened", with_facts(zombies=0)),
]


def test_a_storm_without_a_bug_breaks_no_rule() -> None:
    assert checks.breaches(a_good_storm()) == []


@pytest.mark.parametrize(
    ("rule", "bug"), BUGS, ids=[f"{number}-{rule}" for number, (rule, _bug) in enumerate(BUGS)]
)
def test_a_planted_bug_is_found_by_its_rule(rule: str, bug: Bug) -> None:
    found = checks.breaches(bug(a_good_storm()))

    assert rule in {sentence.partition(":")[0] for sentence in found}


def test_every_rule_has_a_bug_that_it_finds() -> None:
    assert {check.__name__ for check in checks.CHECKS} == {rule for rule, _bug in BUGS}
