"""Each rule of a fault finds the bugs that it is there for, and nothing where there is none."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from plans.credits import MICROS
from tests.faults import rules
from tests.faults.books import Ask, Told, Written, told_by
from tests.faults.replay import Moved, Purse
from tests.faults.rules import Gift, Line, Seen
from tests.kills.facts import Facts, JobSeen
from tests.kills.test_checkers import FILM, a_good_storm

Bug = Callable[[Seen], Seen]
OPENED: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(number: int, ask: Ask, status: int, **more: Any) -> Written:  # noqa: ANN401 (fields)
    facts: dict[str, Any] = {"customer": 0, "path": "/", "body": {}, "key": f"key-{number}"}
    written = Written(number=number, ask=ask, asked_at=0.0, **(facts | more))
    written.status = status
    written.at_first = told_by(status, written.answer)
    return written


def job(number: int, status: str, paid: int) -> JobSeen:
    return JobSeen(
        id=f"job_{number}",
        order=number,
        status=status,
        failure_class="" if status == "succeeded" else "canceled_queued",
        charged_micros=paid * MICROS,
        is_late=False,
        is_to_cancel=not paid,
        hold_state="captured" if paid else "released",
        hold_micros=6 * MICROS,
        captured_micros=paid * MICROS,
        moved={"capture" if paid else "release": 6 * MICROS},
        films=[FILM] if paid else [],
    )


def moved(seq: int, kind: str, hold: str, credits_: int, available: int, held: int) -> Moved:
    return Moved(
        seq=seq,
        kind=kind,
        grant="g1" if seq != 4 else "g2",
        hold=hold,
        micros=credits_ * MICROS,
        available_after=available * MICROS,
        held_after=held * MICROS,
        at=OPENED + timedelta(seconds=seq),
    )


def a_purse() -> Purse:
    """A hundred given, six spent on one order, forty given, six held and released."""
    return Purse(
        owner="ada",
        opened_at=OPENED,
        available=134 * MICROS,
        held=0,
        lots={"g1": (94 * MICROS, 0), "g2": (40 * MICROS, 0)},
        moves=[
            moved(1, "grant", "", 100, 100, 0),
            moved(2, "hold", "h1", 6, 94, 6),
            moved(3, "capture", "h1", 6, 94, 0),
            moved(4, "grant", "", 40, 134, 0),
            moved(5, "hold", "h2", 6, 128, 6),
            moved(6, "release", "h2", 6, 134, 0),
        ],
    )


def a_good_end() -> Seen:
    """Of one customer an order made, one canceled, a gift and a check-in; a poor one refused."""
    storm: Facts = a_good_storm()
    return Seen(
        books=[
            asked(1, Ask.SUBMIT, 201, answer={"id": "job_1"}, seconds=3),
            asked(2, Ask.SUBMIT, 201, answer={"id": "job_2"}, seconds=3),
            asked(3, Ask.CANCEL, 202, answer={"id": "job_2", "status": "canceled"}, of=2),
            asked(4, Ask.GRANT, 201, answer={"id": "g2", "credits": "40"}, credits=40),
            asked(5, Ask.CLAIM, 200, answer={"id": "g3", "credits": "10"}),
            asked(6, Ask.SUBMIT, 402, answer={"code": "insufficient_credits"}, customer=8),
            asked(7, Ask.CANCEL, 409, answer={"code": "illegal_move"}, of=1),
        ],
        storm=storm,
        jobs=[job(1, "succeeded", 6), job(2, "canceled", 0)],
        gifts=[Gift("g2", 0, "request 4", 40 * MICROS)],
        claims=["g3"],
        lines=[
            Line(0, 1, "job.queued", "job_1"),
            Line(0, 2, "job.succeeded", "job_1"),
            Line(0, 3, "job.canceled", "job_2"),
        ],
        purses=[a_purse()],
        poor=[(0, 0), (0, 0)],
        again={1: (201, {"id": "job_1"}), 6: (402, {"code": "insufficient_credits"})},
        fallen=[],
        rich=8,
    )


def written(number: int, **changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda seen: replace(
        seen, books=[replace(one, **changes) if one.number == number else one for one in seen.books]
    )


def seen(**changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda good: replace(good, **changes)


def purse(**changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return lambda good: replace(good, purses=[replace(good.purses[0], **changes)])


def without_move(seq: int) -> Bug:
    return purse(moves=[one for one in a_purse().moves if one.seq != seq])


def move(seq: int, **changes: Any) -> Bug:  # noqa: ANN401 (fields)
    return purse(
        moves=[replace(one, **changes) if one.seq == seq else one for one in a_purse().moves]
    )


GOOD: Final = a_good_end()
TWICE: Final = [*GOOD.gifts, replace(GOOD.gifts[0], id="g9")]
BUGS: Final[Mapping[str, Mapping[str, Bug]]] = {
    "what_was_acknowledged_is_there": {
        "an order is gone": seen(jobs=GOOD.jobs[1:]),
        "a gift is gone": seen(gifts=[]),
        "a check-in is gone": seen(claims=[]),
    },
    "nothing_is_there_twice": {
        "an order became two jobs": seen(jobs=[*GOOD.jobs, replace(GOOD.jobs[0], id="job_9")]),
        "a gift was given twice": seen(gifts=TWICE),
        "a gift is a job's too": seen(gifts=[replace(GOOD.gifts[0], reason="request 1")]),
    },
    "what_was_refused_is_not_there": {
        "a refused order is a job": seen(jobs=[*GOOD.jobs, replace(GOOD.jobs[0], order=6)]),
        "nobody asked for a job": seen(jobs=[*GOOD.jobs, replace(GOOD.jobs[0], order=99)]),
        "nobody asked for a gift": seen(gifts=[replace(GOOD.gifts[0], reason="because")]),
        "a gift was refused, and given": written(4, status=422),
    },
    "what_is_there_is_what_was_asked_for": {
        "another has the gift": seen(gifts=[replace(GOOD.gifts[0], customer=3)]),
        "the gift is too large": seen(gifts=[replace(GOOD.gifts[0], micros=41 * MICROS)]),
        "another gift was told of": written(4, answer={"id": "g7", "credits": "40"}),
    },
    "a_cancel_that_was_acknowledged_counts": {
        "what was canceled is made": seen(jobs=[GOOD.jobs[0], job(2, "succeeded", 6)]),
        "what was canceled fails": seen(
            jobs=[GOOD.jobs[0], replace(GOOD.jobs[1], status="failed")]
        ),
        "a wish is forgotten": lambda good: replace(
            written(3, answer={"id": "job_2", "status": "running"})(good),
            jobs=[GOOD.jobs[0], job(2, "succeeded", 6)],
        ),
    },
    "every_refusal_has_its_reason": {
        "one who can pay is told that he cannot": written(6, customer=0),
        "an order that could be paid is refused as wrong": written(1, status=422),
        "a lost database is told as a refusal": written(4, status=402),
        "a check-in conflicts": written(5, status=409),
    },
    "trouble_is_told_as_trouble": {
        "an order met a mistake": written(1, is_told_badly=True),
        "a check-in met a mistake": written(5, is_told_badly=True),
        "a refusal met a mistake first": written(6, is_told_badly=True),
    },
    "everything_is_known_in_the_end": {
        "nobody ever answers": written(1, status=0),
        "it never becomes well": written(4, status=503),
        "a key is never given back": written(
            2, status=409, answer={"code": "idempotency_in_progress"}
        ),
    },
    "an_answer_stays_what_it_was": {
        "another job is told of": seen(again={1: (201, {"id": "job_2"})}),
        "a refusal becomes a yes": seen(again={6: (201, {"id": "job_6"})}),
        "a yes becomes a refusal": seen(again={1: (402, {"id": "job_1"})}),
    },
    "whoever_has_nothing_got_nothing": {
        "the first has a credit": seen(poor=[(MICROS, 0), (0, 0)]),
        "the second has a hold": seen(poor=[(0, 0), (0, 6)]),
        "one is below nothing": seen(poor=[(0, 0), (-1, 0)]),
    },
    "every_end_was_told_in_line": {
        "an end was not told": seen(lines=GOOD.lines[:2]),
        "an end was told twice": seen(lines=[*GOOD.lines, Line(0, 4, "job.canceled", "job_2")]),
        "a number is left out": seen(lines=[*GOOD.lines[1:]]),
        "another end was told": seen(
            lines=[*GOOD.lines[:2], replace(GOOD.lines[2], type="job.failed")]
        ),
    },
    "the_model_agrees": {
        "an entry is gone": without_move(4),
        "the last entries are gone": purse(moves=a_purse().moves[:3]),
        "a hold is not ended whole": move(6, micros=5 * MICROS),
        "more is held than is taken": move(5, micros=7 * MICROS),
        "an entry has a wrong balance": move(3, available_after=95 * MICROS),
        "a hold ends twice": purse(
            moves=[*a_purse().moves, moved(7, "release", "h2", 6, 140, 0)], available=140 * MICROS
        ),
        "the wallet has more than its entries": purse(available=135 * MICROS),
        "the wallet holds something": purse(held=MICROS),
        "a grant has more than its entries": purse(
            lots={"g1": (95 * MICROS, 0), "g2": (39 * MICROS, 0)}
        ),
        "a movement of a kind that nobody asked for": move(6, kind="revoke"),
    },
    "nobody_else_has_fallen": {
        "a worker has ended": seen(fallen=["worker0"]),
        "the API has ended": seen(fallen=["web"]),
        "the scheduler has ended": seen(fallen=["scheduler"]),
    },
}


def test_a_good_end_breaks_no_rule() -> None:
    assert rules.breaches(a_good_end()) == []


def test_every_rule_has_three_bugs_to_find() -> None:
    assert {rule.__name__: True for rule in rules.RULES} == {
        name: len(bugs) >= 3 for name, bugs in BUGS.items()
    }


@pytest.mark.parametrize(
    ("rule", "bug"), [(rule, bug) for rule, bugs in BUGS.items() for bug in bugs]
)
def test_a_rule_finds_its_bug(rule: str, bug: str) -> None:
    found = rules.breaches(BUGS[rule][bug](a_good_end()))

    assert [one for one in found if one.startswith(f"{rule}:")]


def test_what_the_storms_rules_find_counts_too() -> None:
    ill = replace(a_good_end(), storm=replace(a_good_storm(), breaches=["I2: a wallet"]))

    assert rules.breaches(ill) == ["the_audit_is_clean: I2: a wallet"]


def test_lost_and_doubled_are_counted_by_request() -> None:
    ill = replace(a_good_end(), jobs=GOOD.jobs[1:], gifts=TWICE)

    assert (rules.lost(ill), rules.doubled(ill)) == ([1], [4])


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (201, "", Told.ACKNOWLEDGED),
        (402, "insufficient_credits", Told.REFUSED),
        (409, "illegal_move", Told.REFUSED),
        (409, "idempotency_in_progress", Told.UNKNOWN),
        (429, "rate_limited", Told.UNKNOWN),
        (500, "internal", Told.UNKNOWN),
        (503, "unavailable", Told.UNKNOWN),
        (0, "", Told.UNKNOWN),
    ],
)
def test_only_an_answer_on_the_merits_is_known(status: int, code: str, told: Told) -> None:
    assert told_by(status, {"code": code}) == told
