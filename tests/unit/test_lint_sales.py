"""Hints about how a catalog is paid for."""

import pytest

from tests.unit.lint_shelf import codes, shop

PLAN = """
[[plan]]
code = "paid"
name = { en = "Paid", zh = "付费" }
prices = [{ currency = "USD", interval = "P1M", list = "10" }]
"""


@pytest.mark.parametrize(
    ("said", "hinted"),
    [
        ('[payments]\nmethods = { USD = ["card"] }', []),
        (
            '[payments]\nmethods = { USD = ["card"], CNY = ["alipay"] }',
            [("method_without_prices", "payments.methods.CNY")],
        ),
        ('[change_policy]\nupgrade = { when = "now", prorate = "none" }', []),
        (
            '[change_policy]\nupgrade = { when = "now", credits = "add", prorate = "none" }',
            [("change_without_effect", "change_policy.upgrade.prorate")],
        ),
        (
            '[change_policy]\ndowngrade = { when = "period_end", credits = "add" }',
            [("change_without_effect", "change_policy.downgrade.credits")],
        ),
    ],
)
def test_what_is_said_of_the_sale_and_never_counts_is_hinted_at(
    said: str, hinted: list[tuple[str, str]]
) -> None:
    assert codes(shop(f"{PLAN}{said}")) == hinted
