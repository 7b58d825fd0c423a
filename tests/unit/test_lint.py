"""Each hint of the linter: what brings it up, and where it stands."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from plans.lint.reading import hints
from tests.unit.lint_shelf import AT, RATE, codes, linted, shop
from tests.unit.shelf import HEAD, MODEL, line_of

ROOT: Final = Path(__file__).resolve().parents[2]


def test_a_good_catalog_brings_up_nothing() -> None:
    assert codes(shop()) == []


# Each case: what the catalog says beyond the good one, and the hints that this brings up.
CASES = [
    # -- orders without a price
    (
        "a value that no rate takes",
        {"rate": RATE.replace('form = "per', 'match = { audio = false }\nform = "per')},
        [("unpriced", "model.0")],
    ),
    (
        "a table with a gap",
        {
            "model": MODEL.replace(
                "{ min = 1, max = 60, default = 5 }", "{ values = [5, 8, 10], default = 5 }"
            ),
            "rate": '[[rate]]\nid = "all"\nform = "lookup"\nby = "seconds"\n'
            'table = { 5 = "1", 10 = "2" }',
        },
        [("unpriced", "model.0")],
    ),
    (
        "tiers that end too early",
        {
            "rate": '[[rate]]\nid = "all"\nform = "tiers"\nbasis = "seconds"\n'
            'tier = [{ up_to = 30, price = "1" }]'
        },
        [("unpriced", "model.0")],
    ),
    (
        "a price that is rounded to nothing",
        {
            "head": HEAD.replace("decimals = 6", 'decimals = 0, rounding = "down"'),
            "rate": RATE.replace('"1"', '"0.01"'),
        },
        [("rounds_to_zero", "model.0"), ("units_rounded", "credit")],
    ),
    # -- what never counts
    (
        "a rate behind narrower ones",
        {
            "more": """\
                [[rate]]
                id = "std"
                match = { mode = "std" }
                form = "flat"
                price = "1"
                [[rate]]
                id = "pro"
                match = { mode = "pro" }
                form = "flat"
                price = "2"
                """
        },
        [("rate_never_wins", "rate.0")],
    ),
    (
        "a rate for what no plan allows",
        {
            "head": HEAD + 'entitlements = { allow = { mode = ["std"] } }\n',
            "more": """\
                [[rate]]
                id = "pro"
                match = { mode = "pro" }
                form = "flat"
                price = "2"
                """,
        },
        [("value_not_orderable", "model.0.dimensions.mode"), ("rate_never_wins", "rate.1")],
    ),
    (
        "a modifier for what no order can be",
        {
            "head": HEAD + "entitlements = { max = { seconds = 10 } }\n",
            "more": '[[modifier]]\nid = "long"\nmatch = { seconds = { min = 11 } }\nfactor = "2"',
        },
        [("modifier_never_matches", "modifier.0")],
    ),
    (
        "credits that pay for nothing",
        {
            "head": HEAD + "entitlements = { max = { seconds = 10 } }\n",
            "more": """\
                [[pack]]
                code = "p"
                name = { en = "P", zh = "P" }
                credits = "5"
                scope = { seconds = { min = 11 } }
                """,
        },
        [("scope_matches_nothing", "pack.0.scope")],
    ),
    # -- what nobody may order
    (
        "a model that no plan allows",
        {
            "head": HEAD + 'entitlements = { allow = { model = ["m"] } }\n',
            "more": MODEL.replace('"m"', '"n"'),
        },
        [("model_not_orderable", "model.1")],
    ),
    (
        "a task that no plan allows",
        {
            "head": HEAD + 'entitlements = { allow = { task = ["text_to_video"] } }\n',
            "model": MODEL.replace(
                "  [model.dim", '  [[model.task]]\n  code = "extend"\n\n  [model.dim'
            ),
        },
        [("task_not_orderable", "model.0.task.1")],
    ),
    (
        "a default that a plan does not allow",
        {"head": HEAD + "entitlements = { max = { seconds = 4 } }\n"},
        [("default_not_allowed", "model.0.task.0")],
    ),
    # -- time
    (
        "a promotion that is over",
        {"more": '[[modifier]]\nid = "promo"\nuntil = 2026-10-01T00:00:00Z\nfactor = "0.7"'},
        [("ended", "modifier.0.until")],
    ),
    (
        "a pack that ends before it begins",
        {
            "more": """\
                [[pack]]
                code = "p"
                name = { en = "P", zh = "P" }
                credits = "5"
                from = 2027-02-01T00:00:00Z
                until = 2027-01-01T00:00:00Z
                """
        },
        [("reversed", "pack.0.until")],
    ),
    (
        "a plan whose only price is over",
        {
            "more": """\
                [[plan]]
                code = "pro"
                name = { en = "Pro", zh = "专业版" }
                [[plan.prices]]
                currency = "USD"
                interval = "P1M"
                list = "10"
                until = 2026-01-01T00:00:00Z
                """
        },
        [("no_price_in_force", "plan.1.prices")],
    ),
    (
        "plans that are all over",
        {"head": HEAD + "until = 2026-01-01T00:00:00Z\n"},
        [("ended", "plan.0.until"), ("no_plan_on_sale", "plan.0")],
    ),
    (
        "a first price above the list price",
        {
            "more": """\
                [[plan]]
                code = "pro"
                name = { en = "Pro", zh = "专业版" }
                prices = [{ currency = "USD", interval = "P1M", list = "10", first = "20" }]
                """
        },
        [("dearer_than_list", "plan.1.prices.0.first")],
    ),
    (
        "credits that end before the next ones come",
        {
            "head": HEAD
            + '[[plan.allowance]]\ncode = "a"\ncadence = "monthly"\ncredits = "5"\nexpiry = "P7D"\n'
        },
        [("expires_within_window", "plan.0.allowance.0.expiry")],
    ),
    # -- limits, lanes, books
    (
        "a day's limit above the month's",
        {
            "head": HEAD
            + '[plan.entitlements]\ncount = [{ window = "day", orders = 60 }, '
            + '{ window = "month", orders = 50 }]\n'
        },
        [("count_never_reached", "plan.0.entitlements.count.0")],
    ),
    (
        "a step that gives nothing more",
        {
            "head": HEAD
            + "[plan.entitlements]\nconcurrency = 5\n"
            + 'step = [{ bought = "100", currency = "USD", concurrency = 5 }]\n'
        },
        [("step_without_effect", "plan.0.entitlements.step.0.concurrency")],
    ),
    (
        "a lane that no model offers",
        {"more": '[[lane]]\ncode = "slow"\nname = { en = "Slow", zh = "慢速" }'},
        [("lane_not_offered", "lane.0")],
    ),
    (
        "a book behind one that takes everybody",
        {"more": '[[book]]\ncode = "a"\n[[book]]\ncode = "b"\nregions = ["cn"]'},
        [("book_never_chosen", "book.1")],
    ),
    (
        "a lane that nothing says anything of",
        {
            "model": MODEL + '  lane = { values = ["fast", "slow"], default = "fast" }\n',
            "more": '[[lane]]\ncode = "fast"\nname = { en = "Fast", zh = "快速" }',
        },
        [("lane_without_table", "model.0.dimensions.lane")],
    ),
    (
        "a promise that ends before the lane opens",
        {
            "model": MODEL + '  lane = { values = ["night"], default = "night" }\n',
            "more": """\
                [[lane]]
                code = "night"
                name = { en = "Night", zh = "夜间" }
                hours = { from = "22:00", to = "05:00", zone = "UTC" }
                deliver_within = "PT16H59M"
                """,
        },
        [("promise_before_hours", "lane.0.deliver_within")],
    ),
    # -- credits and usage
    (
        "a source in the burn order that no credits have",
        {"head": HEAD.replace('"expires_at"', '"source:grant,pakc"')},
        [("source_unknown", "burn_order.0")],
    ),
    (
        "tokens that whoever orders may say",
        {
            "model": MODEL + "  tokens = { min = 0, max = 9, optional = true }\n",
            "rate": '[[rate]]\nid = "t"\nform = "tokens"\nprice = "1"\nper = 1\ndivisor = 1\n'
            'width = "seconds"\nheight = "seconds"\nfps = "seconds"\ntokens_min = 5',
            "more": '[overrun]\nsettle_by = "usage"\nmeasured = { tokens = "t" }',
        },
        [("tokens_can_be_said", "model.0.dimensions.tokens")],
    ),
    (
        "credits that come once and would be filled up",
        {
            "head": HEAD + '[[plan.allowance]]\ncode = "a"\ncadence = "once"\ncredits = "5"\n'
            'expiry = "never"\nfill = "set_to"\n'
        },
        [("fill_without_effect", "plan.0.allowance.0.fill")],
    ),
    (
        "a value that would be taken over and is not allowed",
        {
            "model": MODEL.replace(
                "  [model.dim",
                '  [[model.task]]\n  code = "final"\n  requires = ["parent"]\n'
                '  parent = { match = { task = "text_to_video" }, inherit = ["seconds"] }\n'
                "  dimensions.seconds = { values = [5, 10], default = 5 }\n\n  [model.dim",
            )
        },
        [("not_inherited", "model.0.task.1.parent.inherit")],
    ),
    # -- texts, sources, rounding
    (
        "a text that was not translated",
        {"rate": RATE + 'label = { en = "A second", zh = "A second" }\n'},
        [("not_translated", "rate.0.label.zh")],
    ),
    (
        "an English text in Chinese",
        {"rate": RATE + 'label = { en = "每秒", zh = "每秒" }\n'},
        [("not_translated", "rate.0.label.en")],
    ),
    (
        "a source that nothing refers to",
        {"more": '[sources]\nsite = { at = "example.com/prices", grade = "A" }'},
        [("source_not_used", "sources.site")],
    ),
    (
        "a printed price that rounding changes",
        {
            "head": HEAD.replace("decimals = 6", "decimals = 0"),
            "rate": '[[rate]]\nid = "all"\nform = "flat"\nprice = "0.63"',
        },
        [("changed_by_rounding", "rate.0.price")],
    ),
    (
        "a printed price that rounding changes before a modifier",
        {
            "head": HEAD.replace("decimals = 6", "decimals = 0"),
            "rate": '[[rate]]\nid = "all"\nform = "flat"\nprice = "2.5"',
            "more": '[[modifier]]\nid = "sound"\nmatch = { audio = true }\nfactor = "2"',
        },
        [("changed_by_rounding", "rate.0.price")],
    ),
    (
        "a price of a unit with more places than are kept",
        {
            "head": HEAD.replace("decimals = 6", "decimals = 0"),
            "rate": RATE.replace('"1"', '"2.5"'),
        },
        [("units_rounded", "credit")],
    ),
]


@pytest.mark.parametrize(
    ("changes", "found"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_it_is_seen(changes: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert sorted(codes(shop(**changes))) == sorted(found)


def test_a_finding_stands_at_its_line(tmp_path: Path) -> None:
    silent = RATE.replace('form = "per', 'match = { audio = false }\nform = "per')
    source = HEAD + MODEL + silent

    [found] = linted(tmp_path, source)

    assert found.line == line_of(source, 'code = "m"') - 1
    assert (found.severity, found.key, found.code) == ("hint", "model[1]", "unpriced")
    assert str(found).startswith(f"{tmp_path}/shop.toml:{found.line}: hint: model[1]: audio true")


def test_a_file_that_cannot_be_published_has_problems_only(tmp_path: Path) -> None:
    found = linted(tmp_path, HEAD + MODEL + RATE.replace('"1"', "1.5"))

    assert [(one.severity, one.code, one.key) for one in found] == [
        ("problem", "invalid", "rate[1].price")
    ]


def test_the_guide_explains_every_kind_of_hint() -> None:
    guide = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    explained = re.findall(
        r"^\| `([a-z_]+)` \| [A-Z]", guide.partition("## Reference")[0], re.MULTILINE
    )
    made = {
        str(call.args[1].value)
        for path in (ROOT / "plans" / "lint").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Hint"
        if isinstance(call.args[1], ast.Constant)
    }

    assert sorted(explained) == sorted(made)


def test_the_home_market_is_bounded_and_not_put_behind_the_others() -> None:
    books = '[[book]]\ncode = "home"\n[[book]]\ncode = "abroad"\nregions = ["sg"]'

    [hint] = hints(shop(books), at=AT)

    assert hint.code == "book_never_chosen"
    assert hint.remedy.startswith("Give the book before it regions or currencies.")
    assert codes(shop(books.replace('"home"', '"home"\nregions = ["cn"]'))) == []
