"""What the linter tells of orders: holes by their cause, and nothing useless that is not."""

from pathlib import Path

from plans.lint.reading import hints
from tests.unit.lint_shelf import AT, BOOKS, RATE, codes, linted, shop
from tests.unit.shelf import HEAD, MODEL


def test_holes_are_told_by_what_they_have_in_common() -> None:
    catalog = shop(
        rate="""\
[[rate]]
id = "std"
match = { mode = "std" }
form = "flat"
price = "1"
[[rate]]
id = "pro-silent"
match = { mode = "pro", audio = false }
form = "flat"
price = "2"
"""
    )

    [hint] = hints(catalog, at=AT)

    assert hint.sentence == (
        'mode pro, audio true has no rate: {"model": "m", "task": "text_to_video", '
        '"mode": "pro", "seconds": 5, "audio": true, "count": 1}.'
    )


def test_an_order_that_no_plan_allows_needs_no_price() -> None:
    catalog = shop(
        head=HEAD + 'entitlements = { allow = { mode = ["std"] } }\n',
        rate=RATE.replace('form = "per', 'match = { mode = "std" }\nform = "per'),
    )

    assert [code for code, _loc in codes(catalog)] == ["value_not_orderable"]


def test_a_price_that_ends_leaves_a_hole_after_it() -> None:
    catalog = shop(rate=RATE + "until = 2026-12-31T00:00:00Z\n")

    assert codes(catalog) == [("unpriced", "model.0")]


def test_hours_without_a_price_are_seen() -> None:
    night = 'hours = { from = "22:00", to = "06:00", zone = "Asia/Shanghai" }\n'

    assert codes(shop(rate=RATE + night)) == [("unpriced", "model.0")]


def test_a_price_for_one_plan_is_missed_by_the_others() -> None:
    catalog = shop(
        """\
        [[plan]]
        code = "pro"
        name = { en = "Pro", zh = "专业版" }
        unpriced = true
        """,
        rate=RATE.replace('form = "per', 'match = { plan = "pro" }\nform = "per'),
    )

    [hint] = hints(catalog, at=AT)

    assert hint.sentence.startswith("plan free has no rate:")


def test_what_is_promised_for_later_is_not_called_useless() -> None:
    catalog = shop(
        """\
        [[rate]]
        id = "dearer"
        from = 2027-01-01T00:00:00Z
        form = "per_unit"
        basis = "seconds"
        price = "2"
        """
    )

    assert codes(catalog) == []


def test_a_model_of_very_many_orders_is_sampled_and_then_nothing_is_called_useless(
    tmp_path: Path,
) -> None:
    many = "\n".join(
        f"d{n} = {{ values = [{', '.join(str(v) for v in range(20))}], default = 0 }}"
        for n in range(8)
    )
    rates = "\n".join(
        f'[[rate]]\nid = "r{n}"\nmatch = {{ d{n} = 7 }}\nfrom = 2027-0{n + 1}-01T00:00:00Z\n'
        f'until = 2027-0{n + 1}-02T00:00:00Z\nform = "flat"\nprice = "1"'
        for n in range(8)
    )

    catalog = shop(model=MODEL + many + "\n", rate=RATE + rates)

    assert codes(catalog) == []

    source = f"{HEAD}\nentitlements = {{ max = {{ d0 = 5, seconds = 4 }} }}\n"
    found = linted(tmp_path, f"{source}{MODEL}{many}\n{RATE}{rates}")

    assert [(one.severity, one.code) for one in found] == [
        ("note", "sampled"),
        ("hint", "default_not_allowed"),
    ]


def test_a_book_that_prices_nothing_of_a_model_is_told_once() -> None:
    catalog = shop(BOOKS, rate=RATE.replace('form = "per', 'match = { book = "usd" }\nform = "per'))

    [hint] = hints(catalog, at=AT)

    assert (hint.code, hint.loc) == ("book_without_prices", ("book", 0))
    assert hint.sentence == "prices no order of m."


def test_an_account_pays_by_the_first_book_that_fits_and_misses_what_that_one_lacks() -> None:
    catalog = shop(
        BOOKS,
        rate="""\
[[rate]]
id = "usd"
match = { book = "usd" }
form = "flat"
price = "1"
[[rate]]
id = "cny"
match = { book = "cny", audio = false }
form = "flat"
price = "7"
""",
    )

    [hint] = hints(catalog, at=AT)

    assert hint.sentence.startswith("audio true, book cny has no rate:")
    assert hint.sentence.endswith('"count": 1, "book": "cny"}.')


def test_very_many_holes_are_not_told_one_by_one() -> None:
    values = [f"v{number}" for number in range(8)]
    catalog = shop(
        model=MODEL.replace(
            '["std", "pro"], default = "std"', f'{[*values, "std"]}, default = "std"'
        ),
        rate="".join(
            f'[[rate]]\nid = "r{seconds}"\nmatch = {{ mode = "{mode}", count = {seconds} }}\n'
            'form = "flat"\nprice = "1"\n'
            for seconds, mode in enumerate(values, 1)
        ),
    )

    found = hints(catalog, at=AT)

    assert {hint.code for hint in found} == {"unpriced"}
    assert len(found) == 6
    assert found[-1].sentence.endswith("more kinds of orders have no price.")


def test_what_is_kept_for_a_model_that_is_over_still_means_something() -> None:
    over = MODEL.replace('"m"', '"old"').replace(
        "  [[model.task]]", "  until = 2026-01-01T00:00:00Z\n  [[model.task]]", 1
    )
    catalog = shop(
        """\
        [[rate]]
        id = "old"
        match = { model = "old" }
        form = "flat"
        price = "2"
        [[pack]]
        code = "p"
        name = { en = "P", zh = "P" }
        credits = "5"
        scope = { model = "old" }
        """,
        model=MODEL + over,
    )

    assert codes(catalog) == [("ended", "model.1.until")]


def test_sizes_that_follow_from_others_need_not_be_said() -> None:
    catalog = shop(
        model=MODEL
        + """
  width = { min = 1, max = 4096 }
  [[model.derive]]
  when = { mode = "std" }
  set = { width = 1280 }
  [[model.derive]]
  when = { mode = "pro" }
  set = { width = 1920 }
""",
        rate='[[rate]]\nid = "all"\nform = "per_unit"\nbasis = "width"\nprice = "1"\n',
    )

    assert codes(catalog) == []
