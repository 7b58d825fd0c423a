"""Judges a storm from outside: each rule looks at the facts alone, and names what breaks it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from http import HTTPStatus
from typing import Final

from plans.credits import MICROS, parse_micros
from tests.kills.facts import Facts, JobSeen
from tests.kills.plan import Order, Word

# What the storm's catalog keeps of a price; of everything else that fails, nothing.
KEPT: Final = {"moderation_output": Fraction(1, 2), "canceled_running": Fraction(1, 4)}
# What provably took nothing; every other answer, and none at all, may have been a yes.
_NOT_TAKEN: Final = (
    *(HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS),
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND),
)
Check = Callable[[Facts], Iterator[str]]


def breaches(facts: Facts) -> list[str]:
    """Return every breach of every rule, as a sentence behind the rule's name."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(facts)]


def every_order_was_accepted(facts: Facts) -> Iterator[str]:
    """Nobody had too little, and nothing was asked too much of: all orders were good ones."""
    yield from facts.heard.refused
    for order in facts.orders:
        if order.number not in facts.heard.jobs:
            yield f"order {order.number} has no answer"


def a_repeat_is_answered_with_the_same_job(facts: Facts) -> Iterator[str]:
    """A key stands for one order."""
    for number in facts.heard.changed:
        yield f"order {number} became another job"


def every_accepted_order_is_one_job(facts: Facts) -> Iterator[str]:
    """What was acknowledged is there, once, and nothing else is."""
    found = defaultdict(list)
    for job in facts.jobs:
        found[job.order].append(job.id)
    for number, job_id in facts.heard.jobs.items():
        if found.get(number) != [job_id]:
            yield f"order {number} was accepted as {job_id}, and is {found.get(number)}"
    for number in found.keys() - facts.heard.jobs.keys():
        yield f"nobody was told of {found[number]}"


def every_job_is_final(facts: Facts) -> Iterator[str]:
    """Nothing waits for ever."""
    for job in facts.jobs:
        if not job.is_final:
            yield f"{job.id} is {job.status}"
    yield from (f"attempt {attempt} has not ended" for attempt in facts.live_attempts)


def a_hold_ends_once_and_whole(facts: Facts) -> Iterator[str]:
    """What was set aside was spent or given back, each lot of it once."""
    for job in facts.jobs:
        ended = sum(job.moved.values())
        if job.hold_state == "open" or ended != job.hold_micros:
            yield f"{job.id}: of {job.hold_micros} held, {ended} ended ({job.hold_state})"
        if job.twice:
            yield f"{job.id}: {', '.join(job.twice)} more than once"


def a_job_is_charged_by_its_verdict(facts: Facts) -> Iterator[str]:
    """One capture at most, of what the verdict costs."""
    orders = {order.number: order for order in facts.orders}
    for job in facts.jobs:
        if job.order not in orders:
            continue
        due = _due(orders[job.order], job)
        spent = job.moved.get("capture", 0)
        if not due == spent == job.captured_micros == job.charged_micros:
            yield (
                f"{job.id} ({job.status} {job.failure_class}) costs {due}, and was charged "
                f"{job.charged_micros} with {spent} captured"
            )


def no_attempt_is_handed_over_twice(facts: Facts) -> Iterator[str]:
    """Whatever crashed between: one PUT an attempt."""
    handed = Counter(one.attempt for one in facts.hand_overs)
    for attempt, times in handed.items():
        if times > 1:
            yield f"attempt {attempt} was handed over {times} times"
        if attempt not in facts.attempts:
            yield f"attempt {attempt} was handed over, and nobody remembers it"


def another_attempt_follows_only_a_refusal(facts: Facts) -> Iterator[str]:
    """Of the attempts at one order, one at most may have been taken."""
    taken = Counter(one.prompt for one in facts.hand_overs if one.answer not in _NOT_TAKEN)
    for prompt, times in taken.items():
        if times > 1:
            yield f"{prompt} may have been taken {times} times"


def no_order_is_worked_on_twice(facts: Facts) -> Iterator[str]:
    """As the predictor saw it, which knows nothing of attempts."""
    for prompt, times in facts.starts.items():
        if times > 1:
            yield f"{prompt} was begun {times} times"


