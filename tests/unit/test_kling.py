from itertools import product

import pytest

from plans.catalog import loader
from plans.catalog.policies import ERROR_CLASSES
from plans.credits import MICROS, format_micros
from plans.errors import Unpriced
from plans.orders import read_order
from plans.rating import rate
from tests.unit.shelf import KLING, NOON

CATALOG = loader.load(KLING)


@pytest.mark.parametrize(
    ("model", "mode", "seconds", "price"),
    [
        ("kling-v1-6", "std", 5, "10"),
        ("kling-v1-6", "std", 10, "20"),
        ("kling-v1-6", "pro", 5, "35"),
        ("kling-v1-6", "pro", 10, "70"),
        ("kling-v2-6", "std", 5, "50"),
        ("kling-v2-6", "std", 10, "100"),
        ("kling-v2-6", "pro", 5, "100"),
        ("kling-v2-6", "pro", 10, "200"),
    ],
)
@pytest.mark.parametrize("task", ["text_to_video", "image_to_video"])
def test_a_clip_costs_what_the_facts_say(
    model: str, mode: str, seconds: int, price: str, task: str
) -> None:
    order = read_order(CATALOG, {"model": model, "task": task, "mode": mode, "seconds": seconds})

    assert format_micros(rate(CATALOG, order.dimensions, at=NOON).total_micros) == price


@pytest.mark.parametrize(("mode", "price"), [("std", "10"), ("pro", "35")])
def test_an_extension_costs_as_much_as_a_clip_of_its_length(mode: str, price: str) -> None:
    order = read_order(CATALOG, {"model": "kling-v1-6", "task": "extend", "mode": mode})

    assert format_micros(rate(CATALOG, order.dimensions, at=NOON).total_micros) == price


def test_a_chain_ends_at_three_minutes_and_continues_a_job() -> None:
    model = CATALOG.model("kling-v1-6")
    assert model is not None
    extend = model.task("extend")
    assert extend is not None

    assert extend.chain_seconds_max == 180
    assert extend.requires == ("parent",)


def test_a_new_model_without_sound_has_no_known_price() -> None:
    order = read_order(CATALOG, {"model": "kling-v2-6", "audio": False})

    with pytest.raises(Unpriced):
        rate(CATALOG, order.dimensions, at=NOON)


def test_everything_else_that_can_be_ordered_has_a_price() -> None:
    for model in CATALOG.models:
        for task in model.tasks:
            choices = model.dimensions_of(task)
            listed = [
                dimension.values or (dimension.min, dimension.max) for dimension in choices.values()
            ]
            for values in product(*listed):
                order = {
                    "model": model.code,
                    "task": task.code,
                    **dict(zip(choices, values, strict=True)),
                }
                dimensions = read_order(CATALOG, order).dimensions
                if (model.code, dimensions.get("audio")) != ("kling-v2-6", False):
                    assert rate(CATALOG, dimensions, at=NOON).total_micros > 0


def test_the_plans_are_those_of_the_facts() -> None:
    assert [
        (
            plan.code,
            [
                f"{format_micros(price.list_micros)} {price.currency} {price.interval}"
                for price in plan.prices
            ],
            [format_micros(allowance.credits_micros or 0) for allowance in plan.allowances],
            plan.entitlements.concurrency,
        )
        for plan in CATALOG.plans
    ] == [
        ("free", [], ["66"], 3),
        ("standard", ["66 CNY P1M", "10 USD P1M", "120 USD P1Y"], ["660"], 5),
        ("pro", ["266 CNY P1M", "37 USD P1M", "444 USD P1Y"], ["3000"], 10),
        ("premier", ["666 CNY P1M", "92 USD P1M", "1104 USD P1Y"], ["8000"], 20),
        ("ultra", ["180 USD P1M", "2160 USD P1Y"], ["26000"], 25),
        ("team", ["99 USD P1M", "1188 USD P1Y"], ["3000"], 10),
    ]


def test_a_first_month_a_renewal_and_the_list_have_three_prices() -> None:
    ultra = CATALOG.plan("ultra")
    assert ultra is not None
    month = ultra.prices[0]

    assert [
        format_micros(micros or 0)
        for micros in (month.first_micros, month.renewal_micros, month.list_micros)
    ] == ["127.99", "159.99", "180"]


@pytest.mark.parametrize(
    ("spec", "price"),
    [
        ({"model": "kling-v2", "seconds": 5}, "100"),
        ({"model": "kling-image", "feature": "text_to_image"}, "1"),
        ({"model": "kling-image", "feature": "restyle"}, "2"),
        ({"model": "kling-image", "feature": "virtual_try_on", "images": 3}, "15"),
        ({"model": "kling (generic)", "feature": "video", "mode": "pro", "seconds": 10}, "70"),
    ],
)
def test_images_and_the_words_of_the_facts_are_understood(
    spec: dict[str, object], price: str
) -> None:
    order = read_order(CATALOG, spec)

    assert format_micros(rate(CATALOG, order.dimensions, at=NOON).total_micros) == price


def test_free_credits_are_claimed_each_day_and_gone_at_its_end() -> None:
    assert CATALOG.free_plan is not None
    (daily,) = CATALOG.free_plan.allowances

    assert (daily.code, daily.cadence, daily.mode) == ("daily", "daily", "claimed")
    assert (daily.zone, daily.expiry, daily.source) == ("Asia/Shanghai", "window_end", "allowance")
    assert CATALOG.free_plan.entitlements.flags["watermark"]


def test_a_pack_is_two_grants_where_it_has_a_bonus() -> None:
    pack = CATALOG.pack("credits-3300")
    assert pack is not None
    assert pack.bonus is not None

    assert (pack.credits_micros, pack.expiry, pack.source) == (3300 * MICROS, "P2Y", "pack")
    assert (pack.bonus.credits_micros, pack.bonus.source) == (200 * MICROS, "pack_bonus")


def test_a_bonus_is_not_spent_from_the_command_line() -> None:
    for pack in CATALOG.packs:
        assert pack.scope == {}
        if pack.bonus is not None:
            assert pack.bonus.scope == {"surface": ("web", "api")}
    assert set(CATALOG.surfaces) - {"web", "api"} == {"cli"}


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_a_failed_job_costs_nothing(error_class: str) -> None:
    kept = CATALOG.failure_policy.kept_micros(
        held_micros=35 * MICROS, error_class=error_class, model="kling-v1-6"
    )

    assert kept == 0
