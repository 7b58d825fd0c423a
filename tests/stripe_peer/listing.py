"""Lists in pages, and what `expand` puts in place of ids."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from tests.stripe_peer.refusals import Refused, absent
from tests.stripe_peer.world import Thing, World, shown

_LIMIT: Final = 10
_LIMIT_MAX: Final = 100
_COMPARED: Final[dict[str, Callable[[int, int], bool]]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}
# Fields that an object has only when they are asked for: (object, field) -> its value.
Included = Callable[[World, Thing], Any]
_INCLUDED: Final[dict[tuple[str, str], Included]] = {}


def includable(kind: str, name: str) -> Callable[[Included], Included]:
    """Make a function the value of a field that is there only when `expand` names it."""

    def kept(value: Included) -> Included:
        _INCLUDED[kind, name] = value
        return value

    return kept


def included_fields(kind: str) -> set[str]:
    """Return the fields of an object that are there only when they are asked for."""
    return {name for owner, name in _INCLUDED if owner == kind}


def matching(things: Iterable[Thing], params: Thing, *names: str) -> list[Thing]:
    """Return the objects whose fields equal those parameters that were given."""
    given = {name: params[name] for name in names if name in params}
    return [
        thing for thing in things if all(thing.get(name) == value for name, value in given.items())
    ]


def listed(things: Iterable[Thing], params: Thing, url: str) -> Thing:
    """Return one page of objects, the newest first, as `limit`, `starting_after` … choose.

    Args:
        things: the oldest first.

    Raises:
        Refused: a limit outside 1 to 100, or a page that begins at an object that is not there.
    """
    limit = params.get("limit", _LIMIT)
    if not 1 <= limit <= _LIMIT_MAX:
        raise Refused(f"Invalid limit: {limit}", code="parameter_invalid_integer", param="limit")
    ordered = [thing for thing in things if _created_fits(thing, params.get("created"))][::-1]
    backwards = "ending_before" in params
    cut = "ending_before" if backwards else "starting_after"
    if cut in params:
        places = [n for n, thing in enumerate(ordered) if thing["id"] == params[cut]]
        if not places:
            raise absent("object", params[cut], cut, status=400)
        ordered = ordered[: places[0]] if backwards else ordered[places[0] + 1 :]
    kept = ordered[-limit:] if backwards else ordered[:limit]
    return {"object": "list", "data": kept, "has_more": len(ordered) > limit, "url": url}


def _created_fits(thing: Thing, created: Any) -> bool:  # noqa: ANN401 (an instant or its bounds)
    if created is None:
        return True
    if isinstance(created, int):
        return bool(thing["created"] == created)
    return all(_COMPARED[how](thing["created"], bound) for how, bound in created.items())


def answered(world: World, thing: Thing, expand: Iterable[str]) -> Thing:
    """Return what is sent for an object or a list: a copy, with what `expand` names in it.

    Raises:
        Refused: a path names nothing that can be expanded.
    """
    answer = shown(thing)
    for path in expand:
        _expand(world, answer, path.split("."), path)
    return answer


def _expand(world: World, place: Any, keys: list[str], path: str) -> None:  # noqa: ANN401 (any JSON)
    if isinstance(place, list):
        for part in place:
            _expand(world, part, keys, path)
        return
    if not keys or place is None:
        return
    key, *rest = keys
    included = _INCLUDED.get((place.get("object", ""), key))
    if included is not None and key not in place:
        whole = world.find(place.get("id", "")) or place
        place[key] = _shown_value(included(world, whole))
    elif key not in place:
        raise Refused(f"This property cannot be expanded ({path}).", param="expand")
    place[key] = _whole(world, place[key])
    if isinstance(place[key], (dict, list)):
        _expand(world, place[key], rest, path)


def _whole(world: World, value: Any) -> Any:  # noqa: ANN401 (any JSON)
    if isinstance(value, str):
        thing = world.find(value)
        return value if thing is None else shown(thing)
    if isinstance(value, list):
        return [_whole(world, part) for part in value]
    return value


def _shown_value(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    return shown(value) if isinstance(value, dict) else value
