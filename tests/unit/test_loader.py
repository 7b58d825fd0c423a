from pathlib import Path

import pytest

from plans.catalog import loader
from plans.catalog.schema import Catalog
from plans.credits import MICROS
from plans.errors import CatalogInvalid
from tests.unit.shelf import HEAD, KLING, MODEL, line_of, problems_of

RATES = """\
[[rate]]
id = "first"
match = { mode = "std" }
form = "flat"
price = "1"
[[rate]]
id = "second"
match = { mode = "pro" }
form = "lookup"
by = "seconds"
table = { 5 = "2" }
[[rate]]
id = "third"
match = { mode = "pro", audio = true }
form = "per_unit"
basis = "seconds"
price = "3"
"""
GOOD = HEAD + MODEL + RATES


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old} stands {GOOD.count(old)} times"
    return GOOD.replace(old, new)


def read(source: str) -> Catalog:
    return loader.read_text(source).catalog


def test_the_example_is_good() -> None:
    assert [rate.id for rate in read(GOOD).rates] == ["first", "second", "third"]


# Each case: what is replaced, by what (>>> marks nothing; the line is that of the new text),
# the key, and a part of the sentence.
CASES = [
    ('price = "1"', "price = 1", "rate[1].price", "must be a decimal in quotes"),
    ('price = "1"', "price = 1.5", "rate[1].price", "must be a decimal in quotes"),
    ('price = "1"', "price = nan", "rate[1].price", "must be a decimal in quotes"),
    ('price = "1"', 'price = "0"', "rate[1]", "say free = true if that is meant"),
    ('price = "1"', 'price = "-1"', "rate[1].price", "must be a plain decimal"),
    ('price = "1"', 'price = "1e999"', "rate[1].price", "must be a plain decimal"),
    ('price = "1"', 'price = "1.0000001"', "rate[1].price", "at most 6 places"),
    ('price = "1"', 'price = "1000000000001"', "rate[1].price", "must be at most 1000000000000"),
    ('price = "3"', 'prise = "3"', "rate[3].prise", "Did you mean price?"),
    ('basis = "seconds"', 'basis = "secunds"', "rate[3].basis", "Did you mean seconds?"),
    ('basis = "seconds"', 'basis = "mode"', "rate[3].basis", "whole numbers"),
    ('basis = "seconds"', "basis = 5", "rate[3].basis", "must be a text in quotes"),
    ('form = "flat"', 'form = "flatt"', "rate[1]", "Did you mean flat?"),
    ('by = "seconds"', 'by = "colour"', "rate[2].by", "which no model here lets an order choose"),
    (
        'table = { 5 = "2" }',
        'table = { 61 = "2" }',
        "rate[2].table.61",
        "no value of seconds that can be ordered: 1",
    ),
    ('table = { 5 = "2" }', "table = { 5 = 2 }", "rate[2].table.5", "must be a decimal in quotes"),
    ('table = { 5 = "2" }', "table = {}", "rate[2].table", "must not be empty"),
    ('table = { 5 = "2" }', 'table = "5"', "rate[2].table", "must be a table"),
    ('{ mode = "std" }', '{ mode = "sdt" }', "rate[1].match.mode", "Did you mean std?"),
    ('{ mode = "std" }', "{ mode = [] }", "rate[1].match.mode", "a list of different values"),
    ('{ mode = "std" }', '{ mode = ["std", "std"] }', "rate[1].match.mode", "different values"),
    ('{ mode = "std" }', "{ seconds = 0.5 }", "rate[1].match.seconds", "must be a text of 1 to 64"),
    ('{ mode = "std" }', '{ moed = "std" }', "rate[1].match.moed", "Did you mean mode?"),
    ('{ mode = "std" }', "{ seconds = 61 }", "rate[1].match.seconds", "is 61, which no order"),
    ('{ mode = "std" }', '{ model = "n" }', "rate[1].match.model", "unknown model n"),
    ('{ mode = "std" }', '{ task = "extend" }', "rate[1].match.task", "is extend, which no order"),
    ('{ mode = "std" }', "{ audio = 1 }", "rate[1].match.audio", "is 1, which no order"),
    ('id = "third"', 'id = "first"', "rate[3].id", "is first again; number 1 has it already"),
    ('id = "third"', 'id = "Third one"', "rate[3].id", "must be of small letters"),
    ('zone = "UTC"', 'zone = "Mars/Olympus"', "zone", "IANA"),
    ('zone = "UTC"', "zone = 8", "zone", "must be a text in quotes"),
    ("schema = 1", "schema = 2", "schema", "must be one of 1"),
    ('["expires_at"]', '["age"]', "burn_order[1]", "must be priority"),
    ('["expires_at"]', '"expires_at"', "burn_order", "must be a list"),
    ("decimals = 6", "decimals = 7", "credit.decimals", "must be at most 6"),
    ("decimals = 6", "decimals = true", "credit.decimals", "must be a whole number"),
    ("decimals = 6", "rounding = 'half_pu'", "credit.rounding", "Did you mean half_up?"),
    ("free = true", "fre = true", "plan[1].fre", "Did you mean free?"),
    ("free = true", 'free = "yes"', "plan[1].free", "must be true or false"),
    ("free = true", "", "plan[1]", "needs prices, or free = true"),
    ('name = { en = "M", zh = "M" }', 'name = { en = "M" }', "model[1].name.zh", "is missing"),
    ('default = "std" }', 'default = "fast" }', "model[1].dimensions.mode", "does not allow"),
    ("max = 60,", "max = 0,", "model[1].dimensions.seconds.max", "must be at least 1"),
    ("max = 60,", "", "model[1].dimensions.seconds", "either values, or both min and max"),
    ("[false, true]", "[false, 1]", "model[1].dimensions.audio", "mixes"),
]


