"""Whatever text a catalog file holds, its author is told in sentences, and not in thousands."""

from datetime import timedelta

import pytest

from plans import orders
from plans.catalog import loader
from plans.errors import CatalogInvalid, InvalidSpec
from tests.unit.shelf import HEAD, MODEL, NOON, line_of, problems_of

RATE = '\n[[rate]]\nid = "a"\nform = "flat"\nprice = "1"\n'
GOOD = HEAD + MODEL + RATE


def test_the_example_is_good() -> None:
    assert loader.read_text(GOOD).catalog.rates[0].id == "a"


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        ("[x]\na = " + "1" * 5000 + "\n", "has a number beyond all limits."),
        ("[x]\na = 0x" + "f" * 5000 + "\n", "is a number beyond all limits."),
        ("[x]\n" + ".".join(["a"] * 5000) + " = 1\n", "is nested too deeply."),
        ("[" + ".".join(["a"] * 3000) + "]\nb = 1\n", "is nested too deeply."),
        ("match = { " + ".".join(["a"] * 2000) + " = 1 }\n", "is nested too deeply."),
        ('[x]\na = "\\u0000"\n', "has a control character."),
        ('[x]\na = ["b", "\\u001b[31m"]\n', "has a control character."),
        ('[x]\n"a\\u0000b" = 1\n', "has a control character."),
    ],
)
def test_what_nothing_could_keep_is_refused_in_one_sentence(tail: str, said: str) -> None:
    [problem] = problems_of(GOOD + tail)

    assert problem.sentence == said


def test_a_number_of_too_many_digits_is_told_with_its_line() -> None:
    source = GOOD + "\n[x]\nfine = 1\nlong = " + "1" * 5000 + "\n"

    [problem] = problems_of(source)

    assert problem.line == line_of(source, "long =")


def test_a_control_character_is_told_with_its_line_and_key() -> None:
    source = GOOD.replace('en = "Free"', 'en = "Fr\\u0000ee"')

    [problem] = problems_of(source)

    assert (problem.line, problem.key) == (line_of(source, "Fr\\u0000ee"), "plan[1].name.en")


@pytest.mark.parametrize("mark", ["\\n", "\\t", "\\u2028", "\\u2029"])
def test_a_name_is_one_line(mark: str) -> None:
    [problem] = problems_of(GOOD.replace('en = "Free"', f'en = "Fr{mark}ee"'))

    assert problem.sentence == "must be a text of one line, without control characters."


@pytest.mark.parametrize("name", ["Gratis für alle", "免费\u3000版", "Film 👩‍🚀"])
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert loader.read_text(GOOD.replace('en = "Free"', f'en = "{name}"')).catalog.free_plan


@pytest.mark.parametrize(
    "instant",
    [
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2200-01-01T08:00:00+08:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_an_instant_that_no_zone_could_tell_is_refused(instant: str) -> None:
    for written in (instant, f'"{instant}"'):
        [problem] = problems_of(GOOD + f"until = {written}\n")
        assert problem.sentence == "must be in the years from 2000 to 2199."


def test_the_first_and_the_last_instant_are_taken() -> None:
    ends = "from = 2000-01-01T00:00:00Z\nuntil = 2199-12-31T23:59:59Z\n"
    [rate] = loader.read_text(GOOD + ends).catalog.rates

    assert rate.matches({}, at=NOON)
    assert rate.ends_at is not None
    assert rate.ends_at + timedelta(days=36_500) > NOON


def test_a_long_number_in_a_list_is_refused_as_any_other_that_cannot_be() -> None:
    listed = MODEL + "  parts = { min = 1, max = 9, items = 4, default = 1 }\n"
    catalog = loader.read_text(
        HEAD + listed.replace(", default = 1 }\n", ", optional = true }\n") + RATE
    )

    for said in ("1" * 5000, "2+" + "1" * 5000):
        with pytest.raises(InvalidSpec) as caught:
            orders.read_order(catalog.catalog, {"model": "m", "parts": said})
        assert len(caught.value.errors) == 1
        assert len(caught.value.message) < 500


def test_a_key_of_very_many_digits_is_no_value_of_a_range() -> None:
    rate = (
        f'[[rate]]\nid = "a"\nform = "lookup"\nby = "seconds"\ntable = {{ {"5" * 5000} = "1" }}\n'
    )

    [problem] = problems_of(HEAD + MODEL + rate)

    assert problem.sentence.startswith("is no value of seconds")


def test_who_has_very_many_problems_is_told_the_first_and_that_there_are_more() -> None:
    rows = [
        f'[[rate]]\nid = "r{n}"\nform = "flat"\nmatch = {{ secnds = {n} }}\nprice = 1\n'
        for n in range(300)
    ]

    problems = problems_of(HEAD + MODEL + "".join(rows))

    assert len(problems) == 201
    assert problems[0].key == "rate[1].price"
    assert problems[-1].sentence == "has more problems; these are the first 200."
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)


def test_rows_that_all_tie_are_told_up_to_the_same_number() -> None:
    rows = [f'[[rate]]\nid = "r{n}"\nform = "flat"\nprice = "1"\n' for n in range(1000)]

    problems = problems_of(HEAD + MODEL + "".join(rows))

    assert problems[0].key == "rate[2]"
    assert len(problems) == 201
    assert problems[-1].sentence == "has more problems; these are the first 200."


def test_among_very_many_names_a_slip_is_still_told() -> None:
    models = "".join(MODEL.replace('code = "m"', f'code = "model-{n}"') for n in range(300))
    rate = RATE + RATE.replace('"a"', '"b"') + 'match = { model = "modl-77" }\n'

    with pytest.raises(CatalogInvalid) as caught:
        loader.read_text(HEAD + models + rate)

    wrong = next(p for p in caught.value.problems if p.key == "rate[2].match.model")
    assert wrong.sentence == "names the unknown model modl-77. Did you mean model-77?"


@pytest.mark.parametrize("key", ["parent", "inputs", "options", "metadata"])
def test_no_other_word_stands_for_a_field_of_every_order(key: str) -> None:
    alias = f'\n[[alias]]\nkey = "{key}"\nmeans = "mode"\n'

    [problem] = problems_of(GOOD + alias)

    assert (problem.line, problem.key) == (line_of(GOOD + alias, f'key = "{key}"'), "alias[1].key")
