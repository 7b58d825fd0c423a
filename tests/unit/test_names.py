"""Names of one table that another must have: each is refused with its line and the closest one."""

import pytest

from tests.unit.shelf import HEAD, MODEL, catalog, problems_of

RATE = "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '1'\n"
PLAN = """
[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
prices = [{ currency = "CNY", interval = "P1M", list = "66" }]
"""
PACK = """
[[pack]]
code = "small"
name = { en = "Small", zh = "小" }
credits = "10"
"""
BOOKS = """
[[book]]
code = "cn"
unit = { en = "yuan", zh = "元" }
regions = ["cn-beijing"]
currencies = ["CNY"]
"""


def _lane(code: str, share: int) -> str:
    return f"[[lane]]\ncode = '{code}'\nname = {{ en = 'L', zh = '道' }}\nshare = {share}\n"


CASES = [
    (
        f"{PLAN}ref = 'vendr'\n[sources.vendor]\nat = 'x'\ngrade = 'A'\n",
        "plan[2].ref",
        "mean vendor?",
    ),
    (
        f"{PLAN}[plan.entitlements]\npacks = ['smal']\n{PACK}",
        "plan[2].entitlements.packs",
        "small?",
    ),
    (
        f"{PLAN}[plan.entitlements]\nallow = {{ surface = ['cli'] }}\n",
        "plan[2].entitlements.allow.surface",
        "is cli, which no order can have here.",
    ),
    (
        f"{PLAN}[[plan.entitlements.limit]]\nwhen = {{ mod = 'pro' }}\nmax = {{ seconds = 5 }}\n",
        "plan[2].entitlements.limit[1].when.mod",
        "Did you mean mode?",
    ),
    (
        f"{PLAN}[[plan.entitlements.limit]]\nwhen = {{ mode = 'pro' }}\nmax = {{ audio = 5 }}\n",
        "plan[2].entitlements.limit[1].max.audio",
        "must be a dimension of whole numbers.",
    ),
    (
        (
            f"{PLAN}[[plan.entitlements.count]]\nwindow = 'day'\n"
            "orders = 3\nmatch = { mode = 'prr' }\n"
        ),
        "plan[2].entitlements.count[1].match.mode",
        "Did you mean pro?",
    ),
    (
        f"{PLAN}[[plan.entitlements.slot]]\nconcurrency = 3\nmatch = {{ model = 'n' }}\n",
        "plan[2].entitlements.slot[1].match.model",
        "is n, which no order can have here.",
    ),
    (
        (
            f"{PLAN}[[plan.allowance]]\ncode = 'a'\ncadence = 'daily'\n"
            "credits = '1'\nscope = { x = 1 }\n"
        ),
        "plan[2].allowance[1].scope.x",
        "names x, which no model here",
    ),
    (f"{PACK}scope = {{ surface = 'cli' }}\n", "pack[1].scope.surface", "is cli"),
    (
        f"{PACK}bonus = {{ credits = '1', scope = {{ surface = 'cli' }} }}\n",
        "pack[1].bonus.scope.surface",
        "is cli",
    ),
    (
        f"{PACK}prices = [{{ currency = 'CNY', list = '1', book = 'zn' }}]\n{BOOKS}",
        "pack[1].prices[1].book",
        "names the unknown book zn.",
    ),
    (
        (
            "[[campaign]]\ncode = 'c'\nname = { en = 'C', zh = 'C' }\nkind = 'promo'\n"
            "credits = '1'\nbudget = '10'\nplans = ['fre']\n"
        ),
        "campaign[1].plans",
        "Did you mean free?",
    ),
    (
        "[overrun]\nsettle_by = 'usage'\nmeasured = { secnds = 'x' }\n",
        "overrun.measured.secnds",
        "Did you mean seconds?",
    ),
    (
        "[[modifier]]\nid = 'x'\nadd = '1'\nmatch = { plan = 'fre' }\n",
        "modifier[1].match.plan",
        "free?",
    ),
    (
        f"[[modifier]]\nid = 'x'\nadd = '1'\nmatch = {{ region = 'cn-beijin' }}\n{BOOKS}",
        "modifier[1].match.region",
        "Did you mean cn-beijing?",
    ),
    (
        "[[modifier]]\nid = 'x'\nadd = '1'\nmatch = { region = 'cn' }\n",
        "modifier[1].match.region",
        "names region, which no model here lets an order choose.",
    ),
    (
        (
            "[cost]\ncurrency = 'USD'\n[[cost.rate]]\nid = 'c'\nform = 'per_unit'\nbasis = 'secs'\n"
            "price = '1'\n"
        ),
        "cost.rate[1].basis",
        "names secs",
    ),
    (
        "[cost]\ncurrency = 'USD'\n" + 2 * "[[cost.rate]]\nid = 'c'\nform = 'flat'\nprice = '1'\n",
        "cost.rate[2]",
        "ties with rate c",
    ),
    (
        "[[rate]]\nid = 't'\nmatch = { mode = 'pro' }\nform = 'tokens'\nprice = '1'\n",
        "rate[2].width",
        "names width",
    ),
    (
        "[[rate]]\nid = 'r'\nmatch = { mode = 'pro' }\nform = 'flat'\nprice = '1'\n",
        "rate[2].id",
        "is r again",
    ),
    (BOOKS + BOOKS, "book[2].code", "is cn again"),
    (
        _lane("slow", 45) + _lane("night", 6),
        "lane[2].share",
        "makes 51 with the lanes before it; together at most 50.",
    ),
    (_lane("slow", 0), "lane[1].share", "must be at least 1."),
]


