"""What orders can choose: the dimensions of models and tasks, and the facts of an account. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plans.catalog.matching import Match
from plans.catalog.orderable import Dimension, Model, Task
from plans.catalog.rates import written
from plans.catalog.sentences import did_you_mean
from plans.catalog.values import VALUE_LENGTH_MAX, WHOLE_MAX, Between, Scalar
from plans.wording import gettext as _

Loc = tuple[int | str, ...]
Found = tuple[Loc, str]
MONTH_COUNT: Final = Dimension(min=0, max=WHOLE_MAX)


@dataclass(frozen=True)
class Choices:
    """What orders of some models and tasks may say, name by name.

    Attributes:
        dimensions: the dimensions of that name; several where models or tasks differ.
    """

    dimensions: Mapping[str, Sequence[Dimension]]

    def __contains__(self, name: object) -> bool:
        """Say whether anything has that name."""
        return name in self.dimensions

    def match_fits(self, loc: Loc, match: Match) -> Iterator[Found]:
        """Yield what a `match` names that no order can have here."""
        for name, matcher in match.items():
            if isinstance(matcher, Between):
                yield from self.counts((*loc, name), name)
            else:
                yield from self.values_fit((*loc, name), name, matcher)

    def values_fit(self, loc: Loc, name: str, values: Iterable[Scalar]) -> Iterator[Found]:
        """Yield each of the values of `name` that no order can have here."""
        values = tuple(values)
        if values and name not in self.dimensions:
            yield loc, self.unknown(name)
            return
        for value in values:
            if not any(dimension.allows(value) for dimension in self.dimensions[name]):
                known = [written(one) for d in self.dimensions[name] for one in d.values or ()]
                sentence = _("is %(value)s, which no order can have here.")
                sentence %= {"value": written(value)}
                yield loc, sentence + did_you_mean(written(value), known)

    def counts(self, loc: Loc, name: str) -> Iterator[Found]:
        """Yield why `name` cannot be counted: it must be a dimension of numbers."""
        if name not in self.dimensions:
            yield loc, self.unknown(name)
        elif not all(dimension.kind is int for dimension in self.dimensions[name]):
            yield loc, _("must be a dimension of whole numbers.")

    def unknown(self, name: str) -> str:
        """Return the sentence that nothing here has that name, with the closest that is known."""
        sentence = _("names %(name)s, which no model here lets an order choose.") % {"name": name}
        return sentence + did_you_mean(name, self.dimensions)


def of_models(
    models: Iterable[Model],
    tasks: frozenset[str] | None,
    context: Mapping[str, Sequence[Dimension]],
) -> Choices:
    """Return what orders of these models, and of these tasks (None: all), can choose."""
    found: dict[str, list[Dimension]] = defaultdict(list)
    for model in models:
        found["model"].append(Dimension(values=(model.code,)))
        for task in model.tasks:
            if tasks is None or task.code in tasks:
                found["task"].append(Dimension(values=(task.code,)))
                for name, dimension in model.dimensions_of(task).items():
                    found[name].append(dimension)
    return Choices({**found, **context})


def made_by(models: Iterable[Model], match: Match) -> Iterator[tuple[Model, Task]]:
    """Yield the models and tasks of which some job is one that `match` is for."""
    for model in models:
        for task in model.tasks:
            own = {
                "model": Dimension(values=(model.code,)),
                "task": Dimension(values=(task.code,)),
                **model.dimensions_of(task),
            }
            if all(
                name in own and _meets(own[name], matcher)
                for name, matcher in match.items()
                if matcher
            ):
                yield model, task


def _meets(dimension: Dimension, matcher: tuple[Scalar, ...] | Between) -> bool:
    if not isinstance(matcher, Between):
        return any(dimension.allows(value) for value in matcher)
    if dimension.values is not None:
        return any(value in matcher for value in dimension.values)
    return matcher.meets(Between(min=dimension.min or 0, max=dimension.max or 0))


def context_of(document: Mapping[str, Any]) -> dict[str, Sequence[Dimension]]:
    """Return what a file can know of an account: its plan, surface, book, region and currency."""
    books = _tables(document.get("book"))
    known: dict[str, list[str]] = {
        "plan": [_text(plan.get("code")) for plan in _tables(document.get("plan"))],
        "surface": _texts(document.get("surfaces", ["web", "api"])),
        "book": [_text(book.get("code")) for book in books],
        "region": [region for book in books for region in _texts(book.get("regions"))],
        "currency": [one for book in books for one in _texts(book.get("currencies"))],
    }
    found: dict[str, Sequence[Dimension]] = {
        name: [Dimension(values=tuple(dict.fromkeys(filter(None, values))))]
        for name, values in known.items()
        if any(values)
    }
    return {**found, "month_count": [MONTH_COUNT]}


def _tables(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _texts(listed: object) -> list[str]:
    return [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= VALUE_LENGTH_MAX else ""
