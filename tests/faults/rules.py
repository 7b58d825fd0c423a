"""Judges what an experiment has left: each rule looks at what was seen alone. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tests.faults.books import Ask, Told, Written
from tests.faults.replay import Purse, differences
from tests.kills import checks
from tests.kills.facts import Facts, JobSeen

# How each may be refused on its merits; all else that goes wrong must leave the matter open.
_REFUSED_AS: Final[Mapping[Ask, int]] = {
    Ask.SUBMIT: HTTPStatus.PAYMENT_REQUIRED,
    Ask.CANCEL: HTTPStatus.CONFLICT,
}
_TOLD_OF: Final[Mapping[str, str]] = {
    "succeeded": "job.succeeded",
    "failed": "job.failed",
    "canceled": "job.canceled",
}


@dataclass(frozen=True, slots=True)
class Gift:
    """Credits that a platform's server gave, as the rows have them."""

    id: str
    customer: int
    reason: str
    micros: int


@dataclass(frozen=True, slots=True)
class Line:
    """One event in the line of an account."""

    customer: int
    sequence: int
    type: str
    job: str


@dataclass(frozen=True)
class Seen:
    """All that the rules may judge.

    Attributes:
        storm: what the rules of the storms of kills judge, of the orders that were accepted.
        claims: ids of the grants of check-ins that are there.
        rich: how many customers, the first ones, have more than all that they can order.
        poor: of the customers who have nothing, what is free and held.
        again: answers to some of what was acknowledged, asked once more.
        fallen: processes that ended though nobody has ended them.
    """

    books: Sequence[Written]
    storm: Facts
    jobs: Sequence[JobSeen]
    gifts: Sequence[Gift]
    claims: Sequence[str]
    lines: Sequence[Line]
    purses: Sequence[Purse]
    poor: Sequence[tuple[int, int]]
    again: Mapping[int, tuple[int, Mapping[str, object]]]
    fallen: Sequence[str]
    rich: int


Rule = Callable[[Seen], Iterator[str]]


def breaches(seen: Seen) -> list[str]:
    """Return every breach of every rule, as a sentence behind the rule's name."""
    found = [f"{rule.__name__}: {what}" for rule in RULES for what in rule(seen)]
    return found + checks.breaches(seen.storm)


def lost(seen: Seen) -> list[int]:
    """Return the numbers of what was acknowledged and is not there."""
    there = {job.order for job in seen.jobs} | {_number(gift) for gift in seen.gifts}
    claims = set(seen.claims)
    found = []
    for written in seen.books:
        if written.told != Told.ACKNOWLEDGED:
            continue
        if written.ask in (Ask.SUBMIT, Ask.GRANT) and written.number not in there:
            found.append(written.number)
        if written.ask == Ask.CLAIM and written.answer["id"] not in claims:
            found.append(written.number)
    return found


def doubled(seen: Seen) -> list[int]:
    """Return the numbers of what is there more than once."""
    numbers = [job.order for job in seen.jobs] + [_number(gift) for gift in seen.gifts]
    return sorted({one for one in numbers if numbers.count(one) > 1})


def what_was_acknowledged_is_there(seen: Seen) -> Iterator[str]:
    """Nobody was told of what is not."""
    yield from (f"request {number} was acknowledged, and is lost" for number in lost(seen))


def nothing_is_there_twice(seen: Seen) -> Iterator[str]:
    """A key stands for one effect."""
    yield from (f"request {number} is there more than once" for number in doubled(seen))


def what_was_refused_is_not_there(seen: Seen) -> Iterator[str]:
    """A refusal leaves nothing, and nothing is there that nobody asked for."""
    good = {one.number for one in seen.books if one.told == Told.ACKNOWLEDGED}
    for job in seen.jobs:
        if job.order not in good:
            yield f"{job.id} is of request {job.order}, which was not acknowledged"
    for gift in seen.gifts:
        if _number(gift) not in good:
            yield f"{gift.id} is of request {_number(gift)}, which was not acknowledged"


def what_is_there_is_what_was_asked_for(seen: Seen) -> Iterator[str]:
    """To the customer who was named, and as many credits."""
    asked = {one.number: one for one in seen.books}
    for gift in seen.gifts:
        written = asked.get(_number(gift))
        if written is None or written.ask != Ask.GRANT:
            continue
        if (gift.customer, gift.micros) != (written.customer, written.credits * 1_000_000):
            yield f"{gift.id} gave {gift.micros} to {gift.customer}"
        if written.told == Told.ACKNOWLEDGED and written.answer.get("id") != gift.id:
            yield f"request {written.number} was answered with {written.answer.get('id')}"