@pytest.mark.parametrize(("more", "key", "sentence"), CASES, ids=[case[1] for case in CASES])
def test_a_name_that_is_not_there_is_refused_where_it_stands(
    more: str, key: str, sentence: str
) -> None:
    problems = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{more}")

    assert any(one.key == key and sentence in one.sentence for one in problems), problems


def test_all_that_is_named_is_there() -> None:
    more = (
        f"{BOOKS}{PACK}prices = [{{ currency = 'CNY', list = '1', book = 'cn' }}]\n{PLAN}"
        "ref = ['vendor']\n[plan.entitlements]\npacks = ['small']\nallow = { surface = ['api'] }\n"
        "[sources.vendor]\nat = 'its page'\ngrade = 'A'\ndate = '2026-11'\n"
    )

    shop = catalog(RATE + more)

    assert shop.plans[1].ref == ("vendor",)
    assert shop.sources["vendor"].date == "2026-11"


def test_a_price_may_follow_another_in_time_and_may_not_tie_with_it() -> None:
    now = "{ currency = 'CNY', interval = 'P1M', list = '66', until = 2027-01-01T00:00:00+08:00 }"
    then = "{ currency = 'CNY', interval = 'P1M', list = '88', from = 2027-01-01T00:00:00+08:00 }"
    plan = PLAN.replace('{ currency = "CNY", interval = "P1M", list = "66" }', "PRICES")

    raised = catalog(RATE + plan.replace("PRICES", f"{now}, {then}"))
    tied = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{plan.replace('PRICES', f'{then}, {then}')}")

    assert len(raised.plans[1].prices) == 2
    assert [problem.key for problem in tied] == ["plan[2].prices[2].currency"]


PARENT = """
  [[model.task]]
  code = "final"
  requires = ["parent"]
"""


@pytest.mark.parametrize(
    ("match", "key", "sentence"),
    [
        ("{ model = 'mm' }", "match.model", "is mm, which no order can have here."),
        ("{ seconds = 99 }", "match.seconds", "is 99, which no order can have here."),
        (
            "{ plan = 'free' }",
            "match.plan",
            "names plan, which no model here lets an order choose.",
        ),
        ("{ mode = { min = 1 } }", "match.mode", "must be a dimension of whole numbers."),
        ("{ task = 'other', seconds = 5 }", "match", "is what no task of any model makes."),
    ],
)
def test_a_job_to_continue_must_be_one_that_can_be_made(
    match: str, key: str, sentence: str
) -> None:
    other = (
        '  [[model.task]]\n  code = "other"\n  dimensions.seconds = { values = [9], default = 9 }\n'
    )
    tasks = f"{PARENT}  parent = {{ match = {match} }}\n{other}"
    model = MODEL.replace("  [model.dimensions]", f"{tasks}\n  [model.dimensions]")

    (problem,) = problems_of(f"{HEAD}\n{model}\n{RATE}")

    assert (problem.key, problem.sentence) == (f"model[1].task[2].parent.{key}", sentence)


def test_a_job_to_continue_may_be_of_another_task_and_is_found_by_its_values() -> None:
    tasks = f"{PARENT}  parent = {{ match = {{ task = 'text_to_video', mode = 'pro' }} }}\n"

    shop = catalog(
        RATE, model=MODEL.replace("  [model.dimensions]", f"{tasks}\n  [model.dimensions]")
    )

    assert shop.models[0].tasks[1].parent is not None


def test_a_source_that_is_missing_everywhere_is_told_once() -> None:
    rates = "".join(
        f"[[rate]]\nid = 'r{n}'\nmatch = {{ seconds = {n} }}\nform = 'flat'\nprice = '1'\n"
        "ref = 'site'\n"
        for n in range(1, 4)
    )

    (problem,) = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{rates}")

    assert problem.key == "rate[2].ref"
    assert problem.sentence == "names site, which [sources] does not have. So do 2 more."


def test_a_tie_names_the_other_row_and_an_order_that_fits_both() -> None:
    rates = (
        "[[rate]]\nid = 'a'\nmatch = { mode = 'pro', seconds = { min = 5 } }\nform = 'flat'\n"
        "price = '1'\n[[rate]]\nid = 'b'\nmatch = { audio = true, seconds = { min = 9 } }\n"
        "form = 'flat'\nprice = '2'\n"
    )

    (problem,) = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{rates}")

    assert problem.sentence.startswith(
        "ties with rate a (number 2): an order with audio true, mode pro, seconds 9 matches both"
    )


def test_usage_settles_models_that_there_are() -> None:
    overrun = "[overrun]\nsettle_by = 'usage'\nmeasured = { seconds = 's' }\nmodels = ['M']\n"

    (problem,) = problems_of(f"{HEAD}\n{MODEL}\n{RATE}\n{overrun}")

    assert (problem.key, problem.sentence) == ("overrun.models", "names the unknown model M.")
