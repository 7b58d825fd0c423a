from plans.catalog import loader
from plans.entitlements import barriers
from plans.orders import read_order
from tests.unit.shelf import HEAD, KLING, MODEL

CATALOG = loader.load(KLING)
LIMITED = """
[[plan]]
code = "small"
name = { en = "Small", zh = "小" }
prices = [{ currency = "CNY", interval = "P1M", list = "1" }]
entitlements = { allow = { mode = ["std"] }, max = { seconds = 10 } }
[[plan]]
code = "long"
name = { en = "Long", zh = "长" }
prices = [{ currency = "CNY", interval = "P1M", list = "2" }]
entitlements = { allow = { mode = ["std"] }, max = { seconds = 60 } }
[[plan]]
code = "fine"
name = { en = "Fine", zh = "精" }
prices = [{ currency = "CNY", interval = "P1M", list = "3" }]
entitlements = { max = { seconds = 20 } }
[[rate]]
id = "any"
form = "flat"
price = "1"
"""


def found(plan_code: str, **spec: object) -> list[tuple[str, str, str | None]]:
    plan = CATALOG.plan(plan_code)
    assert plan is not None
    order = read_order(CATALOG, {"model": "kling-v1-6", **spec})
    return [
        (barrier.entitlement, barrier.limit, barrier.required_plan)
        for barrier in barriers(CATALOG, plan, order.dimensions)
    ]


def test_a_free_order_within_its_limits_meets_no_barrier() -> None:
    assert found("free") == []


def test_all_barriers_are_named_with_the_plan_that_lifts_them() -> None:
    assert found("free", mode="pro", resolution="1080p") == [
        ("mode", "std", "standard"),
        ("resolution", "720p", "standard"),
    ]


def test_a_paid_plan_lifts_them() -> None:
    assert found("standard", mode="pro", resolution="1080p", seconds=10) == []


def test_a_barrier_is_a_sentence() -> None:
    order = read_order(CATALOG, {"model": "kling-v1-6", "mode": "pro"})
    assert CATALOG.free_plan is not None

    (barrier,) = barriers(CATALOG, CATALOG.free_plan, order.dimensions)

    assert barrier.detail == "The plan Free allows mode std, not pro."


def test_where_no_plan_allows_the_whole_each_barrier_names_the_smallest_that_lifts_it() -> None:
    shop = loader.read_text(f"{HEAD}{MODEL}{LIMITED}").catalog
    small = shop.plan("small")
    assert small is not None

    short = barriers(shop, small, {"model": "m", "mode": "pro", "seconds": 15})
    long = barriers(shop, small, {"model": "m", "mode": "pro", "seconds": 30})

    # The free plan of this shop limits nothing, so it is the smallest that allows everything.
    assert [(one.limit, one.required_plan) for one in short] == [
        ("std", "free"),
        ("up to 10", "free"),
    ]
    assert [one.required_plan for one in long] == ["free", "free"]

    strict = shop.model_copy(update={"plans": shop.plans[1:]})
    assert [b.required_plan for b in barriers(strict, small, {"mode": "pro", "seconds": 15})] == [
        "fine",
        "fine",
    ]
    assert [b.required_plan for b in barriers(strict, small, {"mode": "pro", "seconds": 30})] == [
        "fine",
        "long",
    ]
    assert [b.required_plan for b in barriers(strict, small, {"seconds": 90})] == [None]