def what_is_paid_was_worked_on(facts: Facts) -> Iterator[str]:
    """Credits, and a success, only for what the predictor has really begun and finished."""
    orders = {order.number: order for order in facts.orders}
    for job in facts.jobs:
        prompt = orders[job.order].prompt if job.order in orders else ""
        if job.charged_micros and not facts.starts.get(prompt):
            yield f"{job.id} was charged, and never begun"
        if job.status == "succeeded" and not facts.films.get(prompt):
            yield f"{job.id} succeeded, and no film was made"


def a_success_has_its_film(facts: Facts) -> Iterator[str]:
    """The bytes of the film lie in the storage, once; late ones too."""
    for job in facts.jobs:
        wanted = [facts.digest] if job.status == "succeeded" or job.is_late else []
        if list(job.films) != wanted:
            yield f"{job.id} ({job.status}) has the films {list(job.films)}"


def a_verdict_fits_the_order(facts: Facts) -> Iterator[str]:
    """Nothing succeeds that was to fail, and nothing is canceled against its customer's wish."""
    orders = {order.number: order for order in facts.orders}
    for job in facts.jobs:
        order = orders.get(job.order)
        if order is None:
            continue
        if job.status == "succeeded" and order.word in (Word.FAIL, Word.MODERATE):
            yield f"{job.id} was to fail, and succeeded"
        if job.status == "canceled" and job.order not in facts.heard.canceled:
            yield f"{job.id} was canceled by nobody"
        if job.failure_class.startswith("moderation") and order.word != Word.MODERATE:
            yield f"{job.id} was refused by moderation"
        if job.status == "expired":
            yield f"{job.id} expired"


def nothing_is_left_to_be_done(facts: Facts) -> Iterator[str]:
    """No errand open, none given up, no word of a backend unread."""
    yield from (f"open: {message}" for message in facts.open_messages)
    yield from (f"given up: {message}" for message in facts.dead_messages)
    yield from (f"unapplied: {callback}" for callback in facts.unapplied)


def balances_equal_a_recount(facts: Facts) -> Iterator[str]:
    """What was given and claimed, less the prices of what was to be paid; nothing held."""
    left = dict.fromkeys(facts.balances, facts.given_micros)
    for customer, claims in facts.heard.claims.items():
        left[customer] += sum(map(parse_micros, claims.values()))
    jobs = {job.order: job for job in facts.jobs}
    for order in facts.orders:
        if order.number in jobs:
            left[order.customer] -= _due(order, jobs[order.number])
    for customer, (available, held) in facts.balances.items():
        if (available, held) != (left[customer], 0):
            yield f"customer {customer} has {available} and {held} held, not {left[customer]}"


def the_audit_is_clean(facts: Facts) -> Iterator[str]:
    """The product's own judge agrees."""
    yield from facts.breaches


def everything_that_was_planned_has_happened(facts: Facts) -> Iterator[str]:
    """A storm that did not blow shows nothing."""
    asked, happened = facts.asked, (facts.kills, facts.wipes, facts.zombies)
    if happened != (asked.kills, asked.wipes, asked.zombies):
        yield f"kills, wipes, zombies: {happened}"


def _due(order: Order, job: JobSeen) -> int:
    """Return what an order costs by its verdict, from its price alone."""
    share = Fraction(1) if job.status == "succeeded" else KEPT.get(job.failure_class, Fraction(0))
    return int(order.price * MICROS * share)


CHECKS: Final[tuple[Check, ...]] = (
    every_order_was_accepted,
    a_repeat_is_answered_with_the_same_job,
    every_accepted_order_is_one_job,
    every_job_is_final,
    a_hold_ends_once_and_whole,
    a_job_is_charged_by_its_verdict,
    no_attempt_is_handed_over_twice,
    another_attempt_follows_only_a_refusal,
    no_order_is_worked_on_twice,
    what_is_paid_was_worked_on,
    a_success_has_its_film,
    a_verdict_fits_the_order,
    nothing_is_left_to_be_done,
    balances_equal_a_recount,
    the_audit_is_clean,
    everything_that_was_planned_has_happened,
)