@pytest.mark.parametrize(("old", "new", "key", "sentence"), CASES)
def test_a_problem_is_named_with_its_line_its_key_and_a_way_out(
    old: str, new: str, key: str, sentence: str
) -> None:
    before = GOOD[: GOOD.index(old)]
    line = before.count("\n") + 1
    if not new:  # nothing stands there: the table is named where it begins
        line = {"plan[1]": line_of(GOOD, "[[plan]]")}.get(key, line)
    if key == "rate[1]":
        line = line_of(before, "[[rate]]")

    problems = problems_of(changed(old, new))

    named = {(problem.line, problem.key): problem.sentence for problem in problems}
    assert (line, key) in named, problems
    assert sentence in named[line, key]
    assert all(str(one).startswith(f"shop.toml:{one.line}: {one.key}: ") for one in problems)


def test_a_missing_key_is_named_at_its_table() -> None:
    (problem,) = problems_of(changed('price = "3"\n', ""))

    assert str(problem) == f"shop.toml:{line_of(GOOD, 'third') - 1}: rate[3].price: is missing."


def test_all_problems_are_named_at_once_in_the_order_of_their_lines() -> None:
    source = GOOD.replace('zone = "UTC"', "zone = 1")
    source = source.replace('price = "1"', 'price = "x"')
    source = source.replace('basis = "seconds"', 'basis = "mode"')
    source = source.replace('code = "free"', 'code = "free"\nwatermark = true')

    assert [(problem.line, problem.key) for problem in problems_of(source)] == [
        (line_of(source, "zone"), "zone"),
        (line_of(source, "watermark"), "plan[1].watermark"),
        (line_of(source, 'price = "x"'), "rate[1].price"),
        (line_of(source, 'basis = "mode"'), "rate[3].basis"),
    ]


def test_a_text_that_is_no_toml_is_named_with_its_line() -> None:
    source = changed('id = "second"', "id = second")
    (problem,) = problems_of(source)

    assert (problem.line, problem.key) == (line_of(source, "id = second"), "TOML")


