"""The cells of the walk: who asks, about whose thing, and what the table says to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from billing.http.authz import NOBODY, Policy, Reach
from tests.matrix.callers import ACCOUNT, TEAM, Caller, everybody
from tests.matrix.ready import About, Ready
from tests.matrix.world import LIVE, World, absent_id

_UNPROVEN: Final = {"anonymous", "stripe", "backend"}


class Kind(StrEnum):
    """Whose thing a request is about."""

    OWN = "his own"
    COLLEAGUE = "a colleague's in the same organization"
    PRIVATE = "what a colleague has for himself"
    FOREIGN = "a stranger's"
    OTHER_SIDE = "of the other side of the sandbox"
    ABSENT = "nobody's"
    # -- two ids in the path, of which the second does not belong to the first
    MIXED = "a stranger's below his own"
    MISSING = "nobody's below his own"
    # -- by header: for whom one acts
    FOREIGN_TEAM = "for a stranger's organization"
    OTHER_TEAM = "for an organization of the other side"
    ABSENT_TEAM = "for no organization"
    OTHER_NAME = "for an account of the other side"
    ABSENT_NAME = "for no account"
    CLAIMED = "his own, though he names another's account"


class Verdict(StrEnum):
    """How a request ends."""

    IN = "is let in"
    UNKNOWN = "401"
    NAMELESS = "400"
    FORBIDDEN = "403"
    ABSENT = "404"


@dataclass(frozen=True, slots=True)
class Cell:
    """One request, and how it must end.

    Attributes:
        ids: what stands in place of each kind of thing, in the path and in the body.
    """

    caller: Caller
    kind: Kind
    ids: Mapping[str, str]
    verdict: Verdict

    def __str__(self) -> str:
        return f"{self.caller}, {self.kind}"


_BY_TEAM: Final = {
    Kind.FOREIGN_TEAM: ("rival", "team"),
    Kind.OTHER_TEAM: ("studio" + LIVE, "team"),
    Kind.ABSENT_TEAM: None,
}
_BY_NAME: Final = {Kind.OTHER_NAME: ("lena" + LIVE, "name"), Kind.ABSENT_NAME: None}


def cells_of(world: World, policy: Policy, ready: Ready) -> Iterator[Cell]:
    """Yield each cell of an operation."""
    for caller in everybody(world, policy):
        for kind in _kinds(caller, ready):
            ids = _ids(world, caller, ready, kind)
            if ids is not None:
                yield Cell(caller, kind, ids, expected(policy, ready, caller, kind))
        yield from _cells_by_header(world, policy, ready, caller)


def expected(policy: Policy, ready: Ready, caller: Caller, kind: Kind) -> Verdict:
    """Return what the table says: this function and the table are all that the walk believes."""
    if ready.about in {About.NOBODY, About.ADDRESS}:
        return Verdict.ABSENT if kind == Kind.ABSENT else Verdict.IN
    if caller.column in _UNPROVEN:
        return Verdict.UNKNOWN
    if policy.sandbox_only and caller.side:
        return Verdict.FORBIDDEN
    if caller.is_service:
        shut = _door_of_keys(policy, caller)
        if shut is not None:
            return shut
        if caller.column == "platform" or is_platforms(policy, ready, caller):
            return _of_the_platform(ready, kind)
    reach = _reach(policy, ready, caller)
    if reach == Reach.SEEN:
        reach = Reach.ORGANIZATION if caller.sees_all else Reach.NO
    return (
        _of_a_team(reach, kind)
        if ready.about == About.TEAM
        else _of_a_person(reach, ready, caller, kind)
    )


def _door_of_keys(policy: Policy, caller: Caller) -> Verdict | None:
    """Return how a key is turned away whatever it asks about; None: it is not."""
    if caller.falls_short or policy.service == NOBODY:
        return Verdict.FORBIDDEN
    if caller.column == "platform" and policy.platform == NOBODY:
        return Verdict.NAMELESS
    return None


def is_platforms(policy: Policy, ready: Ready, caller: Caller) -> bool:
    """Say whether it is the platform's, whichever account its key names."""
    by_no_account = ready.about in {About.PERSON, About.NAME}
    return caller.is_service and by_no_account and policy.service == policy.platform


def _of_the_platform(ready: Ready, kind: Kind) -> Verdict:
    """The platform has all that its side has; endpoints that hear of everybody are its own."""
    beyond = {Kind.OTHER_SIDE, Kind.ABSENT, Kind.MIXED, Kind.MISSING}
    if ready.about == About.ACCOUNT:
        return Verdict.IN if kind == Kind.OWN else Verdict.ABSENT
    return Verdict.ABSENT if kind in beyond and not ready.makes else Verdict.IN


def _reach(policy: Policy, ready: Ready, caller: Caller) -> Reach:
    if caller.column != "service":
        found: Reach = getattr(policy, caller.column)
        return found
    # By its account, a key acts as the person does: Cleo is a member of the studio.
    return policy.member if ready.about == About.TEAM else policy.user or Reach.OWN


def _of_a_team(reach: Reach, kind: Kind) -> Verdict:
    if kind in {Kind.FOREIGN, Kind.OTHER_SIDE, Kind.ABSENT}:
        return Verdict.ABSENT
    if kind == Kind.OWN:
        return Verdict.FORBIDDEN if reach == Reach.NO else Verdict.IN
    if reach != Reach.ORGANIZATION:
        return Verdict.FORBIDDEN
    return Verdict.IN if kind == Kind.COLLEAGUE else Verdict.ABSENT


