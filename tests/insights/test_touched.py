"""Whom a new catalog touches by what he ordered of late, and by the credits that it converts."""

from datetime import UTC, datetime

import pytest

from billing.accounts.models import Account
from billing.insights.touched import touched
from plans import selectors as plans
from plans.catalog.publish import Change
from tests import factories
from tests.insights.selling import CHEAPER, DEARER, WORTH, catalog, read, sell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop")]


def rows(text: str) -> list[tuple[str, str, str, str]]:
    now = datetime.now(UTC)
    change = Change(plans.current().catalog, read(text), at=now, now=now)
    return [(one.account, one.kind, one.before, one.after) for one in touched(change)]


def test_who_would_pay_more_for_what_he_ordered_is_touched(buyer: Account, eve: Account) -> None:
    factories.give(buyer, 100)
    factories.give(eve, 100)
    sell(buyer)
    sell(eve, seconds=10)

    assert rows(catalog(WORTH, DEARER)) == [("ada", "dearer", "10 credits", "12 credits")]
    assert rows(catalog(WORTH, CHEAPER)) == [("eve", "cheaper", "20 credits", "15 credits")]
    assert rows(catalog(WORTH)) == []


def test_who_used_a_model_that_retires_is_touched(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer)
    model = 'code = "kling-v1-6"\n'
    retired = f'{model}until = 2099-01-01T00:00:00Z\nsuccessor = "kling-v2-6"\n'

    assert rows(catalog(WORTH, (model, retired))) == [
        ("ada", "model_retired", "kling-v1-6", "until 2099-01-01T00:00:00+00:00, then kling-v2-6")
    ]


def test_who_ordered_what_has_no_price_then_is_touched(buyer: Account) -> None:
    factories.give(buyer, 100)
    sell(buyer, seconds=10)
    only_five = ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "10" }')

    assert rows(catalog(WORTH, only_five)) == [
        ("ada", "unpriced", "1 orders of kling-v1-6", "no price")
    ]


def test_whose_credits_are_converted_is_touched(buyer: Account, eve: Account) -> None:
    factories.give(buyer, 35, source="sora")
    factories.give(eve, 35, source="goodwill")
    more = """
[[conversion]]
code = "sunset"
name = { en = "Sunset", zh = "下线" }
at = 2099-01-01T00:00:00Z
from_sources = ["sora"]
factor = "0.5"
"""

    (row,) = rows(catalog(WORTH, more=more))

    assert row == (
        "ada",
        "conversion",
        "35 credits",
        "17.5 credits from 2099-01-01T00:00:00+00:00 on (times 0.5)",
    )