def test_a_text_that_breaks_off_is_named_with_its_last_line() -> None:
    (problem,) = problems_of("schema = 1\nslug = \n")

    assert problem.line == 2


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "{a=" * 5000])
def test_a_text_of_endless_depth_is_refused(text: str) -> None:
    (problem,) = problems_of(text)

    assert problem.line == 1


def test_an_empty_file_says_what_it_needs() -> None:
    keys = {problem.key for problem in problems_of("")}

    assert keys >= {"schema", "slug", "title", "zone", "credit", "plan", "model", "rate"}


# -- ties --------------------------------------------------------------------------------------


def rows(*matches: str) -> str:
    return (
        HEAD
        + MODEL
        + "".join(
            f'[[rate]]\nid = "r{number}"\nmatch = {match}\nform = "flat"\nprice = "1"\n'
            for number, match in enumerate(matches, 1)
        )
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}", "{}"),
        ("{}", '{ mode = "*" }'),
        ('{ mode = "std" }', '{ mode = "std" }'),
        ('{ mode = "std" }', "{ audio = true }"),
        ("{ seconds = [1, 2] }", "{ seconds = [2, 3] }"),
        ('{ mode = "std", seconds = [1, 2] }', '{ mode = ["std", "pro"], seconds = 2 }'),
        ('{ model = "m", mode = "std" }', '{ task = "text_to_video", mode = "std" }'),
    ],
)
def test_two_rows_that_some_order_would_match_equally_well_are_refused(
    first: str, second: str
) -> None:
    source = rows(first, second)
    (problem,) = problems_of(source)

    assert problem.key == "rate[2]"
    assert problem.line == line_of(source, 'id = "r2"') - 1
    assert "ties with rate r1" in problem.sentence


@pytest.mark.parametrize(
    "matches",
    [
        ("{}", '{ mode = "std" }', '{ mode = "std", audio = true }'),
        ('{ mode = "std" }', '{ mode = "pro" }'),
        ("{ seconds = [1, 2] }", "{ seconds = 2 }"),
        ("{ seconds = [1, 2] }", "{ seconds = [3, 4] }"),
        ('{ mode = "std", audio = true }', '{ mode = "pro", seconds = 5 }'),
    ],
)
def test_rows_of_which_one_is_narrower_or_which_never_meet_stand_together(
    matches: tuple[str, ...],
) -> None:
    assert len(read(rows(*matches)).rates) == len(matches)


def test_a_typo_elsewhere_does_not_hide_a_tie() -> None:
    source = rows("{}", "{}").replace('zone = "UTC"', 'zone = "Mars"')

    assert [problem.key for problem in problems_of(source)] == ["zone", "rate[2]"]


# -- tables that must fit together ---------------------------------------------------------------

PAID = """
[[plan]]
code = "paid"
name = { en = "Paid", zh = "付费" }
prices = [{ currency = "CNY", interval = "P1M", list = "66" }]
"""
ALLOWANCE = "[[plan.allowance]]\ncode = 'a'\ncadence = 'daily'\ncredits = '5'\n"
PACK = """
[[pack]]
code = "p"
name = { en = "P", zh = "P" }
credits = "5"
prices = [{ currency = "USD", list = "5" }]
expiry = "window_end"
"""


def test_a_model_that_no_rate_prices_is_refused() -> None:
    source = HEAD + MODEL + MODEL.replace('"m"', '"n"') + rows('{ model = "m" }').split(MODEL)[1]
    (problem,) = problems_of(source)

    assert (problem.key, problem.sentence) == (
        "model[2]",
        "has no rate: nothing of it could be sold.",
    )