def _of_a_person(reach: Reach, ready: Ready, caller: Caller, kind: Kind) -> Verdict:
    if caller.column != "service" and reach == Reach.NO:
        return Verdict.FORBIDDEN
    if kind == Kind.OWN:
        return Verdict.IN
    if kind != Kind.COLLEAGUE:
        return Verdict.ABSENT
    if reach == Reach.ORGANIZATION or (reach == Reach.OWN_OR_SEEN and caller.sees_all):
        return Verdict.IN if caller.team else Verdict.ABSENT
    # What an organization lends is its own: whoever belongs to it learns that it is there.
    return Verdict.FORBIDDEN if ready.about == About.PERSON else Verdict.ABSENT


def _kinds(caller: Caller, ready: Ready) -> list[Kind]:
    """Return whose things a caller is made to ask about."""
    kinds = [Kind.OWN]
    if ready.about == About.ADDRESS:
        return [*kinds, Kind.ABSENT]
    if ready.about == About.TEAM:
        kinds += [Kind.FOREIGN, Kind.OTHER_SIDE, Kind.ABSENT]
        if ready.thing:
            kinds += [Kind.COLLEAGUE]
        if len(ready.names) > 1:
            kinds += [Kind.MIXED, Kind.MISSING]
        is_outsider = caller.column == "user"
        return [kind for kind in kinds if not is_outsider or kind in kinds[1:4]]
    if ready.thing:
        kinds += [Kind.FOREIGN, Kind.OTHER_SIDE, Kind.ABSENT]
        kinds += [Kind.COLLEAGUE] if ready.shared else []
        # What an organization lends is the one thing that is no person's alone.
        kinds += [Kind.PRIVATE] if ready.thing != "allotment" else []
    return kinds


def _ids(world: World, caller: Caller, ready: Ready, kind: Kind) -> dict[str, str] | None:
    """Return the ids that stand in the request; None: nobody has such a thing."""
    ids = {
        "redemption": world.things["shop" + caller.side, "redemption"],
        "code": world.things["fay" + caller.side, "code"],
    }
    for thing in {*ready.names.values(), ready.thing} - {""}:
        if thing.startswith("="):
            ids[thing] = thing[1:]
            continue
        of_whom = Kind.OWN if kind in {Kind.MIXED, Kind.MISSING} and thing == "team" else kind
        known = world.things.get((_holder(caller, ready, of_whom, thing), thing))
        if of_whom in {Kind.ABSENT, Kind.MISSING}:
            known = absent_id(
                next(one for (_, kind_), one in world.things.items() if kind_ == thing)
            )
        if known is None:
            return None
        ids[thing] = known
    return ids


def _holder(caller: Caller, ready: Ready, kind: Kind, thing: str) -> str:
    """Return whose thing is meant."""
    if ready.about == About.ADDRESS:
        return "cleo"
    team, person = caller.team, caller.person or "cleo"
    side = caller.side
    if kind == Kind.OTHER_SIDE:
        side, team = ("" if side else LIVE), team and "studio"
    if ready.about == About.NAME:
        lone = "solo" if caller.side else "lena"
        return (lone if kind == Kind.OTHER_SIDE else _person(kind, person)) + side
    if ready.about == About.TEAM or (ready.about == About.PERSON and ready.shared):
        team = "rival" if kind in {Kind.FOREIGN, Kind.MIXED} else team or "studio"
    elif ready.about == About.PERSON or kind == Kind.PRIVATE:
        team = ""
    elif team and kind == Kind.FOREIGN:
        team = "rival"
    elif kind == Kind.COLLEAGUE:
        team = team or "studio"
    if not caller.person and kind == Kind.OWN and ready.about in {About.ACCOUNT, About.PERSON}:
        return "studio/dan" if ready.shared else "platform"
    if not team:
        return _person(kind, person) + side
    is_personal = ready.shared and thing != "team"
    return f"{team}{side}/{_person(kind, person)}" if is_personal else team + side


def _person(kind: Kind, person: str) -> str:
    if kind in {Kind.COLLEAGUE, Kind.PRIVATE}:
        return "dan"
    return "fay" if kind in {Kind.FOREIGN, Kind.MIXED} else person


def _cells_by_header(world: World, policy: Policy, ready: Ready, caller: Caller) -> Iterator[Cell]:
    """Yield the requests that say wrongly for whom they are."""
    if ready.about not in {About.ACCOUNT, About.PERSON} or caller.side:
        return
    ids = _ids(world, caller, ready, Kind.OWN)
    if ids is None:
        return
    own = expected(policy, ready, caller, Kind.OWN)
    if caller.team:
        for kind, place in _BY_TEAM.items():
            team = world.things[place] if place else absent_id(world.things["rival", "team"])
            yield _headed(Cell(caller, kind, ids, Verdict.ABSENT), TEAM, team)
    elif caller.column == "service" and ready.about == About.ACCOUNT:
        for kind, place in _BY_NAME.items():
            verdict = Verdict.ABSENT if own == Verdict.IN and not ready.makes else own
            name = world.things[place] if place else "nobody-at-all"
            yield _headed(Cell(caller, kind, ids, verdict), ACCOUNT, name)
    elif caller.column == "user":
        yield _headed(Cell(caller, Kind.CLAIMED, ids, own), ACCOUNT, "fay")


def _headed(cell: Cell, header: str, says: str) -> Cell:
    headers: dict[str, Any] = {**cell.caller.headers, header: says}
    return replace(cell, caller=replace(cell.caller, headers=headers))
