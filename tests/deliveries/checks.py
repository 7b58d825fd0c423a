"""Judges what deliveries have brought about: each rule looks at the facts, and names a breach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.deliveries.plan import Delivery
from tests.deliveries.reference import Expected

_GOOD: Final = 200
_REFUSED: Final = range(400, 500)


@dataclass(frozen=True, slots=True)
class PaidHere:
    """A purchase as the product has it."""

    stripe_id: str
    credited_micros: int
    taken_micros: int


@dataclass(frozen=True, slots=True)
class Has:
    """An account as the product has it."""

    purchases: Sequence[PaidHere]
    available_micros: int
    debt_micros: int
    spent_micros: int
    plan: str


@dataclass(frozen=True)
class Facts:
    """All that was seen.

    Attributes:
        answers: what each delivery was answered with.
        events: the events that are kept as genuine, by their ids; not those that were fetched.
    """

    sent: Sequence[Delivery]
    answers: Sequence[int]
    events: Mapping[str, bool]
    expected: Mapping[str, Expected]
    has: Mapping[str, Has]
    open_messages: Sequence[str] = ()
    dead_messages: Sequence[str] = ()
    breaches: Sequence[str] = ()
    drifts: Sequence[str] = field(default=())


Check = Callable[[Facts], Iterator[str]]


def breaches(facts: Facts) -> list[str]:
    """Return every breach of every rule, as a sentence behind the rule's name."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(facts)]


def a_genuine_event_is_taken(facts: Facts) -> Iterator[str]:
    """Whatever its order, and however often it came."""
    for delivery, answer in zip(facts.sent, facts.answers, strict=True):
        if delivery.forgery is None and answer != _GOOD:
            yield f"{delivery.event} was answered {answer}"


def a_forged_event_is_refused(facts: Facts) -> Iterator[str]:
    """By an answer that says so, not by a fault of ours."""
    for delivery, answer in zip(facts.sent, facts.answers, strict=True):
        if delivery.forgery is not None and answer not in _REFUSED:
            yield f"{delivery.event} ({delivery.forgery}) was answered {answer}"


def every_event_is_kept_and_applied(facts: Facts) -> Iterator[str]:
    """Nothing that Stripe told is lost, and nothing that it did not tell is there."""
    genuine = {one.event for one in facts.sent if one.forgery is None}
    yield from (f"{event} is not kept" for event in genuine - facts.events.keys())
    yield from (f"{event} came from nowhere" for event in facts.events.keys() - genuine)
    yield from (f"{event} waits" for event, is_applied in facts.events.items() if not is_applied)


def each_payment_is_one_purchase(facts: Facts) -> Iterator[str]:
    """Credited once, with what was sold for it."""
    for account, expected in facts.expected.items():
        wanted = sorted((one.stripe_id, one.credited_micros) for one in expected.paid)
        found = sorted(
            (one.stripe_id, one.credited_micros) for one in _has(facts, account).purchases
        )
        if wanted != found:
            yield f"{account} must have {wanted}, and has {found}"


def what_went_back_was_taken_once(facts: Facts) -> Iterator[str]:
    """The credits follow the money, to the millionth."""
    for account, expected in facts.expected.items():
        found = {one.stripe_id: one.taken_micros for one in _has(facts, account).purchases}
        for paid in expected.paid:
            if found.get(paid.stripe_id) != paid.taken_micros:
                yield f"{account}: of {paid} was taken {found.get(paid.stripe_id)}"


def a_balance_is_what_the_reference_says(facts: Facts) -> Iterator[str]:
    """What is free, and what is owed."""
    for account, expected in facts.expected.items():
        has = _has(facts, account)
        wanted = expected.worth_micros(has.spent_micros)
        if (has.available_micros, has.debt_micros) != wanted:
            yield f"{account} must have and owe {wanted}, and it is {has}"


def who_paid_for_a_plan_has_it(facts: Facts) -> Iterator[str]:
    """And nobody else; whose money went back whole has it until the next sweep."""
    for account, expected in facts.expected.items():
        if expected.is_ending and not expected.has_plan:
            continue
        if (_has(facts, account).plan == "pro") != expected.has_plan:
            yield f"{account} is on {_has(facts, account).plan!r}"


def nothing_waits(facts: Facts) -> Iterator[str]:
    """All errands are run, and none was given up."""
    yield from facts.open_messages
    yield from facts.dead_messages


def the_books_are_right(facts: Facts) -> Iterator[str]:
    """The audit finds no breach, and Stripe and the ledger say the same."""
    yield from facts.breaches
    yield from facts.drifts


def _has(facts: Facts, account: str) -> Has:
    return facts.has.get(account, Has((), 0, 0, 0, ""))


CHECKS: Final[tuple[Check, ...]] = (
    a_genuine_event_is_taken,
    a_forged_event_is_refused,
    every_event_is_kept_and_applied,
    each_payment_is_one_purchase,
    what_went_back_was_taken_once,
    a_balance_is_what_the_reference_says,
    who_paid_for_a_plan_has_it,
    nothing_waits,
    the_books_are_right,
)
