"""What orders without a price have in common: a few holes are told, not a thousand orders."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from plans.catalog.policies import CONTEXT
from plans.catalog.rates import written
from plans.catalog.values import Scalar, typed
from plans.lint.hints import Hint, Loc, spoken
from plans.lint.survey import Tried
from plans.wording import gettext as _

_TOLD_MAX: Final = 5  # of one model
# What is the same for all orders of a model, or follows from the book.
_NO_REASON: Final = frozenset({"model"})
_OF_A_BOOK: Final = frozenset({"region", "currency"})

Pair = tuple[str, tuple[str, Scalar]]
Cause = tuple[Pair, ...]


@dataclass(frozen=True)
class _Hole:
    """Values that no priced order has together, and an order that has them."""

    cause: Cause
    example: Tried


def unpriced(loc: Loc, tried: Sequence[Tried]) -> Iterator[Hint]:
    """Yield the holes in the prices of one model; a book that prices none of it is no hole."""
    good = [one for one in tried if one.outcome == "priced"]
    books = {one.facts.get("book") for one in good}
    holes = [
        one
        for one in tried
        if one.outcome in {"no_rate", "no_price"} and (one.facts.get("book") in books or not good)
    ]
    first = min((one.at for one in tried), default=None)
    told = list(_together(list(_holes(holes, good))))
    for cause, names, example in told[:_TOLD_MAX]:
        if example.rate_id is not None:
            sentence = _("%(what)s has no price by its rate %(rate)s: %(example)s")
            remedy = _("Give that rate a price for it, or say free = true where 0 is meant.")
        else:
            sentence = _("%(what)s has no rate: %(example)s")
            remedy = _("Add a [[rate]] that matches it, or do not offer it.")
        facts = {
            "what": cause or _("a part of the orders"),
            "example": spoken(_told(example, names)),
            "rate": example.rate_id,
        }
        said = sentence % facts
        if example.at != first:
            said += _(" at %(when)s") % {"when": example.at.isoformat(timespec="minutes")}
        yield Hint(loc, "unpriced", f"{said}.", remedy)
    if len(told) > _TOLD_MAX:
        yield Hint(
            loc,
            "unpriced",
            _("%(more)s more kinds of orders have no price.") % {"more": len(told) - _TOLD_MAX},
            _("They are told once the others have one."),
        )


def _holes(holes: Sequence[Tried], good: Sequence[Tried]) -> Iterator[_Hole]:
    """Yield holes by single values, then by two together; what is left is one of its own."""
    left = list(holes)
    for width in (1, 2):
        fine = {cause for one in good for cause in _causes(one, width)}
        open_causes = {id(one): set(_causes(one, width)) - fine for one in left}
        while True:
            counted = Counter(cause for one in left for cause in open_causes[id(one)])
            if not counted:
                break
            # The most frequent, and of those the first by name: the same file, the same hints.
            most = min(counted, key=lambda cause: (-counted[cause], repr(cause)))
            yield _Hole(most, next(one for one in left if most in open_causes[id(one)]))
            left = [one for one in left if most not in open_causes[id(one)]]
    if left:
        yield _Hole((), left[0])


def _causes(one: Tried, width: int) -> Iterator[Cause]:
    unread = _NO_REASON | (_OF_A_BOOK if "book" in one.facts else frozenset())
    pairs = [(name, typed(value)) for name, value in one.facts.items() if name not in unread]
    return combinations(pairs, width)


def _told(one: Tried, names: Sequence[str]) -> dict[str, Scalar]:
    """Return an order as `rate` takes it, with what of its account has to do with it."""
    return {**one.order, **{name: one.facts[name] for name in names if name in CONTEXT}}


def _together(holes: Sequence[_Hole]) -> Iterator[tuple[str, list[str], Tried]]:
    """Yield the holes in words; those that differ in one value only are told together."""
    left = list(holes)
    while left:
        groups: dict[tuple[Cause, str], list[_Hole]] = defaultdict(list)
        for hole in left:
            for place, (name, _value) in enumerate(hole.cause):
                rest = (*hole.cause[:place], *hole.cause[place + 1 :])
                groups[rest, name].append(hole)
            if not hole.cause:
                groups[(), ""].append(hole)
        (_rest, name), found = max(groups.items(), key=lambda group: len(group[1]))
        values = dict.fromkeys(written(dict(hole.cause)[name][1]) for hole in found if hole.cause)
        said = [
            f"{other} {' / '.join(values) if other == name else written(value)}"
            for other, (_kind, value) in found[0].cause
        ]
        yield ", ".join(said), [other for other, _value in found[0].cause], found[0].example
        left = [hole for hole in left if hole not in found]
