"""What changes a price after its form: in order, for whom, and when."""

from datetime import UTC, datetime

import pytest

from plans import rating
from plans.catalog.schema import Catalog
from plans.credits import format_micros
from plans.orders import read_order
from plans.rating import Price
from tests.unit.shelf import HEAD, NOON, catalog, problems_of

MODEL = """\
[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [[model.task]]
  code = "text_to_video"

  [model.dimensions]
  seconds = { min = 1, max = 60, default = 10 }
  images = { min = 0, max = 9, default = 0 }
  fps = { min = 1, max = 120, default = 24 }
  audio = { values = [false, true], default = false }
  count = { min = 1, max = 10, default = 1 }
"""
PER_SECOND = "[[rate]]\nid = 'r'\nform = 'per_unit'\nbasis = 'seconds'\nprice = '1'\n"


def shop(modifiers: str) -> Catalog:
    return catalog(PER_SECOND + modifiers, model=MODEL)


def priced(of: Catalog, *, at: datetime = NOON, **spec: object) -> Price:
    return rating.rate(of, read_order(of, {"model": "m", **spec}).dimensions, at=at)


def total(of: Catalog, *, at: datetime = NOON, **spec: object) -> str:
    return format_micros(priced(of, at=at, **spec).total_micros)


def test_modifiers_count_in_the_order_of_the_file() -> None:
    add_first = shop("[[modifier]]\nid = 'a'\nadd = '2'\n[[modifier]]\nid = 'b'\nfactor = '0.5'\n")
    add_last = shop("[[modifier]]\nid = 'b'\nfactor = '0.5'\n[[modifier]]\nid = 'a'\nadd = '2'\n")

    assert (total(add_first), total(add_last)) == ("6", "7")


def test_each_item_beyond_the_free_ones_costs_its_price() -> None:
    of = shop("[[modifier]]\nid = 'i'\nper_item = { basis = 'images', beyond = 5, price = '0.04' }")

    assert [total(of, images=n) for n in (0, 5, 6, 9)] == ["10", "10", "10.04", "10.16"]


def test_a_ratio_is_exact() -> None:
    of = shop("[[modifier]]\nid = 'draft'\nfactor = '1/7'")

    assert total(of, seconds=7) == "1"
    assert priced(of, seconds=1).exact_micros * 7 == 10**6


def test_a_range_of_numbers_chooses_whom_a_modifier_is_for() -> None:
    of = shop(
        "[[modifier]]\nid = 'a'\nmatch = { fps = { min = 31, max = 60 } }\nfactor = '2'\n"
        "[[modifier]]\nid = 'b'\nmatch = { fps = { min = 61 } }\nfactor = '4'\n"
    )

    assert [total(of, fps=n) for n in (30, 31, 60, 61)] == ["10", "20", "20", "40"]


def test_bounds_count_where_they_stand() -> None:
    of = shop(
        "[[modifier]]\nid = 'least'\nat_least = '15'\n"
        "[[modifier]]\nid = 'loud'\nmatch = { audio = true }\nfactor = '2'\n"
        "[[modifier]]\nid = 'most'\nat_most = '40'\n"
    )

    assert total(of) == "15"
    assert total(of, audio=True) == "30"
    assert total(of, audio=True, seconds=60) == "40"


def test_a_promotion_has_its_time_and_the_list_price_is_kept() -> None:
    of = shop(
        "[[modifier]]\nid = 'loud'\nmatch = { audio = true }\nadd = '5'\n"
        "[[modifier]]\nid = 'autumn'\nfactor = '0.7'\n"
        "from = 2026-09-01T00:00:00+08:00\nuntil = 2026-10-01T00:00:00+08:00\n"
    )
    last, over = (
        datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC),
        datetime(2026, 9, 30, 16, tzinfo=UTC),
    )

    sale = priced(of, at=last, audio=True)

    assert (sale.total_micros, sale.list_micros) == (10_500_000, 15_000_000)
    assert [(line.label, line.micros) for line in sale.lines][-1] == ("autumn * 7/10", -4_500_000)
    assert priced(of, at=over, audio=True).total_micros == 15_000_000