def a_cancel_that_was_acknowledged_counts(seen: Seen) -> Iterator[str]:
    """Who was told that nothing is made has nothing made; every other wish is written down."""
    jobs = {job.order: job for job in seen.jobs}
    for written in seen.books:
        job = jobs.get(written.of)
        if written.ask != Ask.CANCEL or written.told != Told.ACKNOWLEDGED or job is None:
            continue
        if written.answer["status"] == "canceled" and job.status != "canceled":
            yield f"{job.id} was canceled by request {written.number}, and is {job.status}"
        if job.status != "canceled" and not job.is_to_cancel:
            yield f"request {written.number} to cancel {job.id} is lost"


def every_refusal_has_its_reason(seen: Seen) -> Iterator[str]:
    """Trouble of the server's own is never told as a refusal on the merits."""
    for written in seen.books:
        if written.told != Told.REFUSED:
            continue
        code = written.answer.get("code")
        if written.status != _REFUSED_AS.get(written.ask):
            yield f"{written.ask} {written.number} was refused: {written.status} {code}"
        elif written.ask == Ask.SUBMIT and written.customer < seen.rich:
            yield f"{written.ask} {written.number} of one who could pay was refused: {code}"


def trouble_is_told_as_trouble(seen: Seen) -> Iterator[str]:
    """By a 503 that says when to come again; a 500 would be a mistake of ours."""
    for written in seen.books:
        if written.is_told_badly:
            yield f"{written.ask} {written.number} was not told when to come again"


def everything_is_known_in_the_end(seen: Seen) -> Iterator[str]:
    """Whoever asks under the key is told."""
    for written in seen.books:
        if written.told == Told.UNKNOWN:
            code = written.answer.get("code")
            yield f"{written.ask} {written.number} has no answer ({written.status} {code})"


def an_answer_stays_what_it_was(seen: Seen) -> Iterator[str]:
    """The same key is told the same."""
    asked = {one.number: one for one in seen.books}
    for number, (status, answer) in seen.again.items():
        if (status, dict(answer)) != (asked[number].status, dict(asked[number].answer)):
            yield f"request {number} is now answered with {status} {answer}"


def whoever_has_nothing_got_nothing(seen: Seen) -> Iterator[str]:
    """A refusal for want of credits moved none."""
    for place, (available, held) in enumerate(seen.poor):
        if (available, held) != (0, 0):
            yield f"poor customer {place} has {available} and {held} held"


def every_end_was_told_in_line(seen: Seen) -> Iterator[str]:
    """The events of an account are numbered without gaps, and each end of a job is one of them."""
    for customer in sorted({line.customer for line in seen.lines}):
        numbers = [line.sequence for line in seen.lines if line.customer == customer]
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            yield f"the events of customer {customer} have gaps"
    told = [(line.job, line.type) for line in seen.lines]
    for job in seen.jobs:
        if job.is_final and told.count((job.id, _TOLD_OF.get(job.status, ""))) != 1:
            yield f"the end of {job.id} ({job.status}) was not told once"


def the_model_agrees(seen: Seen) -> Iterator[str]:
    """All entries, lived through again, lead to what the rows say."""
    for purse in seen.purses:
        yield from differences(purse)


def nobody_else_has_fallen(seen: Seen) -> Iterator[str]:
    """A fault of one part ends no other."""
    yield from (f"{name} has ended" for name in seen.fallen)


def _number(gift: Gift) -> int:
    """Return the number of the request that a gift says it is of; -1: of none."""
    word, _space, number = gift.reason.partition(" ")
    return int(number) if word == "request" and number.isdecimal() else -1


RULES: Final[tuple[Rule, ...]] = (
    what_was_acknowledged_is_there,
    nothing_is_there_twice,
    what_was_refused_is_not_there,
    what_is_there_is_what_was_asked_for,
    a_cancel_that_was_acknowledged_counts,
    every_refusal_has_its_reason,
    trouble_is_told_as_trouble,
    everything_is_known_in_the_end,
    an_answer_stays_what_it_was,
    whoever_has_nothing_got_nothing,
    every_end_was_told_in_line,
    the_model_agrees,
    nobody_else_has_fallen,
)
