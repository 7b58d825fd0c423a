"""What buyers of a fault have lost, or have twice, is seen in the rows, and told in its column."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.drift import places
from tests.faults import buying, shoppers
from tests.faults.buying import Kind, Shop
from tests.faults.experiment import Outcome
from tests.faults.plants import _change, _delete, _double
from tests.faults.shoppers import Shoppers
from tests.payments import back

PRICE = 10 * MICROS
KEEPS, BACK = "ada", "eve"
GOOD = {KEEPS: 1, BACK: 0}
_WALLET = "wallet_id = '{wallet}'"
_BOUGHT = "stripe_id = '{payment}'"


@pytest.fixture
def rows(db: None) -> dict[str, str]:
    """Return by name the rows of one who has bought a pack; another was paid back."""
    publish.publish(buying.catalog(), now=datetime.now(UTC))
    named: dict[str, str] = {}
    for name, refunds in ((KEEPS, []), (BACK, [back.refund(PRICE)])):
        account = factories.new_account(name)
        paid = back.payment(account, "plain", paid_micros=PRICE, currency="USD")
        back.look(paid, refunds)
        named.setdefault("wallet", factories.wallet_of(account).pk)
        named.setdefault("payment", paid.id)
    places.forget_the_rules()
    return named


@pytest.fixture
def shop() -> Shop:
    """Return a shop whose events have all come."""
    peer: Any = SimpleNamespace(settle=lambda _seconds: None)
    return Shop(port=0, peer=peer, secret="")


def plant(statement: str, rows: dict[str, str]) -> None:
    """Change a row as somebody with every right could."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**rows))
        assert cursor.rowcount == 1, statement


def judged(shop: Shop, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Return what the verdict on these buyers adds to an experiment."""
    monkeypatch.setattr(shoppers, "_SETTLE_SECONDS", 0)
    nobody: Any = None
    those, outcome = Shoppers(shop, []), Outcome(load=nobody)
    those.expected = expected
    those.judge(outcome)
    return outcome


@pytest.mark.usefixtures("rows")
def test_buyers_who_have_what_they_paid_for_differ_in_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = judged(shop, GOOD, monkeypatch)

    assert (outcome.lost, outcome.doubled, outcome.breaches) == ([], [], [])
    assert outcome.notes == ["2 packs were paid for, 1 of them paid back"]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (_delete("purchase", _BOUGHT), Kind.LOST),
        (_delete("grant", _WALLET), Kind.LOST),
        (_delete("refund", "stripe_id = 're_1'"), Kind.LOST),
        (_double("purchase", '{{"id": "p_twin", "stripe_id": "twin"}}', _BOUGHT), Kind.DOUBLED),
        (_double("grant", '{{"id": "g_twin", "fact": "twin"}}', _WALLET), Kind.DOUBLED),
        (
            _double("refund", '{{"id": "r_twin", "stripe_id": "twin"}}', "stripe_id = 're_1'"),
            Kind.DOUBLED,
        ),
        (
            _change("wallet", "available_micros = available_micros + 1", "id = '{wallet}'"),
            Kind.WRONG,
        ),
        (_change("wallet", "held_micros = 1", "id = '{wallet}'"), Kind.WRONG),
        (_change("wallet", "available_micros = 0", "id = '{wallet}'"), Kind.WRONG),
    ],
)
def test_what_was_planted_in_a_buyers_rows_is_seen(
    rows: dict[str, str], shop: Shop, statement: str, kind: Kind
) -> None:
    plant(statement, rows)

    assert kind in {one.kind for one in shop.differences(GOOD)}


def test_each_difference_is_told_in_its_column(
    rows: dict[str, str], shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.new_account("bob")
    plant(_double("grant", '{{"id": "g_twin", "fact": "twin"}}', _WALLET), rows)

    outcome = judged(shop, {**GOOD, "bob": 1}, monkeypatch)

    assert outcome.lost == ["bob has 0 purchases instead of 1", "bob has 0 grants instead of 1"]
    assert outcome.doubled == [f"{KEEPS} has 2 grants instead of 1"]
    assert outcome.breaches == ["bob has (0, 0), and paid for 1 packs"]


def test_who_cannot_buy_at_all_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Shop, name: str) -> str:
        raise RuntimeError(f"{name} is refused")

    monkeypatch.setattr(Shop, "offer", refuse)
    peer: Any = SimpleNamespace(settle=lambda _seconds: None)
    nobody: Any = None
    outcome = Outcome(load=nobody)
    those = Shoppers(Shop(port=0, peer=peer, secret=""), ["ada"])

    those.start()
    those.stop()
    those.judge(outcome)

    assert outcome.breaches == ["ada: RuntimeError('ada is refused')"]
