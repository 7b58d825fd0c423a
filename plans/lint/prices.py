"""Hints about orders and prices: what nothing prices, what never wins, what nobody may order."""

from collections.abc import Iterator, Sequence
from typing import Final

from plans.catalog.matching import Match, Matched
from plans.catalog.rates import written
from plans.catalog.schema import Catalog
from plans.catalog.values import typed
from plans.lint.hints import Hint, Loc, spoken
from plans.lint.holes import unpriced
from plans.lint.survey import TaskSurvey, Tried
from plans.wording import gettext as _

_SHADOWED_MAX: Final = 50  # rows of which it is looked up who wins instead of them
_NAMED_MAX: Final = 3


def price_hints(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    """Yield what the sample orders show of the rate card and of what plans allow."""
    yield from _not_orderable(catalog, surveys)
    yield from _unpriced_books(catalog, surveys)
    for number, model in enumerate(catalog.models):
        tried = [one for s in surveys if s.model is model and not s.is_over for one in s.allowed]
        yield from unpriced(("model", number), tried)
        yield from _rounded_away(("model", number), tried)
    if all(one.is_complete for one in surveys):
        yield from _never_win(catalog, surveys)
        yield from _modifiers_for_nothing(catalog, surveys)
        yield from _scopes_for_nothing(catalog, surveys)


# -- what no plan allows -----------------------------------------------------------------------
def _not_orderable(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    for number, model in enumerate(catalog.models):
        own = [one for one in surveys if one.model is model]
        if own and not all(one.is_complete for one in own):
            # What is refused may be allowed in an order that was not tried; defaults are tried.
            yield from _defaults_not_orderable(("model", number), own)
            continue
        if not own:
            continue
        if not any(one.allowed for one in own):
            yield Hint(
                ("model", number),
                "model_not_orderable",
                _("%(model)s cannot be ordered on any plan.") % {"model": model.code},
                _("Let the allow, max and limit of a plan's entitlements leave room for it."),
            )
            continue
        yield from _tasks_not_orderable(("model", number), own)
        yield from _values_not_orderable(("model", number, "dimensions"), own)
        yield from _defaults_not_orderable(("model", number), own)


def _tasks_not_orderable(loc: Loc, own: Sequence[TaskSurvey]) -> Iterator[Hint]:
    for place, one in enumerate(own):
        if not one.allowed:
            yield Hint(
                (*loc, "task", place),
                "task_not_orderable",
                _("the task %(task)s cannot be ordered on any plan.") % {"task": one.task.code},
                _("Let the entitlements of a plan leave room for it, or take it out."),
            )


def _values_not_orderable(loc: Loc, own: Sequence[TaskSurvey]) -> Iterator[Hint]:
    offered = {
        (name, typed(value))
        for one in own
        for name, dimension in one.model.dimensions_of(one.task).items()
        for value in dimension.values or ()
    }
    tried = {(n, typed(v)) for one in own for t in one.tried for n, v in t.order.items()}
    allowed = {(n, typed(v)) for one in own for t in one.allowed for n, v in t.order.items()}
    for name, (_kind, value) in sorted((offered & tried) - allowed, key=repr):
        yield Hint(
            (*loc, name),
            "value_not_orderable",
            _("%(name)s %(value)s cannot be ordered on any plan.")
            % {"name": name, "value": written(value)},
            _("Let the entitlements of a plan allow it, or take the value out."),
        )


def _defaults_not_orderable(loc: Loc, own: Sequence[TaskSurvey]) -> Iterator[Hint]:
    """Yield plans on which an order must say something, because the default is not allowed."""
    for place, one in enumerate(own):
        first = one.tried[0].order if one.tried else {}
        able = {plan for tried in one.allowed for plan in tried.plans}
        plain = {plan for tried in one.allowed if tried.order == first for plan in tried.plans}
        if able - plain:
            yield Hint(
                (*loc, "task", place),
                "default_not_allowed",
                _("an order that says nothing more is refused on %(plans)s: %(example)s.")
                % {"plans": ", ".join(sorted(able - plain)), "example": spoken(first)},
                _("Let the defaults be what every plan allows."),
            )


# -- what has no price -------------------------------------------------------------------------
def _unpriced_books(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    """Yield price books that price nothing of some models; those need no hints one by one."""
    for number, book in enumerate(catalog.books):
        models = [
            model.code
            for model in catalog.models
            if _prices_nothing([s for s in surveys if s.model is model], book.code)
        ]
        if models:
            yield Hint(
                ("book", number),
                "book_without_prices",
                _("prices no order of %(models)s.") % {"models": ", ".join(models)},
                _("Add a [[rate]] that matches this book, unless they are not sold by it."),
            )


def _prices_nothing(own: Sequence[TaskSurvey], book: str) -> bool:
    tried = [t for s in own if not s.is_over for t in s.allowed if t.facts.get("book") == book]
    return bool(tried) and not any(one.outcome == "priced" for one in tried)


def _rounded_away(loc: Loc, tried: Sequence[Tried]) -> Iterator[Hint]:
    example = next((one for one in tried if one.outcome == "rounds_to_zero"), None)
    if example is not None:
        yield Hint(
            loc,
            "rounds_to_zero",
            _("the price of %(example)s by rate %(rate)s is rounded to 0, so it cannot be ordered.")
            % {"example": spoken(example.order), "rate": example.rate_id},
            _('Give [credit] more decimals or rounding = "up", or the rate a min.'),
        )


# -- what never counts -------------------------------------------------------------------------
def _never_win(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    tried = [one for survey in surveys for one in survey.tried]
    allowed = [one for survey in surveys for one in survey.allowed]
    won = {one.rate_id for one in allowed}
    now = min((one.at for one in tried), default=None)
    losing = [
        (number, rate)
        for number, rate in enumerate(catalog.rates)
        if rate.id not in won and not (rate.ends_at and now and rate.ends_at <= now)
    ]
    for number, rate in losing[:_SHADOWED_MAX]:
        for_it = [one for one in tried if rate.matches(one.facts, at=one.at)]
        winners = dict.fromkeys(one.rate_id for one in for_it if one.plans)
        if winners:
            sentence = _("never prices an order: narrower rates match all of them: %(winners)s.")
            remedy = _("Take it out, or let it match something that they do not.")
        elif for_it:
            sentence = _("prices only orders that cannot be placed on any plan.")
            remedy = _("Let the entitlements of a plan allow them, or take the rate out.")
        else:
            sentence = _("matches no order at all.")
            remedy = _("Compare its match with the dimensions of its models.")
        named = ", ".join(str(winner) for winner in list(winners)[:_NAMED_MAX])
        yield Hint(("rate", number), "rate_never_wins", sentence % {"winners": named}, remedy)


def _modifiers_for_nothing(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    tried = [one for survey in surveys for one in survey.allowed]
    if not tried:
        return
    now = min(one.at for one in tried)
    for number, modifier in enumerate(catalog.modifiers):
        is_over = modifier.ends_at is not None and modifier.ends_at <= now
        if is_over or any(modifier.matches(one.facts, at=one.at) for one in tried):
            continue
        yield Hint(
            ("modifier", number),
            "modifier_never_matches",
            _("matches no order that any plan allows."),
            _("Compare its match with the dimensions of the models, or take it out."),
        )


def _scopes_for_nothing(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    """Yield credits and counted units that nothing can be paid with."""
    tried = [one for survey in surveys for one in survey.allowed]
    for loc, scope, plan in _scopes(catalog):
        row = Matched(match=scope)
        if scope and not any(
            (plan is None or plan in one.plans)
            and row.matches({**one.facts, "plan": plan or one.facts["plan"]}, at=one.at)
            for one in tried
        ):
            yield Hint(
                (*loc, "scope"),
                "scope_matches_nothing",
                _("pays for no order that can be placed."),
                _("Compare the scope with the models, and with what the plan allows."),
            )


def _scopes(catalog: Catalog) -> Iterator[tuple[Loc, Match, str | None]]:
    for number, plan in enumerate(catalog.plans):
        for place, allowance in enumerate(plan.allowances):
            yield ("plan", number, "allowance", place), allowance.scope, plan.code
    for number, pack in enumerate(catalog.packs):
        yield ("pack", number), pack.scope, None
        if pack.bonus is not None:
            yield ("pack", number, "bonus"), pack.bonus.scope, None
    for number, campaign in enumerate(catalog.campaigns):
        yield ("campaign", number), campaign.scope, None
    for number, conversion in enumerate(catalog.conversions):
        yield ("conversion", number), conversion.scope, None