def test_hours_of_the_day_count_on_the_clocks_of_their_zone_and_over_midnight() -> None:
    of = shop(
        "[[modifier]]\nid = 'night'\nfactor = '0.5'\n"
        "hours = { from = '22:00', to = '06:00', zone = 'Asia/Shanghai' }\n"
    )

    def at(hour: int, minute: int) -> str:
        return total(of, at=datetime(2026, 11, 23, hour, minute, tzinfo=UTC))

    assert [at(13, 59), at(14, 0), at(21, 59), at(22, 0)] == ["10", "5", "5", "10"]


def test_a_row_that_counts_for_a_time_comes_before_the_one_that_always_counts() -> None:
    of = catalog(
        PER_SECOND + "[[rate]]\nid = 'sale'\nform = 'flat'\nprice = '3'\n"
        "until = '2026-12-01T00:00:00+00:00'\n",
        model=MODEL,
    )

    sale = priced(of)

    assert (sale.rate_id, sale.total_micros, sale.list_micros) == ("sale", 3_000_000, 10_000_000)
    assert priced(of, at=datetime(2026, 12, 1, tzinfo=UTC)).rate_id == "r"


def test_a_factor_of_zero_makes_a_price_free_for_whom_it_is() -> None:
    of = shop("[[modifier]]\nid = 'member'\nmatch = { plan = 'free' }\nfactor = '0'\n")
    facts = read_order(of, {"model": "m"}).dimensions

    assert rating.rate(of, {**facts, "plan": "free"}, at=NOON).total_micros == 0
    assert rating.rate(of, facts, at=NOON).total_micros == 10_000_000


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("factor = '1'\nadd = '2'", "has factor, add at once: say exactly one of factor"),
        ("label = { en = 'x', zh = 'x' }", "needs one of factor, add"),
        ("factor = '-1'", 'must be a decimal or a ratio in quotes, such as "0.7" or "1/7".'),
        ("factor = 0.7", 'must be a decimal in quotes: write "0.7" instead of 0.7.'),
        ("add = '1'\nfrom = 2026-01-01", "must be an instant with its offset"),
        (
            "add = '1'\nfrom = 2026-01-02T00:00:00Z\nuntil = 2026-01-02T00:00:00Z",
            "ends (until) before it begins (from).",
        ),
        ("add = '1'\nmatch = { fps = { min = 3, max = 2 } }", "must be a range such as"),
        ("add = '1'\nmatch = { audoi = true }", "Did you mean audio?"),
        ("per_item = { basis = 'audio', price = '1' }", "must be a dimension of whole numbers."),
        ("add = '1'\nhours = { from = '8', to = '09:00', zone = 'UTC' }", 'such as "08:00"'),
    ],
)
def test_a_modifier_that_cannot_be_meant_is_refused(said: str, sentence: str) -> None:
    problems = problems_of(f"{HEAD}\n{MODEL}\n{PER_SECOND}[[modifier]]\nid = 'x'\n{said}\n")

    assert any(sentence in problem.sentence for problem in problems), problems


FREE = "[[rate]]\nid = 'gift'\nmatch = { audio = true }\nform = 'flat'\nprice = '0'\nfree = true\n"
EXTRA = "[[modifier]]\nid = 'e'\nper_item = { basis = 'images', price = '2' }\n"


def test_what_is_free_by_its_row_stays_free_whatever_modifiers_add() -> None:
    price = priced(shop(FREE + EXTRA), audio=True, images=3)

    assert (price.total_micros, price.list_micros) == (0, 0)
    assert total(shop(FREE + EXTRA), images=3) == "16"


def test_a_free_row_that_adds_up_to_something_is_modified_as_any_other() -> None:
    also = "also = [{ basis = 'images', price = '1' }]\n"

    assert total(shop(FREE + also + EXTRA), audio=True, images=3) == "9"


def test_what_is_free_for_a_time_has_the_modified_price_as_its_list_price() -> None:
    until = "until = 2027-01-01T00:00:00Z\n"

    price = priced(shop(FREE + until + EXTRA), audio=True, images=3)

    assert price.total_micros == 0
    assert format_micros(price.list_micros) == "16"


def test_an_order_without_the_item_has_no_line_of_it() -> None:
    lines = [line.label for line in priced(shop(EXTRA)).lines]

    assert lines == ["r: 10 at 1"]
