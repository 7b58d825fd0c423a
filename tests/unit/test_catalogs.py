"""Every catalog that ships: where its facts come from, and that all it offers can be ordered."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from plans.catalog import loader
from plans.catalog.loader import Loaded
from plans.catalog.offers import Plan
from plans.catalog.orderable import Dimension, Model, Task
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.entitlements import barriers
from plans.errors import InvalidSpec, Unpriced
from plans.orders import read_order
from plans.rating import rate
from tests.unit.shelf import KLING, NOON

SHELF = KLING.parent
FILES = sorted(SHELF.glob("*.toml"))
SLUGS = [path.stem for path in FILES]
# What carries a price or a promise, and so must say where that comes from.
ROWS = ("plan", "pack", "campaign", "model", "rate", "modifier")
shipped = pytest.mark.parametrize("slug", SLUGS)


@cache
def loaded(slug: str) -> Loaded:
    return loader.read_file(Path(SHELF / f"{slug}.toml"))


@cache
def orders(slug: str) -> Mapping[str, Sequence[Mapping[str, Scalar]]]:
    """Return orders of each task of each model: the least, and each that says one thing more."""
    catalog = loaded(slug).catalog
    return {
        f"{model.code} {task.code}": tuple(_of_task(catalog, model, task))
        for model in catalog.models
        for task in model.tasks
    }


def _of_task(catalog: Catalog, model: Model, task: Task) -> Iterator[Mapping[str, Scalar]]:
    choices = model.dimensions_of(task)
    derived = {name for derive in model.derives for name in derive.set}
    open_ones = {n: d.values for n, d in choices.items() if d.values and d.default is not None}
    must = {
        name: least(dimension)
        for name, dimension in choices.items()
        if dimension.default is None and not dimension.optional and name not in derived
    }
    order: dict[str, object] = {"model": model.code, "task": task.code}
    varied = [{name: value} for name, values in open_ones.items() for value in values]
    for said in ({}, must, *(must | one for one in varied)):
        try:
            yield read_order(catalog, order | said).dimensions
        except InvalidSpec:
            continue  # what it must say follows from something else, or contradicts it


def least(dimension: Dimension) -> object:
    if dimension.values is not None:
        return dimension.values[0]
    number = dimension.min or 1
    return [number] if dimension.items is not None else number


def prices(
    catalog: Catalog, order: Mapping[str, Scalar], plan: Plan
) -> Iterator[tuple[str | None, str]]:
    """Yield the book and the row of each price that an account of `plan` can be asked."""
    for book, surface in product(catalog.books or (None,), catalog.surfaces):
        facts: dict[str, Scalar] = {
            **order,
            "plan": plan.code,
            "surface": surface,
            "month_count": 0,
            **({"book": book.code} if book is not None else {}),
        }
        if barriers(catalog, plan, facts):
            continue
        try:
            yield (book.code if book is not None else None, rate(catalog, facts, at=NOON).rate_id)
        except Unpriced:
            continue


# -- where it comes from -----------------------------------------------------------------------
@shipped
def test_a_catalog_is_called_as_its_file_and_says_whom_it_follows_and_since_when(slug: str) -> None:
    catalog = loaded(slug).catalog

    assert catalog.slug == slug
    assert catalog.as_of is not None
    assert catalog.modelled_on is not None
    assert "no offer of the vendor" in catalog.modelled_on.en
    assert catalog.modelled_on.zh != catalog.modelled_on.en


@shipped
def test_every_row_says_where_it_comes_from(slug: str) -> None:
    document = loaded(slug).document

    silent = [
        f"{key}[{number}]"
        for key in ROWS
        for number, row in enumerate(document.get(key, ()), 1)
        if not row.get("ref")
    ]

    assert silent == []


@shipped
def test_every_source_is_named_by_a_row_or_a_comment(slug: str) -> None:
    """The burn order and the zone have no row: a comment beside them says who was read."""
    comments = set(re.findall(r"\w+", " ".join(re.findall(r"#.*", loaded(slug).source))))

    named = {*refs(loaded(slug).document), *comments}

    assert loaded(slug).catalog.sources.keys() - named == set()


@shipped
def test_what_we_decided_is_not_passed_off_as_a_reading(slug: str) -> None:
    sources = loaded(slug).catalog.sources

    assert {name for name, source in sources.items() if source.grade == "ours"} <= {"ours"}
    assert {source.grade for source in sources.values()} - {"ours"}, "nobody was read at all"


def refs(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "ref":
                yield from [inner] if isinstance(inner, str) else inner
            else:
                yield from refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from refs(inner)


# -- what it offers ----------------------------------------------------------------------------
@shipped
def test_whoever_signs_up_has_a_plan(slug: str) -> None:
    assert loaded(slug).catalog.free_plan is not None


@shipped
def test_every_model_and_task_can_be_ordered_on_some_plan(slug: str) -> None:
    catalog = loaded(slug).catalog

    out_of_reach = [
        task
        for task, some in orders(slug).items()
        if not any(any(prices(catalog, o, plan)) for o in some for plan in catalog.plans)
    ]

    assert out_of_reach == []


@shipped
def test_every_plan_can_order_something(slug: str) -> None:
    catalog = loaded(slug).catalog
    every = [order for some in orders(slug).values() for order in some]

    idle = [
        plan.code
        for plan in catalog.plans
        if not any(any(prices(catalog, order, plan)) for order in every)
    ]

    assert idle == []


@shipped
def test_every_price_book_has_rows_and_every_row_a_book(slug: str) -> None:
    """A row that is open to all books would be paid in the unit of whichever asks."""
    catalog = loaded(slug).catalog
    books = {book.code for book in catalog.books}
    said = {row.id: set(row.match.get("book", ())) for row in catalog.rates}

    assert set().union(*said.values()) == books
    assert [row for row, named in said.items() if books and not named] == []


@shipped
def test_an_account_of_one_book_is_never_asked_the_price_of_another(slug: str) -> None:
    catalog = loaded(slug).catalog
    rows = {row.id: row for row in catalog.rates}

    for some in orders(slug).values():
        for order, plan in product(some, catalog.plans):
            for book, row in prices(catalog, order, plan):
                assert book is None or book in rows[row].match["book"]


@shipped
def test_a_pack_can_be_bought_by_some_plan(slug: str) -> None:
    catalog = loaded(slug).catalog

    def may_buy(plan: Plan, pack: str) -> bool:
        packs = plan.entitlements.packs
        return packs if isinstance(packs, bool) else pack in packs

    unsold = [p.code for p in catalog.packs if not any(may_buy(q, p.code) for q in catalog.plans)]

    assert unsold == []


def test_no_two_catalogs_say_the_same() -> None:
    assert len({loaded(slug).digest for slug in SLUGS}) == len(SLUGS)


# -- rights that no price shows ----------------------------------------------------------------
def allowed(slug: str, plan: str, **said: Scalar) -> bool:
    """Say whether a plan of a catalog allows an order; `surface` and the like may be said too."""
    catalog = loaded(slug).catalog
    found = catalog.plan(plan)
    assert found is not None
    spec = {name: value for name, value in said.items() if name != "surface"}
    surface = said.get("surface", catalog.surfaces[0])
    facts: dict[str, Scalar] = {
        **read_order(catalog, spec).dimensions,
        "plan": plan,
        "surface": surface,
    }
    return not barriers(catalog, found, facts)


def total(slug: str, **said: Scalar) -> int:
    """Return the price in micros; `plan` and `book` may be said too."""
    catalog = loaded(slug).catalog
    context: dict[str, Scalar] = {n: said.pop(n) for n in ("plan", "book") if n in said}
    dimensions = read_order(catalog, said).dimensions
    facts: dict[str, Scalar] = {**dimensions, "surface": catalog.surfaces[0], **context}
    return rate(catalog, facts, at=NOON).total_micros


@pytest.mark.parametrize("model", ["veo-3.1-lite", "veo-3.1-fast"])
def test_flow_asks_half_of_its_highest_plan(model: str) -> None:
    pro = total("veo-flow", model=model, plan="pro", book="credits")
    ultra = total("veo-flow", model=model, plan="ultra", book="credits")

    assert pro == 2 * ultra > 0


@pytest.mark.parametrize(
    ("slug", "order", "plan", "other"),
    [
        ("veo-flow", {"model": "veo-3.1-fast", "book": "credits"}, "ultra", "pro"),
        ("runway", {"model": "gen-4"}, "unlimited", "pro"),
        ("luma", {"model": "ray-2"}, "unlimited", "free"),
        ("pixverse", {"model": "v2.5", "book": "credits"}, "premium", "free"),
    ],
)
def test_the_relaxed_lane_is_free_on_its_plan_and_closed_to_others(
    slug: str, order: dict[str, Scalar], plan: str, other: str
) -> None:
    relaxed = order | {"lane": "relaxed"}
    spec = {name: value for name, value in relaxed.items() if name != "book"}

    assert total(slug, **relaxed, plan=plan) == 0
    assert total(slug, **order, plan=plan) > 0
    assert allowed(slug, plan, **spec)
    assert not allowed(slug, other, **spec)


def test_runways_app_and_api_sell_different_models_and_credits() -> None:
    catalog = loaded("runway").catalog

    assert allowed("runway", "pro", model="gen-4", surface="web")
    assert not allowed("runway", "pro", model="gen-4", surface="api")
    assert not allowed("runway", "pro", model="aleph2", surface="web")
    assert allowed("runway", "api-tier-1", model="aleph2", surface="api")
    assert {pack.code: pack.scope["surface"] for pack in catalog.packs} == {
        "web-credits": ("web",),
        "api-credits": ("api",),
    }


def test_the_command_line_of_pixverse_is_for_subscribers() -> None:
    assert not allowed("pixverse", "free", model="v2.5", surface="cli")
    assert allowed("pixverse", "pro", model="v2.5", surface="cli")


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_a_short_task_of_runway_costs_its_least(seconds: int) -> None:
    assert total("runway", model="aleph2", seconds=seconds) == max(56, 28 * seconds) * 10**6


def test_what_is_counted_stands_beside_what_is_paid() -> None:
    counted = {
        (slug, plan.code): (allowance.cadence, allowance.amount)
        for slug in SLUGS
        for plan in loaded(slug).catalog.plans
        for allowance in plan.allowances
        if allowance.is_counted
    }

    assert counted["hailuo", "token-max"] == ("daily", 2)
    assert counted["hailuo", "token-max-hs"] == ("daily", 3)
    assert counted["hailuo", "token-ultra-hs"] == ("daily", 5)


def test_a_failed_run_of_a_private_model_alone_is_charged_on_replicate() -> None:
    policy = loaded("replicate").catalog.failure_policy

    def kept(model: str, error_class: str) -> int:
        return policy.kept_micros(held_micros=1000, error_class=error_class, model=model)

    assert kept("private-model", "backend_error") == 1000
    assert kept("private-model", "canceled_queued") == 0
    assert kept("public-model", "backend_error") == 0
