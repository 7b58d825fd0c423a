"""Why a balance is what it is, in words: the answer first, then the sum that it is.

Pure but for the language: the numbers come from `reasons`, and whoever shows them decides how.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.insights import wording
from billing.insights.reasons import Flow, Held, Reason, Story
from plans.credits import format_micros
from plans.wording import speaks_chinese

# How many reasons of a flow are told one by one: a person reads some twenty lines.
SHOWN: Final = {
    Flow.CAME: 3,
    Flow.SPENT: 3,
    Flow.REPAID: 1,
    Flow.EXPIRED: 2,
    Flow.TAKEN: 2,
    Flow.MOVED: 1,
}
assert set(SHOWN) == set(Flow)
_CHANGE: Final = "change:"
_NAMED: Final = 2  # orders that credits are set aside for
_COUNTED: Final = 3  # allowances of counted units


@dataclass(frozen=True, slots=True)
class Line:
    """One line; those with `micros` are the terms that add up to the balance."""

    text: str
    micros: int | None = None

    def __str__(self) -> str:
        if self.micros is None:
            return self.text
        sign = "+" if self.micros >= 0 else ""
        return f"{sign + format_micros(self.micros):>12}  {self.text}"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together: the answer, the sum, what is owed and comes."""

    name: str
    lines: tuple[Line, ...]


def sections(story: Story) -> list[Section]:
    """Return the answer, the sum with its terms, and what is to come."""
    return [
        Section("answer", (Line(_answer(story)),)),
        Section("sum", tuple(_sum(story))),
        Section("coming", tuple(_coming(story))),
    ]


def document(story: Story) -> dict[str, Any]:
    """Return the same for a program: every reason, amounts as decimal strings, and the words."""
    balance = story.balance
    coming = balance.next_grant
    return {
        "account": story.account,
        "as_of": balance.as_of.isoformat(),
        "balance": format_micros(balance.available_micros),
        "held": format_micros(balance.held_micros),
        "debt": format_micros(balance.debt_micros),
        "since": None if story.since is None else story.since.isoformat(),
        "opening": format_micros(story.opening_micros),
        "reasons": [
            {
                "flow": reason.flow,
                "cause": reason.cause,
                "what": reason.what,
                "credits": format_micros(reason.micros),
                "count": reason.count,
                "first_at": reason.first_at.isoformat(),
                "last_at": reason.last_at.isoformat(),
                "words": wording.phrase(reason),
            }
            for reason in story.reasons
        ],
        "holds": [
            {"reference": held.reference, "credits": format_micros(held.micros)}
            for held in story.held
        ],
        "expiring": [
            {
                "grant": lot.id,
                "credits": format_micros(lot.available_micros),
                "expires_at": lot.expires_at and lot.expires_at.isoformat(),
            }
            for lot in balance.expiring
        ],
        "next_grant": coming
        and {
            "at": coming.at.isoformat(),
            "credits": format_micros(coming.credits_micros),
            "source": coming.source,
            "mode": coming.mode,
        },
        "words": [str(line) for section in sections(story) for line in section.lines],
    }


def nothing(account: str) -> str:
    """Return what is said of an account that has no wallet."""
    return _("%(account)s has no wallet yet: nothing was ever given or spent.") % {
        "account": account
    }


def _answer(story: Story) -> str:
    balance = story.balance
    facts = {
        "credits": format_micros(balance.available_micros),
        "account": story.account,
        "at": wording.instant(balance.as_of),
        "sum": _comma().join(_totals(story)) or _("nothing was ever given or spent"),
    }
    if story.is_ahead:
        return _("At %(at)s the balance of %(account)s will be %(credits)s: %(sum)s.") % facts
    return _("The balance of %(account)s is %(credits)s at %(at)s: %(sum)s.") % facts


def _totals(story: Story) -> Iterator[str]:
    if story.opening_micros:
        yield _("%(credits)s were there before") % {"credits": format_micros(story.opening_micros)}
    for flow, reasons in groupby(story.reasons, key=lambda reason: reason.flow):
        micros = sum(reason.micros for reason in reasons)
        yield wording.total(flow) % {"credits": format_micros(abs(micros))}
    if story.held:
        micros = sum(held.micros for held in story.held)
        yield _("%(credits)s are set aside") % {"credits": format_micros(micros)}