@pytest.mark.parametrize(
    ("more", "key", "sentence"),
    [
        (PAID.replace("paid", "free"), "plan[2].code", "is free again"),
        (PAID.replace("prices =", "free = true\n#"), "plan[2].free", "only one plan"),
        (PAID.replace(', interval = "P1M"', ""), "plan[2]", "needs an interval"),
        (
            PAID + (ALLOWANCE + 'mode = "claimed"\n') * 2,
            "plan[2]",
            "more than one allowance to claim",
        ),
        (PAID.replace("P1M", "month"), "plan[2].prices[1].interval", "ISO 8601"),
        (PAID.replace("CNY", "yuan"), "plan[2].prices[1].currency", "the three capitals"),
        (
            PAID + "entitlements = { allow = { mode = ['fast'] } }",
            "plan[2].entitlements.allow.mode",
            "is fast, which no order can have here",
        ),
        (
            PAID + "entitlements = { allow = { resolution = ['720p'] } }",
            "plan[2].entitlements.allow.resolution",
            "which no model here lets an order choose",
        ),
        (
            PAID + "entitlements = { max = { mode = 5 } }",
            "plan[2].entitlements.max.mode",
            "whole numbers",
        ),
        (
            PAID + "entitlements = { excess = 'queue' }",
            "plan[2].entitlements.excess",
            "must be one of wait, refuse",
        ),
        (PAID + ALLOWANCE.replace("'daily'", "'once'"), "plan[2].allowance[1]", "comes once"),
        (
            PAID + ALLOWANCE.replace("'daily'", "'monthly'\nmode = 'claimed'"),
            "plan[2].allowance[1]",
            "only when its cadence is daily",
        ),
        (PAID + 2 * ALLOWANCE, "plan[2].allowance[2].code", "is a again"),
        (PACK, "pack[1]", "has no window"),
        (
            "[failure_policy.charge]\ntimeout = '1.5'\n",
            "failure_policy.charge.timeout",
            'a share between "0" and "1"',
        ),
        (
            "[failure_policy.charge]\ntime_out = '1'\n",
            "failure_policy.charge.time_out",
            "Did you mean timeout?",
        ),
        (
            "[failure_policy.models.mm]\ntimeout = '1'\n",
            "failure_policy.models.mm",
            "is an unknown model.",
        ),
    ],
)
def test_tables_that_do_not_fit_are_refused(more: str, key: str, sentence: str) -> None:
    found = {problem.key: problem for problem in problems_of(f"{GOOD}{more}")}

    assert key in found, found
    assert sentence in found[key].sentence
    assert found[key].line > GOOD.count("\n")


# -- files -------------------------------------------------------------------------------------


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())

    assert loader.load(path) == loader.load(str(path)) == read(GOOD)


@pytest.mark.parametrize("content", [b"schema = 1\n\xff\n", b"\x00"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.toml"
    path.write_bytes(content)

    with pytest.raises(CatalogInvalid, match=r"shop\.toml:"):
        loader.load(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match=r"none\.toml:1: file: cannot be read: No such file"):
        loader.load(tmp_path / "none.toml")


def test_comments_and_spacing_do_not_make_another_content() -> None:
    other = "# new\n" + GOOD.replace(" = ", "=")

    assert loader.read_text(other).digest == loader.read_text(GOOD).digest
    assert loader.read_text(changed('"1"', '"1.5"')).digest != loader.read_text(GOOD).digest


def test_a_catalog_survives_its_own_document() -> None:
    loaded = loader.read_file(KLING)

    assert Catalog.model_validate(loaded.document) == loaded.catalog


# -- failure policy ----------------------------------------------------------------------------


def test_a_model_may_have_its_own_policy_for_a_class_and_keeps_the_rest() -> None:
    policy = read(
        GOOD + '[failure_policy]\ncharge = { timeout = "0.5", rejected = "1" }\n'
        'models = { m = { timeout = "0.333333" } }\n'
    ).failure_policy

    def kept(error_class: str, model: str) -> int:
        return policy.kept_micros(held_micros=10 * MICROS, error_class=error_class, model=model)

    assert kept("timeout", "m") == 3_333_330
    assert kept("timeout", "other") == 5 * MICROS
    assert kept("rejected", "m") == 10 * MICROS
    assert kept("backend_error", "m") == 0