def _comma() -> str:
    return "\uff0c" if speaks_chinese() else ", "


def _sum(story: Story) -> Iterator[Line]:
    """Yield the terms: what was there, what came and went, what is set aside; then the sum."""
    if story.since is None:
        yield Line(_("were there in the beginning"), 0)
    else:
        before = _("were there at %(at)s") % {"at": wording.instant(story.since)}
        yield Line(before, story.opening_micros)
    for flow, found in groupby(story.reasons, key=lambda reason: reason.flow):
        yield from _of_flow(flow, list(found))
    if story.held:
        yield from _set_aside(story.held)
    if story.sum_micros != story.balance.available_micros:  # somebody wrote past the ledger
        missing = story.balance.available_micros - story.sum_micros
        yield Line(_("are explained by no entry: run `audit`"), missing)
    total = format_micros(story.balance.available_micros)
    yield Line(f"{'=' + total:>12}  {_('to spend')}")


def _of_flow(flow: Flow, reasons: list[Reason]) -> Iterator[Line]:
    shown = min(len(reasons), SHOWN[flow])
    alone = reasons if shown == len(reasons) else reasons[: shown - 1]
    for reason in alone:
        yield Line(wording.phrase(reason), reason.micros)
    if others := reasons[len(alone) :]:
        yield Line(wording.rest(flow), sum(reason.micros for reason in others))


def _set_aside(held: tuple[Held, ...]) -> Iterator[Line]:
    """Yield what is set aside for changes of plan, and for all orders together."""
    changes = [one for one in held if one.reference.startswith(_CHANGE)]
    for one in changes:
        named = one.reference.removeprefix(_CHANGE)
        yield Line(
            _("are set aside until a change of plan is paid: %(named)s") % {"named": named},
            -one.micros,
        )
    if orders := [one for one in held if one not in changes]:
        yield Line(_for_orders(orders), -sum(one.micros for one in orders))


def _for_orders(held: list[Held]) -> str:
    named = _comma().join(one.reference.removeprefix("job:") for one in held[:_NAMED])
    if len(held) == 1:
        return _("are set aside for one order under way: %(named)s") % {"named": named}
    more = ", …" if len(held) > _NAMED else ""
    return _("are set aside for %(count)s orders under way: %(named)s") % {
        "count": len(held),
        "named": f"{named}{more}",
    }


def _coming(story: Story) -> Iterator[Line]:
    balance = story.balance
    if balance.debt_micros:
        yield Line(
            _("%(credits)s are owed: what comes next pays them, and nothing is held until then.")
            % {"credits": format_micros(balance.debt_micros)}
        )
    for counted in balance.counted[:_COUNTED]:
        yield Line(
            _("%(code)s: %(left)s of %(limit)s left.")
            % {
                "code": counted.schedule.terms.code,
                "left": format_micros(counted.left_micros),
                "limit": format_micros(counted.limit_micros),
            }
        )
    yield from _expiring(story)
    if story.halted_at is not None:
        yield Line(
            _("Nothing comes by itself since %(at)s: too much did, and somebody must look.")
            % {"at": wording.instant(story.halted_at)}
        )
    elif (coming := balance.next_grant) is not None:
        sentence = (
            _("%(credits)s can be claimed from %(at)s on.")
            if coming.mode == "claimed"
            else _("%(credits)s arrive at %(at)s.")
        )
        yield Line(
            sentence
            % {"credits": format_micros(coming.credits_micros), "at": wording.instant(coming.at)}
        )


def _expiring(story: Story) -> Iterator[Line]:
    lots = [(lot, lot.expires_at) for lot in story.balance.expiring if lot.expires_at is not None]
    if not lots:
        return
    first, first_at = lots[0]
    yield Line(
        _("%(credits)s of them (%(source)s) expire at %(at)s.")
        % {
            "credits": format_micros(first.available_micros),
            "source": first.source,
            "at": wording.instant(first_at),
        }
    )
    if others := lots[1:]:
        micros = sum(lot.available_micros for lot, _at in others)
        yield Line(
            _("%(credits)s more expire after that, the last at %(at)s.")
            % {"credits": format_micros(micros), "at": wording.instant(others[-1][1])}
        )
